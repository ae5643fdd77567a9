import type { Expr, Exprs } from '../expr.js'
import { type Basic, basic, polynomial } from './basic.js'

/** The bits of √½. */
const rootHalf = 0x3f3504f3

/** A positive finite x as m·2^k with √½ ≤ m < √2; k is a whole f32. Denormals too; m and k of other x have no meaning. */
export function decompose(b: Basic, x: Expr): { m: Expr; k: Expr } {
  const denormal = b.lt(x, b.f(2 ** -126))
  const normal = b.select(denormal, b.mul(x, b.f(2 ** 23)), x)
  const above = b.sub(b.bits(normal), b.i(rootHalf))
  const exponent = b.cast('f32', b.shiftRight(above, 23))
  return {
    m: b.float(b.add(b.and(above, b.i(0x7fffff)), b.i(rootHalf))),
    k: b.add(exponent, b.select(denormal, b.f(-23), b.f(0))),
  }
}

/** ln 2 with 15 bits, so that k times it is exact, and the rest of it. */
const high = Math.fround(0.693145751953125)
const low = Math.LN2 - high

/**
 * log x = k·ln 2 + log m, and log m = f + f²·q(f) with f = m - 1, relative error 3e-8 on [√½, √2].
 */
export function log(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const { m, k } = decompose(b, x)
  const f = b.sub(m, b.f(1))
  const q = polynomial(
    b,
    f,
    [-0.4999999, 0.33333945, -0.25001776, 0.1996224, -0.16570313, 0.14916354, -0.14307722, 0.08738798],
  )
  const y = b.fma(k, b.f(high), b.add(b.fma(k, b.f(low), b.mul(b.mul(f, f), q)), f))
  const finite = b.select(b.lt(x, b.f(Number.POSITIVE_INFINITY)), y, x)
  const special = b.select(b.eq(x, b.f(0)), b.f(Number.NEGATIVE_INFINITY), b.f(Number.NaN))
  return b.select(b.lt(b.f(0), x), finite, special)
}

/**
 * log u + c/u with u = 1 + x rounded and c what rounding left out (after Kahan). What is below 2^-25 is its own result, and -0 stays.
 */
export function log1p(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const u = b.add(b.f(1), x)
  const y = log(e, u)
  const left = b.sub(x, b.sub(u, b.f(1)))
  const inside = b.and(b.lt(b.f(-1), x), b.lt(x, b.f(2 ** 24)))
  const corrected = b.select(inside, b.add(y, b.div(left, u)), y)
  return b.select(b.lt(b.abs(x), b.f(2 ** -25)), x, corrected)
}
