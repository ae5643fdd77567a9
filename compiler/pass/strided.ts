import { size, type Var } from '../ir/types.js'
import { stridesOf } from '../ops/rules.js'
import { type Graph, mapRule } from './graph.js'

/** A value as a strided window on another that is in memory. */
export interface Strided {
  readonly base: Var
  readonly offset: number
  readonly strides: readonly number[]
}

/**
 * Follows views down from `v` to the value that has to be in memory so that `v` is a strided window on it. Values in
 * `stored` are in memory already.
 */
export function strided(graph: Graph, v: Var, stored: (v: Var) => boolean): Strided {
  const chain: Var[] = []
  let base = v
  for (;;) {
    const eqn = graph.def.get(base)
    if (!eqn || stored(base) || !mapRule(eqn)?.strides) break
    chain.unshift(base)
    base = eqn.inputs[0]
  }
  let window: Strided = { base, offset: 0, strides: stridesOf(base.aval.shape) }
  for (const view of chain) {
    const eqn = graph.def.get(view)!
    const next = mapRule(eqn)!.strides!({
      shape: eqn.inputs[0].aval.shape,
      strides: window.strides,
      params: eqn.params,
      out: view.aval,
    })
    window = next
      ? { base: window.base, offset: window.offset + next.offset, strides: next.strides }
      : { base: view, offset: 0, strides: stridesOf(view.aval.shape) }
  }
  // A window much larger than what is behind it repeats elements; that is what broadcasts do and costs nothing.
  return size(window.base.aval.shape) === 0 ? { base: v, offset: 0, strides: stridesOf(v.aval.shape) } : window
}
