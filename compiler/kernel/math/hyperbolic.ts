import type { Expr, Exprs } from '../expr.js'
import { atMost, type Basic, basic, copySign, polynomial } from './basic.js'
import { expOf } from './exp.js'
import { log1p } from './log.js'

/** e^(|x| - ln 2) and its size: |x| less the first of two parts of ln 2, so that nothing overflows before the result does. */
function halfPower(b: Basic, x: Expr): { size: Expr; h: Expr } {
  const size = b.abs(x)
  const near = atMost(b, size, 90)
  const first = 0.6931152
  return { size, h: expOf(b, b.sub(near, b.f(first)), b.f(first - Math.LN2)) }
}

/** h - 1/(4h) with h = e^x / 2, and x + x³·p(x²) below 1, relative error 3e-10. */
export function sinh(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const { size, h } = halfPower(b, x)
  const z = b.mul(x, x)
  const p = polynomial(b, z, [0.16666667, 0.0083333105, 0.00019842896, 2.7822132e-6])
  const large = copySign(b, b.sub(h, b.div(b.f(0.25), h)), x)
  return b.select(b.lt(size, b.f(1)), b.fma(b.mul(x, z), p, x), large)
}

export function cosh(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const { h } = halfPower(b, x)
  return b.add(h, b.div(b.f(0.25), h))
}

/** From here on √(x² ± 1) is x. */
const far = 2 ** 28
/** log1p of `y`, or log 2x = log1p x + ln 2 where x is far. */
function logarithm(e: Exprs, b: Basic, x: Expr, y: Expr): Expr {
  const isFar = b.lt(b.f(far), x)
  return b.add(log1p(e, b.select(isFar, x, y)), b.select(isFar, b.f(Math.LN2), b.f(0)))
}

/** log(x + √(x² + 1)) = log1p(x + x² / (1 + √(x² + 1))). */
export function asinh(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const size = b.abs(x)
  const near = atMost(b, size, far)
  const z = b.mul(near, near)
  const more = b.div(z, b.add(b.f(1), b.sqrt(b.add(z, b.f(1)))))
  return copySign(b, logarithm(e, b, size, b.add(near, more)), x)
}

/** log(x + √(x² - 1)) = log1p(t + √(t·(t + 2))) with t = x - 1. */
export function acosh(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const t = b.sub(atMost(b, x, far), b.f(1))
  const y = logarithm(e, b, x, b.add(t, b.sqrt(b.mul(t, b.add(t, b.f(2))))))
  return b.select(b.lt(x, b.f(1)), b.f(Number.NaN), y)
}

/** log((1 + x) / (1 - x)) / 2 = log1p(2x / (1 - x)) / 2. */
export function atanh(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const size = b.abs(x)
  const y = log1p(e, b.div(b.add(size, size), b.sub(b.f(1), size)))
  return copySign(b, b.mul(y, b.f(0.5)), x)
}
