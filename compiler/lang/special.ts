import * as prim from '../ops/prim.js'
import type { Float } from '../types/operand.js'
import { FLOAT } from './operand.js'
import { type Unary, unary } from './signatures.js'

/**
 * 1 - erf(x), f32, with its digits where erf is near 1.
 *
 * @example
 * const y = erfc(tensor([0, 3]))
 */
export const erfc: Unary<'erfc', Float> = unary('erfc', FLOAT, prim.erfc)
/**
 * Inverse of the error function, f32. ±∞ at ±1, NaN outside.
 *
 * @example
 * const normal = mul(erfInv(tensor([-0.5, 0.5])), Math.SQRT2)
 */
export const erfInv: Unary<'erfInv', Float> = unary('erfInv', FLOAT, prim.erfInv)
/**
 * log |Γ(x)|, f32: relative error 3e-6, absolute near its zeros. ∞ at 0, -1, -2, …
 *
 * @example
 * const factorials = exp(logGamma(tensor([1, 2, 3, 4])))
 */
export const logGamma: Unary<'logGamma', Float> = unary('logGamma', FLOAT, prim.logGamma)
/**
 * ψ(x), the derivative of logGamma, f32: relative error 3e-6, absolute near its zeros. NaN at -1, -2, …
 *
 * @example
 * const y = digamma(tensor([1, 2]))
 */
export const digamma: Unary<'digamma', Float> = unary('digamma', FLOAT, prim.digamma)
