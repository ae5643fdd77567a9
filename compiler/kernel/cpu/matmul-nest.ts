import type { Expr, Exprs } from '../expr.js'
import { type Scratch, type Stmt, scratchBase } from '../ir.js'
import type { Operand } from './matmul-operand.js'
import type { Tiling } from './matmul-tiling.js'

/** What the parts of the strategy share: the sides of the product, its tiling, and the variables of the loops. */
export interface Nest {
  readonly e: Exprs
  readonly rows: Operand
  readonly columns: Operand
  readonly tiling: Tiling
  /** Fours of columns of the whole product. */
  readonly quads: number
  /** Steps in blocks of `tiling.depth`. */
  readonly blocks: number
  readonly batch: readonly Expr[]
  readonly band: Expr
  readonly strip: Expr
  readonly block: Expr
  /** How many groups of rows, panels of fours of columns and steps there are here: the last ones are shorter. */
  readonly groups: Expr
  readonly panels: Expr
  readonly steps: Expr
  /** A group of rows, a panel, a step of this block. */
  readonly i: Expr
  readonly j: Expr
  readonly k: Expr
  /** The first step of the block. */
  readonly start: Expr
  /** A new array of the thread's own. */
  allocate(size: number): number
}

export const list = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** A variable that counts to `n`; nothing to count: 0. */
export const axis = (e: Exprs, name: string, n: number): Expr => (n <= 1 ? e.index(0) : e.variable(name, 'u32', n - 1))

/** `index` from `from` up to `count`; without a loop where there is one turn. */
export function loop(index: Expr, count: Expr, body: readonly Stmt[], from?: Expr): Stmt[] {
  if (index.k !== 'var' && count.k === 'lit' && count.value === 1) return [...body]
  const name = index.k === 'var' ? index.name : 'none'
  return [{ k: 'loop', index: name, from, count: count.k === 'lit' ? count.value : count, body }]
}

/** `whole` of everything but the last of `n`, which has `last`. */
export function sizeAt(e: Exprs, at: Expr, n: number, whole: number, last: number): Expr {
  if (n <= 1 || whole === last) return e.index(n <= 1 ? last : whole)
  const isLast = e.call('eq', 'bool', [at, e.index(n - 1)])
  return e.call('select', 'u32', [isLast, e.index(last), e.index(whole)], Math.max(whole, last))
}

export function scratchArrays(): { scratch: Scratch[]; allocate: (size: number) => number } {
  const scratch: Scratch[] = []
  return { scratch, allocate: (size) => scratchBase + scratch.push({ t: 'f32', size, per: 'invocation' }) - 1 }
}
