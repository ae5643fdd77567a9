import type { Expr } from '../expr.js'
import type { Basic } from './basic.js'

/** 1/π = 0.517cc1b7…, in bytes. Three zero bytes go before it. */
const inversePi = [
  0, 0, 0, 0x51, 0x7c, 0xc1, 0xb7, 0x27, 0x22, 0x0a, 0x94, 0xfe, 0x13, 0xab, 0xe8, 0xfa, 0x9a, 0x6e, 0xe0, 0x6d, 0xb1,
  0x4a, 0xcc, 0x9e, 0x21, 0xc8, 0x20,
]
const word = (byte: number): number => [0, 1, 2, 3].reduce((sum, i) => (sum << 8) | inversePi[byte + i], 0)

/**
 * |x| = n·π/2 + r with |r| ≤ π/4, n modulo 4 as i32; r = |x| and n = 0 below 1. r is NaN when x is infinite or NaN.
 *
 * For every f32, to two ulp of r, after Payne & Hanek, Radian reduction for trigonometric functions (1983): x is an integer of 24 bits
 * times a power of two, so of 2/π only the bits matter that make the product's 2 bits before the point and 62 behind (the f32 closest
 * to a multiple of π/2 is 2^-29 from it). Vector code has no branches and no tables: `select`s on bits of the exponent choose them.
 */
export function reduce(b: Basic, x: Expr): { n: Expr; r: Expr } {
  const size = b.abs(x)
  // The exponent plus 1 is 128 + 8j + s for |x| ≥ 1. x = m·2^(8j - 23), m an integer below 2^31.
  const exponent = b.add(b.bits(size), b.i(1 << 23))
  const ms = b.float(b.add(b.and(exponent, b.i(0x03ffffff)), b.i((23 + 127) << 23)))
  const m = b.cast('u32', b.cast('i32', ms))
  const [high, middle, low] = window(b, exponent)

  // The product modulo 4, times 2^30: whole + (rest + tail)/2^32. `rest` is signed, so that a sum close to 0 keeps its digits.
  const rest = b.cast('i32', b.mul(m, middle))
  const product = b.cast('i32', b.add(b.mul(m, high), mulHigh(b, m, middle)))
  const whole = b.sub(product, b.shiftRight(rest, 31))
  const tail = b.mul(b.mul(ms, b.f(2 ** -31)), b.cast('f32', b.cast('i32', b.shiftRight(low, 1))))

  const n = b.shiftRight(b.add(whole, b.i(1 << 29)), 30)
  const top = b.cast('f32', b.sub(whole, b.shiftLeft(n, 30)))
  const bottom = b.add(b.cast('f32', rest), tail)
  const unit = (Math.PI / 2) * 2 ** -30
  // NaN for infinities: x - x.
  const small = b.fma(bottom, b.f(unit * 2 ** -32), b.sub(x, x))
  const r = b.fma(top, b.f(unit), b.fma(top, b.f(unit - Math.fround(unit)), small))
  const below = b.lt(size, b.f(1))
  return { n: b.select(below, b.i(0), n), r: b.select(below, size, r) }
}

/** Three words of 2/π from bit 8j - 24 on: with them x·2/π begins at its bit of weight 2. */
function window(b: Basic, exponent: Expr): Expr[] {
  const bit = (i: number): Expr => b.lt(b.shiftLeft(exponent, 31 - i), b.i(0))
  const [b0, b1, b2, b3] = [26, 27, 28, 29].map(bit)
  const words = [0, 4, 8, 12, 16, 20].map((at) => {
    const [w0, w1, w2, w3] = [0, 1, 2, 3].map((i) => b.u(word(at + i)))
    return b.select(b1, b.select(b0, w3, w2), b.select(b0, w1, w0))
  })
  const far = [0, 1, 2, 3].map((i) => b.select(b3, words[i + 2], words[i]))
  return [0, 1, 2].map((i) => b.select(b2, far[i + 1], far[i]))
}

/** The upper 32 bits of a product of two u32, from products of 16 bits each (Knuth, The Art of Computer Programming 2, §4.3.1 M). */
function mulHigh(b: Basic, x: Expr, y: Expr): Expr {
  const [x0, y0] = [x, y].map((v) => b.and(v, b.u(0xffff)))
  const [x1, y1] = [x, y].map((v) => b.shiftRight(v, 16))
  const a = b.mul(x0, y1)
  const middle = b.add(b.add(b.shiftRight(b.mul(x0, y0), 16), b.and(a, b.u(0xffff))), b.mul(x1, y0))
  return b.add(b.add(b.mul(x1, y1), b.shiftRight(a, 16)), b.shiftRight(middle, 16))
}
