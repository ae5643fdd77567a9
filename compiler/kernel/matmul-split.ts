import type { Expr, Exprs, ExprType } from './expr.js'
import { type Scratch, type Stmt, scratchBase } from './ir.js'

/** Lanes of a workgroup that have parts of the same sums. */
export interface Shares {
  /** Registers with an invocation's part of each sum. */
  readonly names: readonly string[]
  readonly t: ExprType
  /** Invocations of a workgroup, and the number of this one. */
  readonly lanes: number
  readonly lane: Expr
  /** Which part this invocation has, of how many (a power of two), and how far apart invocations with neighbouring parts are. */
  readonly part: Expr
  readonly split: number
  readonly apart: number
}

/** Adds the parts up, pair by pair in a fixed order, into the registers of the invocations that have part 0. */
export function addShares(
  e: Exprs,
  { names, t, lanes, lane, part, split, apart }: Shares,
): { body: Stmt[]; scratch: Scratch[] } {
  const slot = (register: number, at: Expr): Expr => e.iadd(e.index(register * lanes), at)
  const put = names.map(
    (x, i): Stmt => ({ k: 'store', buffer: scratchBase, at: slot(i, lane), value: e.variable(x, t) }),
  )
  const take = (half: number): Stmt[] =>
    names.map((x, i): Stmt => {
      const other = e.load(scratchBase, t, slot(i, e.iadd(lane, e.index(half * apart))))
      return { k: 'set', name: x, value: e.call('add', t, [e.variable(x, t), other]) }
    })
  const body: Stmt[] = [...put, { k: 'barrier' }]
  for (let half = split / 2; half >= 1; half /= 2) {
    const cond = e.call('lt', 'bool', [part, e.index(half)])
    body.push({ k: 'if', cond, body: half > 1 ? [...take(half), ...put] : take(half) })
    if (half > 1) body.push({ k: 'barrier' })
  }
  return { body, scratch: [{ t, size: names.length * lanes, per: 'workgroup' }] }
}
