import { size } from '../../compiler/ir/types.js'
import type { RefArray } from '../../compiler/ops/op.js'
import jax from './jax-attention.json' with { type: 'json' }

/**
 * jax-attention.json: results of jax.nn.dot_product_attention, and of its vjp, at multiples of a quarter: element i of operand
 * number n (q, k, v, cotangent, bias) is ((7 · i + 3 + n) mod 11 - 5) / 4. Masks are listed.
 */
export interface JaxCase {
  readonly name: string
  readonly options: { readonly isCausal?: boolean; readonly scale?: number }
  readonly q: number[]
  readonly k: number[]
  readonly bias: number[] | null
  readonly mask: { readonly shape: number[]; readonly data: number[] } | null
  readonly y: number[]
  /** Of q, k, v and the bias. */
  readonly grads: number[][]
}
export const jaxCases = jax.cases as unknown as readonly JaxCase[]

const quarters = (shape: readonly number[], operand: number): RefArray => ({
  shape,
  dtype: 'f32',
  data: Float64Array.from({ length: size(shape) }, (_, i) => (((i * 7 + 3 + operand) % 11) - 5) / 4),
})

/** q, k, v and the cotangent of a case, then its bias and mask. */
export const arraysOf = ({ q, k, bias, mask }: JaxCase): RefArray[] => [
  ...[q, k, k, q].map(quarters),
  ...(bias ? [quarters(bias, 4)] : []),
  ...(mask ? [{ shape: mask.shape, dtype: 'bool' as const, data: Float64Array.from(mask.data) }] : []),
]
