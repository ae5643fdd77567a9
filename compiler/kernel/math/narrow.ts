import type { Expr, Exprs } from '../expr.js'
import { basic } from './basic.js'

/** Narrow dtypes, on the bits of an f32. What WGSL does is in ../wgsl-narrow.ts. */

/** Rounded to 8 bits of fraction, ties to even: half of the last place is added, less one where that is even. */
export function roundBf16(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const bits = b.bits(x)
  const rounded = b.add(bits, b.add(b.i(0x7fff), b.and(b.shiftRight(bits, 16), b.i(1))))
  const quiet = b.or(bits, b.i(0x400000))
  return b.float(b.and(b.select(b.eq(x, x), rounded, quiet), b.i(0xffff0000)))
}

/** The nearest of f16: below 2^-14 the spacing is 2^-24; from 65520 on it is infinite. */
export function roundF16(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const size = b.abs(x)
  const bits = b.bits(size)
  const half = b.add(b.i(0xfff), b.and(b.shiftRight(bits, 13), b.i(1)))
  const normal = b.float(b.and(b.add(bits, half), b.i(0xffffe000)))
  const small = b.mul(e.call('round', x.t, [b.mul(size, b.f(2 ** 24))]), b.f(2 ** -24))
  const finite = b.select(b.lt(size, b.f(2 ** -14)), small, normal)
  const result = b.select(b.lt(size, b.f(65520)), finite, b.select(b.eq(x, x), b.f(Number.POSITIVE_INFINITY), x))
  return b.float(b.or(b.bits(result), b.and(b.bits(x), b.i(0x80000000))))
}

/** The value of the f16 with these bits, an i32. */
export function unpackF16(e: Exprs, h: Expr): Expr {
  const b = basic(e, h)
  const size = b.and(h, b.i(0x7fff))
  const normal = b.add(b.shiftLeft(size, 13), b.i(0x38000000))
  const small = b.bits(b.mul(b.cast('f32', size), b.f(2 ** -24)))
  const special = b.add(normal, b.i(0x38000000))
  const finite = b.select(b.lt(size, b.i(0x400)), small, normal)
  const result = b.select(b.lt(size, b.i(0x7c00)), finite, special)
  return b.float(b.or(result, b.shiftLeft(b.and(h, b.i(0x8000)), 16)))
}

/** The bits of an f16 as an i32: `x` is a value that f16 has. */
export function packF16(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const bits = b.bits(x)
  const size = b.and(bits, b.i(0x7fffffff))
  const normal = b.shiftRight(b.sub(size, b.i(0x38000000)), 13)
  const small = b.cast('i32', b.mul(b.float(size), b.f(2 ** 24)))
  const finite = b.select(b.lt(size, b.i(0x38800000)), small, normal)
  const special = b.select(b.lt(b.i(0x7f800000), size), b.i(0x7e00), b.i(0x7c00))
  const result = b.select(b.lt(size, b.i(0x47800000)), finite, special)
  return b.or(result, b.and(b.shiftRight(bits, 16), b.i(0x8000)))
}

export const unpackBf16 = (e: Exprs, h: Expr): Expr => {
  const b = basic(e, h)
  return b.float(b.shiftLeft(h, 16))
}
export const packBf16 = (e: Exprs, x: Expr): Expr => {
  const b = basic(e, x)
  return b.shiftRight(b.bits(x), 16)
}

export function wrapI8(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  return b.shiftRight(b.shiftLeft(x, 24), 24)
}
export function wrapU8(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  return b.and(x, b.u(255))
}
