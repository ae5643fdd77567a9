import { builder } from '../ir/build.js'
import type { Fn, Var } from '../ir/types.js'
import { kindOf } from './graph.js'

/** Gives every output a value of its own: an output that is an input, the same value as another output, or a barrier's name of one is copied. */
export function copies(fn: Fn): Fn {
  const taken = new Set<Var>(fn.inputs)
  const b = builder(fn)
  for (const eqn of fn.eqns) {
    b.push(eqn)
    if (kindOf(eqn) === 'control' && !eqn.fns) for (const v of eqn.outputs) taken.add(v)
  }
  const outputs = fn.outputs.map((v) => {
    if (!taken.has(v)) {
      taken.add(v)
      return v
    }
    // At run time stopGradient is the identity.
    const copy = b.make('stopGradient', [v], {}, { scope: '' })
    b.push(copy)
    return copy.outputs[0]
  })
  return { ...b.finish(), outputs }
}
