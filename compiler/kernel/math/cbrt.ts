import type { Expr, Exprs } from '../expr.js'
import { basic, copySign, polynomial } from './basic.js'
import { decompose } from './log.js'

/**
 * x = m·2^(3q + r): a polynomial for ∛m, relative error 1e-5, times ∛(2^r), bettered by one step of Newton's method, times 2^q.
 */
export function cbrt(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const size = b.abs(x)
  const { m, k } = decompose(b, size)
  const q = b.floor(b.mul(b.add(k, b.f(0.5)), b.f(1 / 3)))
  const r = b.fma(q, b.f(-3), k)
  const byRest = (none: number, one: number, two: number): Expr =>
    b.select(b.lt(r, b.f(0.5)), b.f(none), b.select(b.lt(r, b.f(1.5)), b.f(one), b.f(two)))
  const first = polynomial(b, m, [0.45167094, 0.9048016, -0.5356043, 0.21691974, -0.03778374])
  const root = b.mul(first, byRest(1, Math.cbrt(2), Math.cbrt(4)))
  const error = b.sub(root, b.div(b.mul(m, byRest(1, 2, 4)), b.mul(root, root)))
  const power = b.float(b.shiftLeft(b.add(b.cast('i32', q), b.i(127)), 23))
  const y = copySign(b, b.mul(b.fma(error, b.f(-1 / 3), root), power), x)
  const finite = b.and(b.lt(b.f(0), size), b.lt(size, b.f(Number.POSITIVE_INFINITY)))
  return b.select(finite, y, x)
}
