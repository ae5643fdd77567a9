import { erf, one, unary } from './elementwise.js'
import type { AnyTensor } from './op.js'
import * as p from './prim.js'

/** The error function's family and the gamma function's. */

const twoOverRootPi = 2 / Math.sqrt(Math.PI)

/** 1 - erf x, by the continued fraction where that would cancel (Abramowitz & Stegun 7.1.14). */
export function erfc(x: number): number {
  if (!(x > 2.5)) return 1 - erf(x)
  let fraction = 0
  for (let n = 80; n > 0; n--) fraction = n / 2 / (x + fraction)
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction)
}
/** By Newton's method on erfc, which keeps its digits as the result grows. */
export function erfInv(x: number): number {
  const a = Math.abs(x)
  if (!(a < 1)) return a === 1 ? x * Infinity : Number.NaN
  if (a === 0) return x
  const w = -Math.log((1 - a) * (1 + a))
  let y = w < 5 ? 0.886 * a * (1 + 0.26 * a * a) : Math.sqrt(w - 0.5 * Math.log(Math.PI * w))
  for (let i = 0; i < 60; i++) {
    const error = a < 0.5 ? erf(y) - a : 1 - a - erfc(y)
    const step = error / (twoOverRootPi * Math.exp(-y * y))
    // Halley's correction: (erf)'' / (erf)' is -2y.
    const next = y - step / (1 + step * y)
    if (Math.abs(next - y) <= 1e-16 * y) break
    y = next
  }
  return x < 0 ? -y : y
}

const sinPi = (x: number): number => {
  const r = x - 2 * Math.round(x / 2)
  return Math.sin(Math.PI * (r > 0.5 ? 1 - r : r < -0.5 ? -1 - r : r))
}
/** log |Γ(x)|: Stirling's series (Abramowitz & Stegun 6.1.41) from 15 on, Γ(x + 1) = x·Γ(x) up to there, reflection below 0 (6.1.17). */
export function logGamma(x: number): number {
  if (Number.isNaN(x)) return x
  if (Math.abs(x) === Infinity) return Infinity
  if (x < 0) return Math.log(Math.PI / Math.abs(x * sinPi(x))) - logGamma(-x)
  // Its zeros, exactly (C's lgamma); near them the factors' logarithm is small too.
  if (x === 1 || x === 2) return 0
  let product = 1
  let z = x
  for (; z < 15; z++) product *= z
  const v = 1 / (z * z)
  const series = (1 / 12 - v * (1 / 360 - v * (1 / 1260 - v * (1 / 1680 - v * (1 / 1188))))) / z
  return (z - 0.5) * (Math.log(z) - 1) - 0.5 + 0.5 * Math.log(2 * Math.PI) + series - Math.log(product)
}
/** ψ = (log Γ)': its series (6.3.18) from 15 on, ψ(x + 1) = ψ(x) + 1/x up to there, reflection below 0 (6.3.7). NaN at -1, -2, …. */
export function digamma(x: number): number {
  if (x < 0)
    return Number.isInteger(x) || x === -Infinity ? Number.NaN : digamma(1 - x) - (Math.PI * sinPi(x + 0.5)) / sinPi(x)
  let sum = 0
  let z = x
  for (; z < 15; z++) sum += 1 / z
  const v = 1 / (z * z)
  const series = v * (1 / 12 - v * (1 / 120 - v * (1 / 252 - v * (1 / 240 - v * (1 / 132)))))
  return Math.log(z) - 0.5 / z - series - sum
}

/**
 * ψ', as a composition, so that its own derivatives follow: ψ'(z) = Σ 1/(z + i)² + ψ'(z + 8), 1/z + 1/(2z²) + 1/(6z³) - 1/(30z⁵) + 1/(42z⁷) - 1/(30z⁹)
 * (Abramowitz & Stegun 6.4.12), and π²/sin²πx - ψ'(1 - x) below 0 (6.4.7).
 */
export function trigamma(x: AnyTensor): AnyTensor {
  const c = (v: number): AnyTensor => p.like(x, v)
  const over = (v: number, z: AnyTensor): AnyTensor => p.div(c(v), z)
  const negative = p.lt(x, c(0))
  const z = p.select(negative, p.sub(c(1), x), x)
  let sum = c(0)
  for (let i = 0; i < 8; i++) {
    const term = over(1, p.add(z, c(i)))
    sum = p.add(sum, p.mul(term, term))
  }
  const r = over(1, p.add(z, c(8)))
  const v = p.mul(r, r)
  const series = [-1 / 30, 1 / 42, -1 / 30, 1 / 6].reduce((s, k) => p.add(c(k), p.mul(v, s)), c(5 / 66))
  const positive = p.add(sum, p.add(r, p.add(p.mul(c(0.5), v), p.mul(p.mul(r, v), series))))
  // Where x is positive the reflection is not taken, and must not be infinite.
  const part = p.select(negative, p.sub(x, p.round(x)), c(0.5))
  const sine = p.sin(p.mul(c(Math.PI), part))
  return p.select(negative, p.sub(over(Math.PI ** 2, p.mul(sine, sine)), positive), positive)
}

const gaussian = (x: AnyTensor): AnyTensor => p.mul(p.like(x, twoOverRootPi), p.exp(p.neg(p.mul(x, x))))

export const erfcOp = unary('erfc', {
  doc: '1 - erf(x), with its digits where erf is near 1.',
  f: erfc,
  slope: (x, _y, t) => p.neg(p.mul(t, gaussian(x))),
  cost: 20,
  samples: [...one(-3, 3), ...one(4, 7)],
})
export const erfInvOp = unary('erfInv', {
  doc: 'Inverse of the error function; NaN outside -1 to 1.',
  f: erfInv,
  slope: (x, y, t) => p.mul(t, p.mul(p.like(x, 1 / twoOverRootPi), p.exp(p.mul(y, y)))),
  cost: 25,
  samples: one(-0.9, 0.9),
})
export const logGammaOp = unary('logGamma', {
  doc: 'Logarithm of the absolute value of the gamma function.',
  f: logGamma,
  slope: (x, _y, t) => p.mul(t, p.digamma(x)),
  cost: 40,
  samples: [...one(0.3, 6), ...one(-2.9, -2.1)],
})
export const digammaOp = unary('digamma', {
  doc: 'Derivative of logGamma; NaN at the negative integers.',
  f: digamma,
  slope: (x, _y, t) => p.mul(t, trigamma(x)),
  cost: 40,
  samples: [...one(0.4, 6), ...one(-2.9, -2.1)],
})
