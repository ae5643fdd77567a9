import { builder } from '../ir/build.js'
import type { Fn, Var } from '../ir/types.js'

/** Gives every output a value of its own: an output that is an input, or the same value as another output, is copied. */
export function copies(fn: Fn): Fn {
  const taken = new Set<Var>(fn.inputs)
  const b = builder(fn)
  for (const eqn of fn.eqns) b.push(eqn)
  const outputs = fn.outputs.map((v) => {
    if (!taken.has(v)) {
      taken.add(v)
      return v
    }
    // At run time stopGradient is the identity.
    const copy = b.make('stopGradient', [v], {}, { op: '', inputs: [], params: {}, outputs: [], scope: '' })
    b.push(copy)
    return copy.outputs[0]
  })
  return { ...b.finish(), outputs }
}
