import { add, mean, mul, poly, rsqrt, square, sub } from '../../compiler/lang/index.js'
import type { Tensor } from '../../compiler/trace/tensor.js'

/** Scale and shift of a normalised axis. */
export interface LayerNormParams {
  readonly weight: Tensor<['d'], 'f32'>
  readonly bias: Tensor<['d'], 'f32'>
}

/**
 * Layer normalisation over the last axis: (x - mean) / sqrt(variance + eps) · weight + bias. One dispatch.
 * Source: Ba et al. 2016, "Layer normalization".
 *
 * @example
 * const y = layerNorm(ones([4, 8]), { weight: ones([8]), bias: zeros([8]) }, 1e-5) // [4, 8]
 */
export const layerNorm = poly(
  (x: Tensor<['...s', 'd'], 'f32'>, p: LayerNormParams, eps: number): Tensor<['...s', 'd'], 'f32'> => {
    const rows = x as Tensor<any, 'f32'>
    const centred = sub(rows, mean(rows, -1, { keepdims: true })) as Tensor<any, 'f32'>
    const variance = mean(square(centred), -1, { keepdims: true }) as Tensor<any, 'f32'>
    return add(
      mul(mul(centred, rsqrt(add(variance, eps))), p.weight as Tensor<any, 'f32'>),
      p.bias as Tensor<any, 'f32'>,
    )
  },
)
