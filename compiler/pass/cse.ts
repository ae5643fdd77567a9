import { builder } from '../ir/build.js'
import { showJson } from '../ir/print.js'
import type { Eqn, Fn } from '../ir/types.js'

/**
 * Common subexpression elimination: equations of the same op, inputs and params become one, the first, which keeps its place.
 * Ops are pure, so equal text means equal values.
 */
export function cse(fn: Fn): Fn {
  const b = builder(fn)
  const seen = new Map<string, Eqn>()
  for (const original of fn.eqns) {
    const eqn = b.update(original)
    const key = `${eqn.op}(${eqn.inputs.map((v) => v.id).join()})${showJson(eqn.params)}`
    const first = seen.get(key)
    if (first) {
      eqn.outputs.forEach((v, i) => {
        b.replace(v, first.outputs[i])
      })
    } else {
      seen.set(key, eqn)
      b.push(eqn)
    }
  }
  return b.finish()
}
