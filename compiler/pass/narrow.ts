import { builder } from '../ir/build.js'
import type { Fn, Var } from '../ir/types.js'
import { mapRule } from './graph.js'

/** Operands of one equation that a kernel can surely bind beside its result. */
const most = 4

/**
 * Splits equations of many operands (concatenations) into a tree of equations of few, so that each fits a kernel's bindings.
 * Only ops that say how they split are wide.
 */
export function narrow(fn: Fn): Fn {
  const b = builder(fn)
  for (const original of fn.eqns) {
    const eqn = b.update(original)
    if (eqn.inputs.length <= most || !mapRule(eqn)?.associative) {
      b.push(eqn)
      continue
    }
    let parts: readonly Var[] = eqn.inputs
    while (parts.length > most) {
      const next: Var[] = []
      for (let i = 0; i < parts.length; i += most) {
        const some = parts.slice(i, i + most)
        if (some.length === 1) {
          next.push(some[0])
          continue
        }
        const joined = b.make(eqn.op, some, eqn.params, eqn)
        b.push(joined)
        next.push(joined.outputs[0])
      }
      parts = next
    }
    b.push({ ...eqn, inputs: parts })
  }
  return b.finish()
}
