import { add, dotGeneral, poly } from '../../compiler/lang/index.js'
import type { Tensor } from '../../compiler/trace/tensor.js'

/** PyTorch's layout: weight [out, in]. */
export interface LinearParams {
  readonly weight: Tensor<['out', 'in']>
  readonly bias: Tensor<['out']>
}

/**
 * x·Wᵀ + b over the last axis: [...s, in] → [...s, out].
 * Throws FoveaError 'shape' when x's last dim is not the weight's `in`.
 *
 * @example
 * const y = linear(ones([4, 8]), { weight: ones([16, 8]), bias: zeros([16]) }) // [4, 16]
 */
export const linear = poly(
  (
    x: Tensor<['...s', 'in'], 'f32'>,
    p: { readonly weight: Tensor<['out', 'in'], 'f32'>; readonly bias: Tensor<['out'], 'f32'> },
  ): Tensor<['...s', 'out'], 'f32'> => {
    const rows = x as Tensor<any, 'f32'>
    const product = dotGeneral(rows, p.weight as Tensor<any, 'f32'>, {
      lhsContract: [rows.ndim - 1],
      rhsContract: [1],
      lhsBatch: [],
      rhsBatch: [],
    })
    return add(product as Tensor<any, 'f32'>, p.bias as Tensor<any, 'f32'>)
  },
)
