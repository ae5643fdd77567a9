import { opOf } from '../ops/op.js'
import { FoveaError } from '../trace/error.js'
import { numbering, printEqn } from './print.js'
import { type Aval, type Eqn, type Fn, type Json, sameShape, showAval, type Var } from './types.js'

/**
 * Holds an Fn to the IR's rules and returns it: every value is defined once, before it is read, under an id of its own;
 * every op is known and accepts its operands; results have the types that the op infers; params are JSON.
 * Throws FoveaError 'ir', naming the equation as `print` shows it.
 */
export function verify(fn: Fn): Fn {
  const nameOf = numbering(fn)
  const defined = new Set<Var>()
  const ids = new Set<number>()
  const fail = (problem: string, eqn?: Eqn): never => {
    throw new FoveaError(
      'ir',
      `'${fn.name}': ${problem}${eqn ? `, in\n  ${printEqn(eqn, nameOf, { places: false })}` : ''}`,
      eqn?.loc,
    )
  }
  const define = (v: Var, eqn?: Eqn): void => {
    if (defined.has(v)) fail(`${nameOf(v)} is defined twice`, eqn)
    if (ids.has(v.id)) fail(`${nameOf(v)} has the id of another value, ${v.id}`, eqn)
    defined.add(v)
    ids.add(v.id)
  }

  for (const v of fn.inputs) define(v)
  for (const eqn of fn.eqns) {
    for (const v of eqn.inputs) if (!defined.has(v)) fail(`${nameOf(v)} is read before it is defined`, eqn)
    for (const key of Object.keys(eqn.params)) if (!isJson(eqn.params[key])) fail(`param '${key}' is not JSON`, eqn)
    eqn.fns?.forEach(verify)
    const expected = inferred(eqn, (problem) => fail(problem, eqn))
    if (expected.length !== eqn.outputs.length)
      fail(`${eqn.op} gives ${expected.length} results, not ${eqn.outputs.length}`, eqn)
    eqn.outputs.forEach((v, i) => {
      if (!sameAval(v.aval, expected[i]))
        fail(`${nameOf(v)} is ${showAval(v.aval)}, but ${eqn.op} gives ${showAval(expected[i])}`, eqn)
      define(v, eqn)
    })
  }
  for (const v of fn.outputs) if (!defined.has(v)) fail(`${nameOf(v)} is returned but not defined`)
  return fn
}

function inferred(eqn: Eqn, fail: (problem: string) => never): Aval[] {
  try {
    return opOf(eqn.op).infer(
      eqn.inputs.map((v) => v.aval),
      eqn.params,
      eqn.fns ?? [],
    )
  } catch (err) {
    return fail((err as Error).message)
  }
}

export const sameAval = (a: Aval, b: Aval): boolean => a.dtype === b.dtype && sameShape(a.shape, b.shape)

function isJson(value: Json): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  return typeof value === 'object' && Object.values(value).every(isJson)
}
