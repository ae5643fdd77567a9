import { showShape } from '../../compiler/ir/types.js'
import { add, mean, mul, poly, rsqrt, square } from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { where } from '../../compiler/trace/source.js'
import type { Tensor } from '../../compiler/trace/tensor.js'

/**
 * Root mean square normalisation over the last axis: x / sqrt(mean(x²) + eps) · weight. One dispatch.
 * Throws FoveaError 'shape' when weight is not one number for each place along it.
 * Source: Zhang & Sennrich 2019, "Root mean square layer normalization".
 *
 * @example
 * const y = rmsNorm(ones([4, 8]), ones([8]), 1e-6) // [4, 8]
 */
export const rmsNorm = poly(
  (x: Tensor<['...s', 'd'], 'f32'>, weight: Tensor<['d'], 'f32'>, eps: number): Tensor<['...s', 'd'], 'f32'> => {
    const rows = x as Tensor<any, 'f32'>
    const [from, w] = [rows, weight].map((t): readonly number[] => (t as Tensor<any, 'f32'>).aval.shape)
    if (!(from.length > 0 && w.length === 1 && w[0] === from[from.length - 1]))
      throw new FoveaError(
        'shape',
        `rmsNorm: expected x [...s, d] and weight [d], got ${showShape(from)} and ${showShape(w)}`,
        where()(),
      )
    const scale = rsqrt(add(mean(square(rows), -1, { keepdims: true }), eps)) as Tensor<any, 'f32'>
    return mul(mul(rows, scale), weight as Tensor<any, 'f32'>)
  },
)
