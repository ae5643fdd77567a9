import type { Eqn, Fn, Var } from '../ir/types.js'

/** Dead code elimination: keeps the equations that some output needs. Inputs stay, read or not. */
export function dce(fn: Fn): Fn {
  const needed = new Set<Var>(fn.outputs)
  const kept: Eqn[] = []
  for (let i = fn.eqns.length - 1; i >= 0; i--) {
    const eqn = fn.eqns[i]
    if (!eqn.outputs.some((v) => needed.has(v))) continue
    for (const v of eqn.inputs) needed.add(v)
    kept.push(eqn)
  }
  return { ...fn, eqns: kept.reverse() }
}
