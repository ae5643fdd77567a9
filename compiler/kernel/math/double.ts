import type { Expr } from '../expr.js'
import type { Basic } from './basic.js'

/** An unevaluated sum: `low` is what rounding to `high` left out. */
export interface Double {
  readonly high: Expr
  readonly low: Expr
}

const upper = -(1 << 12)
/** Twelve leading bits and the rest: products of such halves are exact (Dekker 1971). */
export function split(b: Basic, x: Expr): Double {
  const high = b.float(b.and(b.bits(x), b.i(upper)))
  return { high, low: b.sub(x, high) }
}
export function splitConstant(b: Basic, value: number): Double {
  const bits = new Int32Array(new Float32Array([value]).buffer)
  const whole = new Float32Array(bits.buffer)[0]
  bits[0] &= upper
  const high = new Float32Array(bits.buffer)[0]
  return { high: b.f(high), low: b.f(whole - high) }
}

/** x·y with its rounding error, exactly (Dekker, A floating-point technique for extending the available precision, 1971). */
export function product(b: Basic, x: Expr, y: Expr, xs = split(b, x), ys = split(b, y)): Double {
  const high = b.mul(x, y)
  const first = b.sub(b.mul(xs.high, ys.high), high)
  const second = b.add(b.add(first, b.mul(xs.high, ys.low)), b.mul(xs.low, ys.high))
  return { high, low: b.add(second, b.mul(xs.low, ys.low)) }
}

/** x + y with its rounding error, exactly, where |x| ≥ |y| or x is 0 (Dekker 1971), or where sum - x is exact. */
export function fastSum(b: Basic, x: Expr, y: Expr): Double {
  const high = b.add(x, y)
  return { high, low: b.sub(y, b.sub(high, x)) }
}
