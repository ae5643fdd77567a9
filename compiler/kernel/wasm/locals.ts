import type { Expr, ExprType } from '../expr.js'
import { op, uleb, type ValType } from './binary.js'
import { valType } from './opcodes.js'

/** Instructions, nested as they are made. */
export type Code = readonly (number | Code)[]

/** The locals of a function: named ones, and spare ones for parts that a statement uses twice. */
export interface Locals {
  readonly types: readonly ValType[]
  /** The local of a name, made on the first call, or when its type has changed. */
  declare(name: string, t: ExprType): number
  /** Gives a name to a local there is. */
  name(name: string, at: number, t: ExprType): void
  get(name: string): Code
  set(name: string): Code
  /** A spare local, free again when the next statement begins. */
  take(t: ExprType): number
  /** Begins a statement that evaluates these. */
  begin(...xs: readonly Expr[]): void
  /** What is known of a part that this statement uses twice: its local, or that it has none yet. */
  readonly shared: Map<Expr, number | undefined>
}

export function createLocals(params: number): Locals {
  const types: ValType[] = []
  const names = new Map<string, { readonly at: number; readonly t: ExprType }>()
  const spare = new Map<ValType, number[]>()
  let taken: [ValType, number][] = []
  const shared = new Map<Expr, number | undefined>()
  const add = (t: ValType): number => params + types.push(t) - 1
  const find = (name: string): number => {
    const known = names.get(name)
    if (!known) throw new Error(`internal: '${name}' is used before it is set`)
    return known.at
  }
  return {
    types,
    shared,
    declare(name, t) {
      const known = names.get(name)
      if (known && known.t === t) return known.at
      const at = add(valType(t))
      names.set(name, { at, t })
      return at
    },
    name(name, at, t) {
      names.set(name, { at, t })
    },
    get: (name) => [op.localGet, uleb(find(name))],
    set: (name) => [op.localSet, uleb(find(name))],
    take(t) {
      const v = valType(t)
      const at = spare.get(v)?.pop() ?? add(v)
      taken.push([v, at])
      return at
    },
    begin(...xs) {
      for (const [v, at] of taken) {
        const list = spare.get(v)
        if (list) list.push(at)
        else spare.set(v, [at])
      }
      taken = []
      shared.clear()
      for (const x of usedTwice(xs)) shared.set(x, undefined)
    },
  }
}

/** Operations and loads that occur more than once. */
function usedTwice(xs: readonly Expr[]): Set<Expr> {
  const seen = new Set<Expr>()
  const twice = new Set<Expr>()
  const visit = (x: Expr): void => {
    if (x.k === 'lit' || x.k === 'var') return
    if (seen.has(x)) {
      // An address is a sum and a constant that belongs to the instruction: its sum is what is shared.
      if (x.k === 'load' || x.f !== 'offset') twice.add(x)
      return
    }
    seen.add(x)
    if (x.k === 'load') visit(x.at)
    else x.args.forEach(visit)
  }
  xs.forEach(visit)
  return twice
}
