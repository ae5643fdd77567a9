import type { Expr, Exprs } from '../expr.js'
import { atMost, basic, copySign, polynomial } from './basic.js'
import { wholePower } from './exp.js'

/**
 * m / (m + 2) with m = e^(2|x|) - 1, which keeps its digits near 0: m = 2^n - 1 + 2^n·(e^(2r) - 1), and the last is a polynomial
 * without constant term on |r| ≤ ln 2 / 4, relative error 1.4e-8. Errors of m count for less the larger it is, so ln 2 needs no second
 * part, and from 9.1 on the quotient is 1.
 */
export function tanh(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const size = atMost(b, b.abs(x), 9.1)
  const { n, power } = wholePower(b, size, 2 * Math.LOG2E)
  const r = b.fma(n, b.f(-Math.LN2 / 2), size)
  const change = b.mul(r, polynomial(b, r, [2, 1.9999999, 1.3333237, 0.66667897, 0.2677207, 0.08877243]))
  const m = b.fma(change, power, b.sub(power, b.f(1)))
  return copySign(b, b.div(m, b.add(m, b.f(2))), x)
}
