import type { Params } from '../ir/types.js'
import {
  type AttentionDims,
  attentionDims,
  attentionParams,
  type Differentiated,
  differentiated,
  lastOperands,
  maskedScore,
} from './attention-dims.js'
import type { AnyTensor } from './op.js'
import * as p from './prim.js'

/** The ops of attention in other ops, with all scores [B, N, T, S] side by side. */

/** Sums over the width: queries' side [B, T, N, H] times keys' side [B, S, K, H] → [B, N, T, S]. */
function scoresOf(a: AnyTensor, b: AnyTensor, { B, T, S, N, K, H }: AttentionDims): AnyTensor {
  const batch = { lhsBatch: [0, 2], rhsBatch: [0, 2] }
  if (N === K) return p.dotGeneral(a, b, { ...batch, lhsContract: [3], rhsContract: [3] })
  const grouped = p.reshape(a, [B, T, K, N / K, H])
  const y = p.dotGeneral(grouped, b, { ...batch, lhsContract: [4], rhsContract: [3] })
  return p.reshape(p.transpose(y, [0, 1, 3, 2, 4]), [B, N, T, S])
}

/** Sums over keys: [B, N, T, S] times [B, S, K, H] → [B, T, N, H]. */
function overKeys(x: AnyTensor, y: AnyTensor, { B, T, S, N, K, H }: AttentionDims): AnyTensor {
  const batch = { lhsBatch: [0, 1], rhsBatch: [0, 2] }
  if (N === K) return p.transpose(p.dotGeneral(x, y, { ...batch, lhsContract: [3], rhsContract: [1] }), [0, 2, 1, 3])
  const grouped = p.reshape(x, [B, K, N / K, T, S])
  const z = p.dotGeneral(grouped, y, { ...batch, lhsContract: [4], rhsContract: [1] })
  return p.reshape(p.transpose(z, [0, 3, 1, 2, 4]), [B, T, N, H])
}

/** Sums over queries, and over the heads that share keys: [B, N, T, S] times [B, T, N, H] → [B, S, K, H]. */
function overQueries(x: AnyTensor, y: AnyTensor, { B, T, S, N, K, H }: AttentionDims): AnyTensor {
  const batch = { lhsBatch: [0, 1], rhsBatch: [0, 2] }
  if (N === K) return p.transpose(p.dotGeneral(x, y, { ...batch, lhsContract: [2], rhsContract: [1] }), [0, 2, 1, 3])
  const [xs, ys] = [p.reshape(x, [B, K, N / K, T, S]), p.reshape(y, [B, T, K, N / K, H])]
  return p.transpose(p.dotGeneral(xs, ys, { ...batch, lhsContract: [2, 3], rhsContract: [3, 1] }), [0, 2, 1, 3])
}

const times = (x: AnyTensor, by: number): AnyTensor => p.mul(x, p.like(x, by))
const row = (x: AnyTensor, { B, N, T, S }: AttentionDims): AnyTensor => p.unreduce(x, [B, N, T, S], [3])
const sumOverKeys = (x: AnyTensor): AnyTensor => p.reduceSum(x, [3])

interface Scores {
  readonly d: AttentionDims
  /** Scaled, biased and masked. */
  readonly scores: AnyTensor
  /** What is masked becomes zero. */
  readonly seen: (x: AnyTensor) => AnyTensor
}

/** The scores of the operands that all ops begin with, and end with where there are a bias and a mask. */
function masked(inputs: readonly AnyTensor[], params: Params): Scores {
  const { scale, isCausal, ...last } = attentionParams(params)
  const { bias, mask, rest } = lastOperands(inputs, { scale, isCausal, ...last })
  const d = attentionDims(
    'attention',
    inputs.map((x) => x.aval),
    attentionParams(params),
  )
  const full = [d.B, d.N, d.T, d.S]
  const whole = (x: AnyTensor): AnyTensor => p.broadcastInDim(x, full, [0, 1, 2, 3])
  let scores = times(scoresOf(rest[0], rest[1], d), scale)
  if (bias) scores = p.add(scores, whole(bias))
  const causal = isCausal ? [p.le(p.iota(full, 3), p.iota(full, 2))] : []
  const visible = [...causal, ...(mask ? [whole(mask)] : [])]
  if (!visible.length) return { d, scores, seen: (x) => x }
  const sees = visible.reduce(p.and)
  const select = (x: AnyTensor, other: number): AnyTensor => p.select(sees, x, p.like(x, other))
  return { d, scores: select(scores, maskedScore), seen: (x) => select(x, 0) }
}

