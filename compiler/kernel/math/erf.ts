import type { Expr, Exprs } from '../expr.js'
import { atMost, basic, copySign, polynomial } from './basic.js'
import { wholePower } from './exp.js'

/**
 * 1 - 2^v with v = log2(erfc |x|), a polynomial without constant term: the weight of its error falls as erfc does, and near 0 the
 * digits are kept, as 1 - 2^v = (1 - 2^n) + 2^n·(1 - 2^r). v is fitted on [0, 4] for a relative error of the result of 4e-8, 1 - 2^r on
 * ±1/2 for 1.3e-8. erf 4 rounds to 1.
 */
export function erf(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const size = atMost(b, b.abs(x), 4)
  const logarithm = polynomial(
    b,
    size,
    [-1.627907, -0.9184447, -0.14832158, 0.027852282, -0.0002652218, -0.0018281036, 0.00055734086, -5.9753453e-5],
  )
  const v = b.mul(size, logarithm)
  const { n, power } = wholePower(b, v, 1)
  const r = b.sub(v, n)
  const p = [-Math.LN2, -0.24022649, -0.055503674, -0.00961831, -0.0013387385, -0.00015382626]
  const change = b.mul(r, polynomial(b, r, p))
  return copySign(b, b.fma(change, power, b.sub(b.f(1), power)), x)
}
