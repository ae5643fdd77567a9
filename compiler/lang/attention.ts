import { sameShape, showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { AttentionShape, CheckKeys, CheckQueries, CheckScores, CheckValues } from '../types/attention.js'
import type { AnyTensor, DTypeOf } from '../types/operand.js'
import type { Param } from '../types/shape.js'
import { fail } from './fail.js'
import { BOOL, FLOAT, sameDType, tensorOf } from './operand.js'

/**
 * Scaled dot-product attention, jax.nn.dot_product_attention: softmax(scale · q·kᵀ + bias)·v. Queries are [batch, length, heads, width],
 * keys and values [batch, keys, heads, width], all of one float dtype, all with or without the batch; f16 and bf16 are computed in f32. Heads of queries may be a multiple of those
 * of keys, and then neighbours share them (Ainslie et al. 2023). `bias` (f32) is added to the scores and `mask` (bool) says which
 * of them count; both broadcast to [batch, heads, length, keys]. `isCausal`: query t sees keys 0 … t. `scale` is 1 / √width when
 * absent. A query that sees no key at all gets the mean of all values, as in JAX.
 *
 * For long sequences the scores are never in memory: they are made and summed up block by block, here and in the derivative (Dao et
 * al. 2022, FlashAttention), and a gradient of the bias is as large as the bias. Short ones, where that is no gain, and on GPUs heads whose
 * width is no multiple of 4 or above 128, are two products and a softmax.
 *
 * Throws FoveaError 'shape' when lengths, heads or widths do not fit, 'dtype' for operands of other dtypes.
 *
 * @example
 * const x = ones([2, 77, 8, 64])
 * const y = attention(x, x, x, { isCausal: true }) // [2, 77, 8, 64]
 */
export function attention<
  Q extends AnyTensor,
  K extends AnyTensor,
  V extends AnyTensor,
  B extends AnyTensor | undefined = undefined,
  M extends AnyTensor | undefined = undefined,
>(
  q: Param<Q, CheckQueries<Q>>,
  k: Param<K, CheckKeys<Q, K>>,
  v: Param<V, CheckValues<K, V>>,
  options: {
    readonly bias?: Param<B, CheckScores<'bias', Q, K, B, 'f32'>>
    readonly mask?: Param<M, CheckScores<'mask', Q, K, M, 'bool'>>
    readonly isCausal?: boolean
    readonly scale?: number
  } = {},
): Tensor<AttentionShape<Q, K, V>, DTypeOf<Q>> {
  const queries = tensorOf('attention', q, FLOAT)
  const [keys, values] = [k, v].map((x) => {
    const t = tensorOf('attention', x)
    sameDType('attention', queries.aval.dtype, t.aval.dtype)
    return t
  })
  check(queries, keys, values)
  const shape = queries.aval.shape
  const four = (x: AnyTensor): AnyTensor =>
    x.aval.shape.length === 4 ? x : prim.reshape(x, [...Array(4 - x.aval.shape.length).fill(1), ...x.aval.shape])
  const [length, heads, width] = shape.slice(-3)
  const scores = [...shape.slice(0, -3), heads, length, keys.aval.shape[keys.aval.shape.length - 3]]
  const bias = options.bias && four(broadcasts('bias', tensorOf('attention', options.bias, ['f32']), scores))
  const mask = options.mask && four(broadcasts('mask', tensorOf('attention', options.mask, BOOL), scores))
  const { isCausal = false, scale = width ** -0.5 } = options
  const [y] = prim.attention(four(queries), four(keys), four(values), { bias, mask, isCausal, scale })
  return shape.length === 4 ? y : prim.reshape(y, shape)
}

function check(queries: AnyTensor, keys: AnyTensor, values: AnyTensor): void {
  const [q, k, v] = [queries, keys, values].map((x) => x.aval.shape)
  if (q.length !== 3 && q.length !== 4)
    fail('shape', `attention: expected [batch, length, heads, width], with or without a batch, got ${showShape(q)}`)
  if (k.length !== q.length || (q.length === 4 && k[0] !== q[0]))
    fail('shape', `attention: batches of queries ${showShape(q)} and keys ${showShape(k)} differ`)
  const [[, n, h], [, m, w]] = [q.slice(-3), k.slice(-3)]
  const both = `in ${showShape(q)} x ${showShape(k)}`
  if (h !== w) fail('shape', `attention: widths differ: ${h} vs ${w} ${both}`)
  if (n % m !== 0) fail('shape', `attention: ${n} heads of queries are not a multiple of ${m} of keys ${both}`)
  if (!sameShape(k, v)) fail('shape', `attention: keys ${showShape(k)} and values ${showShape(v)} differ`)
}

function broadcasts(name: string, x: AnyTensor, to: readonly number[]): AnyTensor {
  const from = x.aval.shape
  const sentence = `attention: cannot broadcast ${name} ${showShape(from)} to ${showShape(to)}`
  if (from.length > to.length) fail('shape', `${sentence}: it has more dims`)
  for (let i = 1; i <= from.length; i++) {
    const [a, b] = [from[from.length - i], to[to.length - i]]
    if (a !== 1 && a !== b) fail('shape', `${sentence}: dim ${a} vs ${b}`)
  }
  return x
}
