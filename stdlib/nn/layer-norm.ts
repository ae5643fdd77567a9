import { showShape } from '../../compiler/ir/types.js'
import { add, mean, mul, poly, rsqrt, square, sub } from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { where } from '../../compiler/trace/source.js'
import type { Tensor } from '../../compiler/trace/tensor.js'

/** Scale and shift of a normalised axis. */
export interface LayerNormParams {
  readonly weight: Tensor<['d'], 'f32'>
  readonly bias: Tensor<['d'], 'f32'>
}

/**
 * Layer normalisation over the last axis: (x - mean) / sqrt(variance + eps) · weight + bias. One dispatch.
 * Throws FoveaError 'shape' when weight or bias is not one number for each place along it.
 * Source: Ba et al. 2016, "Layer normalization".
 *
 * @example
 * const y = layerNorm(ones([4, 8]), { weight: ones([8]), bias: zeros([8]) }, 1e-5) // [4, 8]
 */
export const layerNorm = poly(
  (x: Tensor<['...s', 'd'], 'f32'>, p: LayerNormParams, eps: number): Tensor<['...s', 'd'], 'f32'> => {
    const rows = x as Tensor<any, 'f32'>
    fits(rows, p)
    const centred = sub(rows, mean(rows, -1, { keepdims: true })) as Tensor<any, 'f32'>
    const variance = mean(square(centred), -1, { keepdims: true }) as Tensor<any, 'f32'>
    return add(
      mul(mul(centred, rsqrt(add(variance, eps))), p.weight as Tensor<any, 'f32'>),
      p.bias as Tensor<any, 'f32'>,
    )
  },
)

function fits(x: Tensor<any, any>, { weight, bias }: LayerNormParams): void {
  const shapes = [x, weight, bias].map((t): readonly number[] => t.aval.shape)
  const d = shapes[0][x.ndim - 1]
  if (x.ndim > 0 && shapes.slice(1).every((s) => s.length === 1 && s[0] === d)) return
  const [of, w, b] = shapes.map(showShape)
  throw new FoveaError(
    'shape',
    `layerNorm: expected x [...s, d], weight [d] and bias [d], got ${of}, ${w} and ${b}`,
    where()(),
  )
}
