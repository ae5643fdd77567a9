import type { Expr, Exprs } from '../expr.js'
import { type Basic, basic, copySign } from './basic.js'
import { split } from './double.js'

/** A quotient of two f32 has at most 277 bits: 24 come first, then eleven times 23. */
const steps = 12
const perStep = 23

/**
 * a - trunc(a/b)·b, exactly, by long division: multiples of b·2^k are taken away for k falling by 23 to 0. Each difference is exact
 * because the quotient and b are split in halves of 12 bits: products are exact then, and a difference of multiples of one power of two
 * fits 24 bits. A quotient may be rounded up; what is left is negative then, which the next step or the last line mends.
 */
export function rem(e: Exprs, x: Expr, y: Expr): Expr {
  const b = basic(e, x)
  const [size, by] = [b.abs(x), b.abs(y)]
  const least = b.bits(by)
  // by·2^k with the exponent of x/2^23, or the least that is normal.
  const normal = b.select(b.lt(by, b.f(2 ** -126)), b.mul(by, b.f(2 ** 24)), by)
  const top = b.max(b.and(b.bits(size), b.i(0x7f800000)), b.i((perStep + 1) << 23))
  const first = b.or(b.sub(top, b.i(perStep << 23)), b.and(b.bits(normal), b.i(0x7fffff)))
  let part = b.float(b.max(first, least))
  let left = size
  for (let i = 0; i < steps; i++) {
    if (i > 0) part = b.float(b.max(b.bits(b.mul(part, b.f(2 ** -perStep))), least))
    left = subtractMultiple(b, left, b.trunc(b.div(left, part)), part)
  }
  const positive = b.add(left, b.select(b.lt(left, b.f(0)), by, b.f(0)))
  const defined = b.select(b.eq(by, b.f(0)), b.f(Number.NaN), positive)
  // By infinity: x itself, and NaN for infinities.
  const whole = b.select(b.eq(by, b.f(Number.POSITIVE_INFINITY)), b.sub(size, b.sub(size, size)), defined)
  return copySign(b, whole, x)
}

function subtractMultiple(b: Basic, x: Expr, n: Expr, y: Expr): Expr {
  const [ns, ys] = [split(b, n), split(b, y)]
  let left = x
  for (const p of [ns.high, ns.low]) for (const q of [ys.high, ys.low]) left = b.sub(left, b.mul(p, q))
  return left
}
