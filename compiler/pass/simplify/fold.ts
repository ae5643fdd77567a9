import { held } from '../../ir/dtype.js'
import type { Aval, DType, Var } from '../../ir/types.js'
import { constantValue } from '../../ops/create.js'
import { opOf, type RefArray } from '../../ops/op.js'
import { type Context, type Rule, repeat, splat } from './rule.js'

/**
 * Constant folding by the records' own `eval`: an op on scalar constants that gives a scalar, and an elementwise op on repeated
 * constants, become a constant. Operands and result are rounded, as the device would.
 */
export const fold: Rule = (eqn, c) => {
  const { inputs, params } = eqn
  const [out] = eqn.outputs
  if (!inputs.length || eqn.fns) return undefined
  const constants: RefArray[] = []
  for (const v of inputs) {
    const constant = splat(v, c)
    if (!constant) return undefined
    const { dtype } = constant.outputs[0].aval
    constants.push({ shape: [], dtype, data: Float64Array.of(held(constantValue(constant.params.value), dtype)) })
  }
  const record = opOf(eqn.op)
  const elementwise = record.batch === 'elementwise' && record.kernel.kind === 'map'
  if (!elementwise && [...inputs, out].some((v) => v.aval.shape.length)) return undefined
  const scalar: Aval = { shape: [], dtype: out.aval.dtype }
  const [value] = record.eval(constants, params, [scalar])
  return repeat(constantVar(value.data[0], scalar.dtype, c), out.aval.shape, c)
}

function constantVar(value: number, dtype: DType, c: Context): Var {
  const x = held(value, dtype)
  const json = Object.is(x, -0) ? '-0' : Number.isFinite(x) ? x : String(x)
  return c.make('constant', [], { value: json, dtype })
}
