import type { Expr, Exprs } from '../expr.js'
import { atLeast, atMost, type Basic, basic, flip, polynomial, signOf } from './basic.js'
import { type Double, fastSum, product, split, splitConstant } from './double.js'
import { scale, wholePower } from './exp.js'
import { decompose } from './log.js'

const infinity = Number.POSITIVE_INFINITY

/**
 * log2 of a positive finite x to 2^-29 of its size: with s = (m-1)/(m+1), log m = 2·(s + s³/3 + s⁵/5 + …) where |s| < 0.172. All
 * terms but the first are 1/100 of the sum at most, so only the first needs two f32; the polynomial for the others has a relative
 * error of 7e-9. s·g is taken from f for what the division left out.
 */
function log2(b: Basic, x: Expr): Double {
  const { m, k } = decompose(b, x)
  const f = b.sub(m, b.f(1))
  const g = fastSum(b, b.f(1), m)
  const inverse = b.div(b.f(1), g.high)
  const s = b.mul(f, inverse)
  const ss = split(b, s)
  const back = product(b, s, g.high, ss)
  const left = b.sub(b.sub(b.sub(f, back.high), back.low), b.mul(s, g.low))
  const sLow = b.mul(left, inverse)
  const c = 2 / Math.LN2
  const first = product(b, s, b.f(c), ss, splitConstant(b, c))
  const z = b.mul(s, s)
  const series = polynomial(b, z, [0.9617967, 0.57707524, 0.41228592, 0.32820162])
  const slope = b.fma(z, b.f(c), b.f(c))
  const small = b.fma(b.mul(s, z), series, b.fma(sLow, slope, b.fma(s, b.f(c - Math.fround(c)), first.low)))
  const sum = fastSum(b, k, first.high)
  return fastSum(b, sum.high, b.add(sum.low, small))
}

/** 2^(high + low), |low| small; high may be infinite or NaN. The polynomial is of 2^r on ±1, relative error 1.3e-8. */
function exp2Of(b: Basic, { high, low }: Double): Expr {
  const held = atMost(b, atLeast(b, high, -200), 200)
  const { n, power } = wholePower(b, held, 0.5)
  const r = b.add(b.fma(n, b.f(-2), held), low)
  const p = [1, 0.69314724, 0.24022669, 0.05550366, 0.009616844, 0.0013341717, 0.00015645298, 1.4917233e-5]
  return scale(b, polynomial(b, r, p), power)
}

/** a^b as Math.pow, but 1 for a = 1 and any b: 2^(b·log2 |a|), in two f32 up to the last step, and the sign of odd powers. */
export function pow(e: Exprs, base: Expr, exponent: Expr): Expr {
  const b = basic(e, base)
  const size = b.abs(base)
  const log = log2(b, size)
  const special = b.select(b.lt(size, b.f(infinity)), log.high, size)
  const high = b.select(b.eq(size, b.f(0)), b.f(-infinity), special)
  const y = product(b, exponent, high)
  // Far from 1 the result is 0 or infinity, and the error of the product may not be a number.
  const near = b.lt(b.abs(y.high), b.f(200))
  const low = b.select(near, b.fma(exponent, log.low, y.low), b.f(0))
  const result = exp2Of(b, { high: y.high, low })

  const half = b.mul(exponent, b.f(0.5))
  const whole = b.eq(b.floor(exponent), exponent)
  const odd = b.and(whole, b.ne(b.floor(half), half))
  const signed = flip(b, result, b.select(odd, signOf(b, base), b.i(0)))
  const negative = b.and(b.lt(base, b.f(0)), b.lt(b.f(-infinity), base))
  const real = b.select(b.and(negative, b.not(whole)), b.f(Number.NaN), signed)
  return b.select(b.or(b.eq(base, b.f(1)), b.eq(exponent, b.f(0))), b.f(1), real)
}

export function exp2(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  return exp2Of(b, { high: x, low: b.f(0) })
}
