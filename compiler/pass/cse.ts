import { builder } from '../ir/build.js'
import { print, showJson } from '../ir/print.js'
import type { Eqn, Fn, Json } from '../ir/types.js'

/**
 * Common subexpression elimination: equations of the same op, inputs and params become one, the first, which keeps its place.
 * Ops are pure, so equal equations mean equal values.
 */
export function cse(fn: Fn): Fn {
  const b = builder(fn)
  const seen = new Map<string, Eqn[]>()
  for (const original of fn.eqns) {
    const eqn = b.update(original)
    // Most equations have inputs of their own, so that params need no text.
    const key = `${eqn.op} ${eqn.inputs.length ? eqn.inputs.map((v) => v.id) : showJson(eqn.params)}`
    const alike = seen.get(key)
    const first = alike?.find((q) => sameJson(q.params, eqn.params) && sameFns(q.fns, eqn.fns))
    if (first) {
      eqn.outputs.forEach((v, i) => {
        b.replace(v, first.outputs[i])
      })
      continue
    }
    if (alike) alike.push(eqn)
    else seen.set(key, [eqn])
    b.push(eqn)
  }
  return b.finish()
}

const sameFns = (a: readonly Fn[] = [], b: readonly Fn[] = []): boolean =>
  a.length === b.length && a.every((fn, i) => fn === b[i] || text(fn) === text(b[i]))
const text = (fn: Fn): string => print(fn, { places: false })

function sameJson(a: Json, b: Json): boolean {
  if (Object.is(a, b)) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  const [entries, others] = [Object.entries(a), Object.entries(b)]
  return (
    entries.length === others.length && entries.every(([k, x], i) => k === others[i][0] && sameJson(x, others[i][1]))
  )
}
