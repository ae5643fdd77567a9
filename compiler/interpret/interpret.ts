import { printEqn } from '../ir/print.js'
import { type Fn, showAval, size, type Var } from '../ir/types.js'
import { sameAval } from '../ir/verify.js'
import { opOf, type RefArray } from '../ops/op.js'
import { FoveaError } from '../trace/error.js'

/**
 * The reference interpreter: runs an Fn equation by equation in f64 on plain arrays, by each record's `eval`.
 * Every other way of running is held against it. `round` is what becomes of each result before it is read: a model of another
 * arithmetic than f64. Throws FoveaError 'input' when the inputs are not what the Fn takes.
 */
export function interpret(
  fn: Fn,
  inputs: readonly RefArray[],
  round: (result: RefArray, v: Var) => RefArray = (x) => x,
): RefArray[] {
  if (inputs.length !== fn.inputs.length)
    throw new FoveaError('input', `interpret: '${fn.name}' takes ${fn.inputs.length} arrays, got ${inputs.length}`)
  const env = new Map<Var, RefArray>()
  fn.inputs.forEach((v, i) => {
    if (!sameAval(v.aval, inputs[i]) || inputs[i].data.length !== size(inputs[i].shape))
      throw new FoveaError(
        'input',
        `interpret: input ${i} of '${fn.name}' is ${showAval(v.aval)}, got ${showAval(inputs[i])} with ${inputs[i].data.length} elements`,
      )
    env.set(v, inputs[i])
  })
  for (const eqn of fn.eqns) {
    const results = opOf(eqn.op).eval(
      eqn.inputs.map((v) => env.get(v)!),
      eqn.params,
      eqn.outputs.map((v) => v.aval),
      eqn.fns ?? [],
    )
    eqn.outputs.forEach((v, i) => {
      const result = results[i]
      if (!result || !sameAval(v.aval, result) || result.data.length !== size(v.aval.shape))
        throw new FoveaError(
          'ir',
          `interpret: eval of '${eqn.op}' gave ${result ? `${showAval(result)} with ${result.data.length} elements` : 'no result'}, in\n  ${printEqn(eqn, (x) => `%${x.id}`, { places: false })}`,
          eqn.loc,
        )
      env.set(v, round(result, v))
    })
  }
  return fn.outputs.map((v) => env.get(v)!)
}
