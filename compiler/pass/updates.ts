import type { Eqn, Fn, Var } from '../ir/types.js'
import { graphOf, isAnchor, mapRule } from './graph.js'

/**
 * Chooses the updates of a window that are made in place: operand 0 is in memory that may be taken, a donated input's or that of
 * a value nothing reads afterwards. They are marked by the param `inPlace`; the others stay pointwise values, which fuse.
 */
export function updates(fn: Fn, donated: ReadonlySet<Var>): Fn {
  if (!fn.eqns.some((eqn) => mapRule(eqn)?.update)) return fn
  const graph = graphOf(fn)
  /** Values whose memory an update has taken. */
  const taken = new Set<Var>()
  const inPlace = new Set<Var>()
  const inMemory = (x: Var): boolean => {
    const def = graph.def.get(x)
    if (!def) return donated.has(x) && becomesOutput(x)
    // What one kernel makes and only the update reads is rather written once, with the window in it.
    if (def.fns || inPlace.has(x)) return true
    return isAnchor(def) && (graph.uses.get(x)?.length ?? 0) > 1
  }
  /** The memory of an input that may be taken goes on to an output, through updates. */
  const becomesOutput = (x: Var): boolean =>
    (graph.uses.get(x) ?? []).some(
      (use) =>
        use.fns !== undefined ||
        (use.inputs[0] === x &&
          mapRule(use)?.update &&
          (graph.isOutput(use.outputs[0]) || becomesOutput(use.outputs[0]))),
    )
  const eqns = fn.eqns.map((eqn) => {
    if (!mapRule(eqn)?.update) return eqn
    const [x] = eqn.inputs
    if (taken.has(x) || graph.isOutput(x) || !inMemory(x) || readsAfter(eqn, x)) return eqn
    taken.add(x)
    inPlace.add(eqn.outputs[0])
    return { ...eqn, params: { ...eqn.params, inPlace: true } }
  })
  /** Something computed from the update reads what was there before it. */
  function readsAfter(eqn: Eqn, x: Var): boolean {
    const seen = new Set<Eqn>()
    const stack = [eqn]
    for (let q = stack.pop(); q; q = stack.pop())
      for (const v of q.outputs)
        for (const use of graph.uses.get(v) ?? []) {
          if (use.inputs.includes(x)) return true
          if (!seen.has(use)) stack.push(use)
          seen.add(use)
        }
    return false
  }
  return { ...fn, eqns }
}
