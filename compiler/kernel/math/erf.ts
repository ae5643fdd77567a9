import type { Expr, Exprs } from '../expr.js'
import { atLeast, atMost, basic, copySign, polynomial } from './basic.js'
import { split } from './double.js'
import { expOf, wholePower } from './exp.js'
import { log } from './log.js'

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

/**
 * e^(-x²)·t·q(t) with t = 1 / (1 + x/2) for x ≥ 0, relative error of q 5e-9, and 2 - erfc(-x) below. The square of x's leading bits is
 * exact; what it leaves out, (x - h)·(x + h), is added to the reduced exponent. From 10.1 on the result rounds to 0.
 */
export function erfc(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const size = atMost(b, b.abs(x), 10.1)
  const t = b.div(b.f(1), b.fma(size, b.f(0.5), b.f(1)))
  const { high, low } = split(b, size)
  const square = b.mul(high, high)
  const power = expOf(b, atLeast(b, b.sub(b.f(0), square), -104), b.mul(b.sub(b.f(0), low), b.add(size, high)))
  const q = polynomial(
    b,
    t,
    [
      0.28208852, 0.28225246, 0.24517854, 0.18559848, 0.054865267, 0.0354361, -0.022008797, -0.28953996, 0.38138407,
      -0.19101936, 0.035764683,
    ],
  )
  const y = b.mul(power, b.mul(t, q))
  return b.select(b.lt(x, b.f(0)), b.sub(b.f(2), y), y)
}

/**
 * x·p(w) with w = -log(1 - x²), in two parts (Giles, Approximating the erfinv function, 2012): of w - 2.5 below 5, of √w - 3 beyond.
 * Relative errors 9.5e-8 and 1.2e-8.
 */
export function erfInv(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const size = b.abs(x)
  const w = b.sub(b.f(0), log(e, b.mul(b.sub(b.f(1), size), b.add(b.f(1), size))))
  const central = polynomial(
    b,
    b.sub(w, b.f(2.5)),
    [
      1.5014094, 0.24664071, -0.0041776937, -0.0012536938, 0.00021859663, -4.400569e-6, -3.5280275e-6, 3.4404368e-7,
      2.8493776e-8,
    ],
  )
  const tail = polynomial(
    b,
    b.sub(b.sqrt(w), b.f(3)),
    [
      2.8329768, 1.0016751, 0.009445196, -0.0076388335, 0.0056868573, -0.0035927752, 0.0014859274, -6.24123e-5,
      -0.00031036488, 0.0001182271,
    ],
  )
  const y = b.mul(x, b.select(b.lt(w, b.f(5)), central, tail))
  return b.select(b.eq(size, b.f(1)), copySign(b, b.f(Number.POSITIVE_INFINITY), x), y)
}
