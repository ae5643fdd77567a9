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
 * e^x for -104 ≤ x ≤ 89, and NaN of NaN: with n = round(x / (2·ln 2)), e^r·2^n·2^n. The polynomial is of e^r = 1 + (r + r²·q(r)) on
 * ±ln 2, relative error 1.5e-8; so put together, only the last sum rounds by much.
 */
function expOf(b: Basic, x: Expr): Expr {
  const { n, power } = wholePower(b, x, Math.LOG2E / 2)
  const r = b.fma(n, b.f(-low), b.fma(n, b.f(-high), x))
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