export function expandAttention(inputs: readonly AnyTensor[], params: Params): AnyTensor[] {
  const { d, scores } = masked(inputs, params)
  const top = p.reduceMax(scores, [3])
  const weights = p.exp(p.sub(scores, row(top, d)))
  const sum = sumOverKeys(weights)
  return [overKeys(p.div(weights, row(sum, d)), inputs[2], d), p.add(top, p.log(sum))]
}

/** The weights, given the log of the sum of a row's exponentials: equal ones where nothing of the row is seen. */
function weightsOf({ d, scores }: Scores, l: AnyTensor, params: Params): AnyTensor {
  const weights = p.exp(p.sub(scores, row(l, d)))
  const { bias, mask } = attentionParams(params)
  if (!bias && !mask) return weights
  const share = p.select(p.le(l, p.like(l, maskedScore)), p.like(l, 1 / d.S), p.like(l, 1))
  return p.mul(weights, row(share, d))
}

export function expandAttentionTangent(inputs: readonly AnyTensor[], params: Params): AnyTensor[] {
  const q = attentionParams(params)
  const all = masked(inputs, params)
  const { d, seen } = all
  const [queries, keys, values, o, l, ...given] = lastOperands(inputs, q).rest
  const of = new Map<Differentiated, AnyTensor>(q.of.map((name, i) => [name, given[i]]))
  const sum = (xs: readonly (AnyTensor | undefined)[]): AnyTensor | undefined =>
    xs.filter((x) => x !== undefined).reduce<AnyTensor | undefined>((a, b) => (a ? p.add(a, b) : b), undefined)
  const weights = weightsOf(all, l, params)
  const [tq, tk, tv, tb] = differentiated.map((name) => of.get(name))
  const products = sum([tq && scoresOf(tq, keys, d), tk && scoresOf(queries, tk, d)])
  const score = sum([
    products && times(products, q.scale),
    tb && p.broadcastInDim(tb, [d.B, d.N, d.T, d.S], [0, 1, 2, 3]),
  ])
  const byValues = tv && overKeys(weights, tv, d)
  if (!score) return [byValues ?? p.like(o, 0), p.like(l, 0)]
  const change = seen(p.mul(weights, score))
  const mean = sumOverKeys(change)
  const mixed = p.sub(overKeys(change, values, d), p.mul(o, perQuery(mean, d)))
  return [byValues ? p.add(mixed, byValues) : mixed, mean]
}
/** [B, N, T] repeated to [B, T, N, H]. */
const perQuery = (x: AnyTensor, { B, T, N, H }: AttentionDims): AnyTensor =>
  p.unreduce(p.transpose(x, [0, 2, 1]), [B, T, N, H], [3])

export function expandAttentionGrad(inputs: readonly AnyTensor[], params: Params): AnyTensor[] {
  const q = attentionParams(params)
  const all = masked(inputs, params)
  const { d, seen } = all
  const { bias, rest } = lastOperands(inputs, q)
  const [queries, keys, values, l, delta, ct] = rest
  const weights = weightsOf(all, l, params)
  const score = seen(p.mul(weights, p.sub(scoresOf(ct, values, d), row(delta, d))))
  const scaled = times(score, q.scale)
  return q.of.map((name) => {
    if (name === 'q') return overKeys(scaled, keys, d)
    if (name === 'k') return overQueries(scaled, queries, d)
    return name === 'v' ? overQueries(weights, ct, d) : sumTo(score, bias!.aval.shape)
  })
}

/** Sums along the dims that a shape has one of. */
function sumTo(x: AnyTensor, shape: readonly number[]): AnyTensor {
  const axes = shape.flatMap((n, d) => (n === 1 && x.aval.shape[d] !== 1 ? [d] : []))
  return axes.length ? p.reshape(p.reduceSum(x, axes), shape) : x
}
