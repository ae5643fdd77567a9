import * as prim from '../ops/prim.js'
import type { Float } from '../types/operand.js'
import { FLOAT } from './operand.js'
import { type Unary, unary } from './signatures.js'

/** Logistic function 1 / (1 + e⁻ˣ). */
export const sigmoid: Unary<'sigmoid', Float> = unary('sigmoid', FLOAT, prim.logistic)

/** max(x, 0). Its derivative at 0 is 0; NaN stays NaN. */
export const relu: Unary<'relu', Float> = unary('relu', FLOAT, (x) => {
  const zero = prim.like(x, 0)
  return prim.select(prim.le(x, zero), zero, x)
})

/** Gaussian error linear unit, exact: x · Φ(x) = x/2 · (1 + erf(x/√2)) (Hendrycks & Gimpel 2016, arXiv:1606.08415). */
export const gelu: Unary<'gelu', Float> = unary('gelu', FLOAT, (x) => {
  const twicePhi = prim.add(prim.erf(prim.mul(x, prim.like(x, Math.SQRT1_2))), prim.like(x, 1))
  return prim.mul(prim.mul(x, prim.like(x, 0.5)), twicePhi)
})

/** x · σ(1.702 x), the approximation of gelu that OpenAI's CLIP was trained with. */
export const quickGelu: Unary<'quickGelu', Float> = unary('quickGelu', FLOAT, (x) =>
  prim.mul(x, prim.logistic(prim.mul(x, prim.like(x, 1.702)))),
)

/** x · σ(x), also called swish. */
export const silu: Unary<'silu', Float> = unary('silu', FLOAT, (x) => prim.mul(x, prim.logistic(x)))
