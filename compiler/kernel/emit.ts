import { isNarrow } from '../ir/dtype.js'
import type { Aval, Var } from '../ir/types.js'
import { type Graph, isElementwise, mapRule } from '../pass/graph.js'
import { type Expr, type Exprs, sameIndex } from './expr.js'
import { fitted, widened } from './narrow.js'

/** Thrown when a group would read its own reduction or product at another index than the one it has at hand. */
export class NotAtHand extends Error {}

/** A value that a kernel holds in a register, at one index. */
export interface Held {
  readonly index: readonly Expr[]
  readonly value: Expr
}

export interface EmitContext {
  readonly e: Exprs
  readonly graph: Graph
  /** Values this kernel computes as reductions or products. */
  readonly held: ReadonlyMap<Var, Held>
  /** Values that are in memory for this kernel. */
  readonly inMemory: (v: Var) => boolean
  readonly load: (v: Var, index: readonly Expr[]) => Expr
  /** Moves inverted on the way to a held value: `v` at `index` is operand 0 at `from`. */
  readonly moves?: ReadonlyMap<Var, { index: readonly Expr[]; from: readonly Expr[] }>
}

/** Dims of size 1 are always read at 0, so that indices compare. */
export const canonical = (e: Exprs, index: readonly Expr[], { shape }: Aval): readonly Expr[] =>
  shape.includes(1) ? index.map((x, d) => (shape[d] === 1 ? e.index(0) : x)) : index

/** Makes the function that gives the element of a value at an index, inlining everything that is not in memory. */
export function emitter(c: EmitContext): (v: Var, index: readonly Expr[]) => Expr {
  /** What was read of each value: mostly at one index, seldom at more than a few. */
  const memo = new Map<Var, Held[]>()
  const read = (v: Var, at: readonly Expr[]): Expr => {
    const index = canonical(c.e, at, v.aval)
    let known = memo.get(v)
    if (!known) {
      known = []
      memo.set(v, known)
    }
    for (const x of known) if (sameIndex(x.index, index)) return x.value
    const value = make(v, index)
    known.push({ index, value })
    return value
  }
  const make = (v: Var, index: readonly Expr[]): Expr => {
    const held = c.held.get(v)
    if (held) {
      if (!sameIndex(canonical(c.e, held.index, v.aval), index)) throw new NotAtHand()
      return held.value
    }
    if (c.inMemory(v)) return c.load(v, index)
    const eqn = c.graph.def.get(v)!
    const rule = mapRule(eqn)
    if (!rule) throw new NotAtHand()
    const move = c.moves?.get(v)
    if (move && sameIndex(canonical(c.e, move.index, v.aval), index)) return read(eqn.inputs[0], move.from)
    const { dtype } = v.aval
    const operands = new Set<Expr>()
    const value = rule.value({
      e: c.e,
      read: (i, at) => {
        const x = read(eqn.inputs[i], at)
        if (eqn.inputs[i].aval.dtype === dtype) operands.add(x)
        return x
      },
      index,
      params: eqn.params,
      ins: eqn.inputs.map((x) => widened(x.aval)),
      out: widened(v.aval),
    })
    return isNarrow(dtype) ? fitted(c.e, dtype, value, operands) : value
  }
  return read
}

/**
 * The index of `v` at which the held value `target` (at `index`) is what `v` is made of, through elementwise ops and moves
 * that are bijections; with the moves inverted on the way. null: there is no such path.
 */
export function alignTo(
  e: Exprs,
  graph: Graph,
  v: Var,
  target: Var,
  index: readonly Expr[],
  inMemory: (v: Var) => boolean,
): { index: readonly Expr[]; moves: Map<Var, { index: readonly Expr[]; from: readonly Expr[] }> } | null {
  const moves = new Map<Var, { index: readonly Expr[]; from: readonly Expr[] }>()
  const seen = new Map<Var, readonly Expr[] | null>()
  const n = target.aval.shape.reduce((a, b) => a * b, 1)
  const walk = (x: Var, top: boolean): readonly Expr[] | null => {
    if (x === target) return index
    const known = seen.get(x)
    if (known !== undefined) return known
    seen.set(x, null)
    const eqn = graph.def.get(x)
    const rule = eqn && mapRule(eqn)
    if (!rule || (!top && inMemory(x)) || x.aval.shape.reduce((a, b) => a * b, 1) !== n) return null
    let found: readonly Expr[] | null = null
    if (isElementwise(eqn)) {
      for (const operand of eqn.inputs) found ??= walk(operand, false)
    } else if (rule.inverse) {
      const from = walk(eqn.inputs[0], false)
      if (from) {
        found = rule.inverse({ e, index: from, params: eqn.params, in: eqn.inputs[0].aval, out: x.aval })
        moves.set(x, { index: found, from })
      }
    }
    seen.set(x, found)
    return found
  }
  const at = walk(v, true)
  return at ? { index: at, moves } : null
}
