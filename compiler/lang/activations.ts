import * as prim from '../ops/prim.js'
import type { AnyTensor, Float, TakesTensor } from '../types/operand.js'
import type { Param } from '../types/shape.js'
import { logAddExpOf } from './formulas.js'
import { FLOAT, tensorOf } from './operand.js'
import { type Unary, unary } from './signatures.js'

/** Logistic function 1 / (1 + e⁻ˣ). */
export const sigmoid: Unary<'sigmoid', Float> = unary('sigmoid', FLOAT, prim.logistic)

/** max(x, 0). Its derivative at 0 is 0; NaN stays NaN. */
export const relu: Unary<'relu', Float> = unary('relu', FLOAT, (x) => {
  const zero = prim.like(x, 0)
  return prim.select(prim.le(x, zero), zero, x)
})

/**
 * Gaussian error linear unit x · Φ(x) = x/2 · (1 + erf(x/√2)) (Hendrycks & Gimpel 2016, arXiv:1606.08415), f32; with `approximate`
 * their x/2 · (1 + tanh(√(2/π)·(x + 0.044715 x³))).
 *
 * @example
 * const y = gelu(tensor([-1, 0, 1]), { approximate: true })
 */
export const gelu = <X extends AnyTensor>(
  x: Param<X, TakesTensor<'gelu', X, Float>>,
  options: { readonly approximate?: boolean } = {},
): X => {
  const t = tensorOf('gelu', x, FLOAT)
  const c = (v: number): AnyTensor => prim.like(t, v)
  const cubic = (): AnyTensor => prim.add(t, prim.mul(c(0.044715), prim.mul(t, prim.mul(t, t))))
  const centred = options.approximate
    ? prim.tanh(prim.mul(c(Math.sqrt(2 / Math.PI)), cubic()))
    : prim.erf(prim.mul(t, c(Math.SQRT1_2)))
  return prim.mul(prim.mul(t, c(0.5)), prim.add(centred, c(1))) as X
}

/** x · σ(1.702 x), the approximation of gelu that OpenAI's CLIP was trained with. */
export const quickGelu: Unary<'quickGelu', Float> = unary('quickGelu', FLOAT, (x) =>
  prim.mul(x, prim.logistic(prim.mul(x, prim.like(x, 1.702)))),
)

/** x · σ(x), also called swish. */
export const silu: Unary<'silu', Float> = unary('silu', FLOAT, (x) => prim.mul(x, prim.logistic(x)))

const softplusOf = (x: AnyTensor): AnyTensor => logAddExpOf(x, prim.like(x, 0))
/**
 * log(1 + eˣ), f32, without overflow.
 *
 * @example
 * const y = softplus(tensor([-100, 0, 100]))
 */
export const softplus: Unary<'softplus', Float> = unary('softplus', FLOAT, softplusOf)
/**
 * log σ(x) = -log(1 + e⁻ˣ), f32, without overflow.
 *
 * @example
 * const y = logSigmoid(tensor([-100, 0, 100]))
 */
export const logSigmoid: Unary<'logSigmoid', Float> = unary('logSigmoid', FLOAT, (x) =>
  prim.neg(softplusOf(prim.neg(x))),
)
/**
 * x / (1 + |x|), f32.
 *
 * @example
 * const y = softSign(tensor([-1, 0, 1]))
 */
export const softSign: Unary<'softSign', Float> = unary('softSign', FLOAT, (x) =>
  prim.div(x, prim.add(prim.like(x, 1), prim.abs(x))),
)
const relu6Of = (x: AnyTensor): AnyTensor => prim.min(prim.max(x, prim.like(x, 0)), prim.like(x, 6))
/**
 * min(max(x, 0), 6), f32.
 *
 * @example
 * const y = relu6(tensor([-1, 3, 9]))
 */
export const relu6: Unary<'relu6', Float> = unary('relu6', FLOAT, relu6Of)
const hardSigmoidOf = (x: AnyTensor): AnyTensor => prim.div(relu6Of(prim.add(x, prim.like(x, 3))), prim.like(x, 6))
/**
 * relu6(x + 3) / 6, f32: σ in straight lines (Howard et al. 2019, arXiv:1905.02244).
 *
 * @example
 * const y = hardSigmoid(tensor([-4, 0, 4]))
 */
export const hardSigmoid: Unary<'hardSigmoid', Float> = unary('hardSigmoid', FLOAT, hardSigmoidOf)
/**
 * x · hardSigmoid(x), f32 (Howard et al. 2019, arXiv:1905.02244).
 *
 * @example
 * const y = hardSwish(tensor([-4, 0, 4]))
 */
export const hardSwish: Unary<'hardSwish', Float> = unary('hardSwish', FLOAT, (x) => prim.mul(x, hardSigmoidOf(x)))

type Scaled<Op extends string> = <X extends AnyTensor>(x: Param<X, TakesTensor<Op, X, Float>>, by?: number) => X
/** `x` where it is positive, else `below` of it. */
const twoSided = <Op extends string>(
  op: Op,
  by: number,
  below: (x: AnyTensor, by: AnyTensor) => AnyTensor,
): Scaled<Op> =>
  ((input: unknown, given = by) => {
    const x = tensorOf(op, input, FLOAT)
    return prim.select(prim.gt(x, prim.like(x, 0)), x, below(x, prim.like(x, given)))
  }) as never
/** α·(eˣ - 1), of 0 where x is positive: what is not taken must not overflow, since its derivative is multiplied by 0. */
const exponentialBelow = (x: AnyTensor, by: AnyTensor): AnyTensor =>
  prim.mul(by, prim.expm1(prim.select(prim.gt(x, prim.like(x, 0)), prim.like(x, 0), x)))
/**
 * x where it is positive, else `by`·x (0.01 when absent), f32.
 *
 * @example
 * const y = leakyRelu(tensor([-1, 1]), 0.2)
 */
export const leakyRelu: Scaled<'leakyRelu'> = twoSided('leakyRelu', 0.01, prim.mul)
/**
 * x where it is positive, else `by`·(eˣ - 1) (1 when absent), f32 (Clevert et al. 2015, arXiv:1511.07289).
 *
 * @example
 * const y = elu(tensor([-1, 1]))
 */
export const elu: Scaled<'elu'> = twoSided('elu', 1, exponentialBelow)
/**
 * 1.0507 · elu(x, 1.6733), f32: keeps mean 0 and variance 1 (Klambauer et al. 2017, arXiv:1706.02515).
 *
 * @example
 * const y = selu(tensor([-1, 1]))
 */
export const selu: Unary<'selu', Float> = unary('selu', FLOAT, (x) =>
  prim.mul(elu(x, 1.6732632423543772), prim.like(x, 1.0507009873554805)),
)
