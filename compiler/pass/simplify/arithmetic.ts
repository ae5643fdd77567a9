import type { Var } from '../../ir/types.js'
import { constantValue } from '../../ops/create.js'
import { type Context, operandsOf, type Rule, splat } from './rule.js'

/** Identities of elementwise ops. Operands and result have one shape, so an operand may stand for the result. */
export const arithmetic: Rule = (eqn, c) => {
  const [a, b, other] = eqn.inputs
  switch (eqn.op) {
    case 'stopGradient':
      return a
    case 'cast':
      return a.aval.dtype === eqn.params.dtype ? a : undefined
    case 'neg':
      return operandsOf(a, 'neg', c)?.[0]
    case 'add': {
      if (isAll(b, 0, c)) return a
      if (isAll(a, 0, c)) return b
      const negated = operandsOf(b, 'neg', c) // IEEE 754: x + (-y) is x - y.
      return negated && c.make('sub', [a, negated[0]])
    }
    case 'sub': {
      if (isAll(b, 0, c)) return a
      const negated = operandsOf(b, 'neg', c)
      return negated && c.make('add', [a, negated[0]])
    }
    case 'mul':
      if (isAll(b, 1, c)) return a
      return isAll(a, 1, c) ? b : undefined
    case 'div':
      return isAll(b, 1, c) ? a : undefined
    case 'pow':
      if (isAll(b, 1, c)) return a
      return isAll(b, 2, c) ? c.make('mul', [a, a]) : undefined
    case 'select':
      if (isAll(a, 1, c)) return b
      return isAll(a, 0, c) || b === other ? other : undefined
    default:
      return undefined
  }
}

/** Whether every element of `v` is known to be `value`. -0 counts as 0. */
function isAll(v: Var, value: number, c: Context): boolean {
  const constant = splat(v, c)
  return constant !== undefined && constantValue(constant.params.value) === value
}
