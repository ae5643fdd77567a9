import type { Expr, Exprs } from '../expr.js'
import { atLeast, atMost, type Basic, basic, polynomial } from './basic.js'

/**
 * Adding 1.5·2²³ rounds to an integer, which is then in the low bits of the sum (Muller et al., Handbook of Floating-Point
 * Arithmetic, 2nd ed., §11.1); 127 more is the bias of an f32's exponent.
 */
const rounder = 1.5 * 2 ** 23 + 127

/** n = round(x·k) as f32, and 2^n. |n| must be below 127. */
export function wholePower(b: Basic, x: Expr, k: number): { n: Expr; power: Expr } {
  const shifted = k === 1 ? b.add(x, b.f(rounder)) : b.fma(x, b.f(k), b.f(rounder))
  return { n: b.sub(shifted, b.f(rounder)), power: b.float(b.shiftLeft(b.bits(shifted), 23)) }
}

/**
 * p·power². Multiplied in two steps, results overflow to infinity and become denormal as the format has it, and no case is special.
 */
export const scale = (b: Basic, p: Expr, power: Expr): Expr => b.mul(b.mul(p, power), power)

/** 2·ln 2 with 17 bits, so that a multiple of it by n is exact, and the rest of it (Cody & Waite 1980). */
const high = Math.fround(1.3862915)
const low = 2 * Math.LN2 - high

/**
 * e^(x + rest) for -104 ≤ x ≤ 89, |rest| small, and NaN of NaN: with n = round(x / (2·ln 2)), e^r·2^n·2^n. The polynomial is of e^r = 1 + (r + r²·q(r)) on
 * ±ln 2, relative error 1.5e-8; so put together, only the last sum rounds by much.
 */
export function expOf(b: Basic, x: Expr, rest?: Expr): Expr {
  const { n, power } = wholePower(b, x, Math.LOG2E / 2)
  const near = b.fma(n, b.f(-low), b.fma(n, b.f(-high), x))
  const r = rest ? b.add(near, rest) : near
  const q = polynomial(b, r, [0.50000036, 0.16666618, 0.04166123, 0.00833593, 0.0014104753, 0.00019630576])
  const p = b.add(b.fma(b.mul(r, r), q, r), b.f(1))
  return scale(b, p, power)
}

/** e^-104 rounds to 0, e^89 to infinity. */
export function exp(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  return expOf(b, atMost(b, atLeast(b, x, -104), 89))
}

/** 1 / (1 + e^-x) as e^x / (1 + e^x), which keeps its digits for x far below 0; it is 1 from x = 17 on. */
export function logistic(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const y = expOf(b, atMost(b, atLeast(b, x, -104), 88))
  return b.div(y, b.add(y, b.f(1)))
}

/**
 * e^x - 1 = (2^n - 1) + 2^n·(e^r - 1) with n = round(x / ln 2). The polynomial is of (e^r - 1)/r on ±0.35, relative error 1.5e-8. From 32
 * on the 1 is below the last place, and below -18 the result is -1.
 */
export function expm1(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const held = atMost(b, atLeast(b, x, -18), 32)
  const { n, power } = wholePower(b, held, Math.LOG2E)
  const r = b.fma(n, b.f(-low / 2), b.fma(n, b.f(-high / 2), held))
  const change = b.mul(r, polynomial(b, r, [1, 0.49999997, 0.16666542, 0.04166743, 0.0083668735, 0.0013871858]))
  const y = b.fma(change, power, b.sub(power, b.f(1)))
  // -0 stays.
  const kept = b.select(b.eq(x, b.f(0)), x, y)
  return b.select(b.lt(b.f(31), x), expOf(b, atMost(b, x, 89)), kept)
}
