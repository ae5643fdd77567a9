import { isFloat } from '../ir/dtype.js'
import type { Aval, Params } from '../ir/types.js'
import { bind } from '../trace/tensor.js'
import {
  attentionDims,
  attentionParams,
  type Differentiated,
  differentiated,
  expectDtype,
  lastOperands,
} from './attention-dims.js'
import { evalAttention, evalAttentionGrad, evalAttentionTangent } from './attention-eval.js'
import { expandAttention, expandAttentionGrad, expandAttentionTangent } from './attention-expand.js'
import { fitsAttention, gradKernels } from './attention-fit.js'
import { type AnyTensor, type BatchRule, type OpRecord, op, type Sample } from './op.js'
import * as p from './prim.js'
import { asResult } from './rules.js'

/** Operands before the last ones, bias and mask. */
const own = { attention: 3, tangent: 5, grad: 6 }

const avalsOf = (ins: readonly Aval[], params: Params, name: string): { o: Aval; l: Aval } => {
  const { B, T, N, H } = attentionDims(name, ins, attentionParams(params))
  return { o: { shape: [B, T, N, H], dtype: ins[0].dtype }, l: { shape: [B, N, T], dtype: 'f32' } }
}

/** A decomposition that computes in f32, whatever the operands are. */
const inF32 =
  (record: () => OpRecord, expand: (inputs: readonly AnyTensor[], params: Params) => AnyTensor[]): typeof expand =>
  (inputs, params) => {
    const avals = inputs.map((x) => x.aval)
    const outs = record().infer(avals, params)
    const wide = inputs.map((x) => (isFloat(x.dtype) ? p.cast(x, 'f32') : x))
    return expand(wide, params).map((y, i) => p.cast(y, outs[i].dtype))
  }

/** Reference semantics, rounded to what the results' dtypes hold. */
const rounded =
  (evaluate: OpRecord['eval']): OpRecord['eval'] =>
  (ins, params, outs) =>
    evaluate(ins, params, outs).map((y, i) => asResult(outs[i], y.data))

/** The mapped axis joins the batch. */
const joinBatch =
  (apply: (inputs: readonly AnyTensor[], params: Params) => AnyTensor[], name: keyof typeof own): BatchRule =>
  ({ inputs, batched, size: n, params }) => {
    const q = attentionParams(params)
    const shapeOf = (x: AnyTensor, i: number): readonly number[] => (batched[i] ? x.aval.shape.slice(1) : x.aval.shape)
    const [B] = shapeOf(inputs[0], 0)
    const biasAt = q.bias ? inputs.length - 1 - Number(q.mask) : -1
    const maskAt = q.mask ? inputs.length - 1 : -1
    const tangentAt = name === 'tangent' && q.of.includes('bias') ? own.tangent + q.of.indexOf('bias') : -1
    const wantsBias = name === 'grad' && q.of.includes('bias')
    const mapped = (i: number): boolean => batched[i] || (i === biasAt && (wantsBias || batched[tangentAt]))
    const joined = inputs.map((x, i) => {
      const [first, ...rest] = shapeOf(x, i)
      const broadcasts = i === biasAt || i === maskAt || i === tangentAt
      // What is the same for the whole batch, and all of the mapped axis, stays so.
      if (broadcasts && first === 1 && !mapped(i === tangentAt ? biasAt : i) && !batched[i]) return x
      const each = broadcasts ? B : first
      const dims = [...(batched[i] ? [0] : []), 1, ...rest.map((_, d) => d + 2)]
      return p.reshape(p.broadcastInDim(x, [n, each, ...rest], dims), [n * each, ...rest])
    })
    return apply(joined, params).map((y, i) => {
      const [all, ...rest] = y.aval.shape
      const apart = p.reshape(y, [n, all / n, ...rest])
      const shared = wantsBias && q.of[i] === 'bias' && shapeOf(inputs[biasAt], biasAt)[0] === 1 && all > n
      return shared ? p.reshape(p.reduceSum(apart, [1]), [n, 1, ...rest]) : apart
    })
  }

const grad = (inputs: readonly AnyTensor[], params: Params): AnyTensor[] => bind(attentionGrad, inputs, params)
const tangent = (inputs: readonly AnyTensor[], params: Params): AnyTensor[] => bind(attentionTangent, inputs, params)

const small = { isCausal: false, bias: false, mask: false, scale: 0.5 }
const shapes = {
  q: { shape: [2, 3, 4, 5] },
  k: { shape: [2, 6, 2, 5] },
  v: { shape: [2, 6, 2, 5] },
  square: { shape: [1, 5, 2, 4] },
}

export const attention: OpRecord = op({
  name: 'attention',
  doc: 'softmax(params.scale · q·kᵀ + bias)·v over the keys that are seen, for queries [B, T, N, H], keys and values [B, S, K, H] of one float dtype, all computed in f32; then f32 bias and bool mask if there are any. A pair that is masked, or later than a query with params.isCausal, has score -0.7 · the largest f32, so a row of which nothing is seen gives the mean of all values. Also the log of the sum of exponentials of the scores, f32[B, N, T].',
  infer: (ins, params) => {
    const { o, l } = avalsOf(ins, params, 'attention')
    return [o, l]
  },
  eval: rounded(evalAttention),
  jvp: ({ inputs, outs, tangents, params }) => {
    const q = attentionParams(params)
    const { bias, mask } = lastOperands(inputs, q)
    const of = differentiated.filter((_, i) => tangents[i] && (i < own.attention || q.bias))
    if (!of.length) return [null, null]
    const last = [...(bias ? [bias] : []), ...(mask ? [mask] : [])]
    const given = of.map((name) => tangents[differentiated.indexOf(name)]!)
    return tangent([...inputs.slice(0, own.attention), ...outs, ...given, ...last], { ...params, of })
  },
  transpose: 'nonlinear',
  batch: joinBatch((inputs, params) => bind(attention, inputs, params), 'attention'),
  kernel: {
    kind: 'attention',
    inMemory: own.attention,
    fits: fitsAttention,
    expand: inF32(() => attention, expandAttention),
  },
  samples: [
    { inputs: [shapes.q, shapes.k, shapes.v], params: small },
    {
      inputs: [shapes.square, shapes.square, shapes.square, { shape: [1, 1, 5, 5] }],
      params: { ...small, isCausal: true, bias: true },
    },
    {
      inputs: [
        shapes.q,
        shapes.k,
        shapes.v,
        { shape: [2, 1, 3, 6] },
        // The last row of each head sees nothing.
        { shape: [1, 4, 3, 6], dtype: 'bool', values: [1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
      ],
      params: { ...small, bias: true, mask: true },
    },
    {
      inputs: [
        shapes.square,
        shapes.square,
        shapes.square,
        // Together with the causal mask it leaves nothing of the first row.
        { shape: [1, 1, 1, 5], dtype: 'bool', values: [0, 1, 1, 0, 1] },
      ],
      params: { ...small, isCausal: true, mask: true },
    },
    { inputs: [{ shape: [1, 1, 1, 1] }, { shape: [1, 1, 1, 1] }, { shape: [1, 1, 1, 1] }], params: small },
    { inputs: [{ shape: [2, 0, 1, 3] }, { shape: [2, 4, 1, 3] }, { shape: [2, 4, 1, 3] }], params: small },
    {
      inputs: [{ shape: [1, 37, 2, 8] }, { shape: [1, 41, 1, 8] }, { shape: [1, 41, 1, 8] }],
      params: { ...small, isCausal: true },
    },
  ],
})

/** Samples of a derivative: those of `attention` with more operands in between. */
const linearSamples = (
  between: (of: readonly Differentiated[]) => Sample['inputs'],
  cases: readonly {
    readonly causal: boolean
    readonly of: readonly Differentiated[]
    readonly bias?: number[]
    readonly mask?: number[]
  }[],
): Sample[] =>
  cases.map(({ causal, of, bias, mask }) => ({
    inputs: [
      shapes.q,
      shapes.k,
      shapes.v,
      ...between(of),
      ...(bias ? [{ shape: bias }] : []),
      ...(mask ? [{ shape: mask, dtype: 'bool' as const, values: [1, 0, 1, 1, 0] }] : []),
    ],
    params: { scale: 0.5, isCausal: causal, bias: bias !== undefined, mask: mask !== undefined, of },
  }))
const perRow = { shape: [2, 4, 3], low: 1, high: 3 }

export const attentionTangent: OpRecord = op({
  name: 'attentionTangent',
  doc: "Derivative of attention's two results along tangents of the operands params.of, given q, k, v, those results, and the tangents; then bias and mask if there are any.",
  infer: (ins, params) => {
    const { o, l } = avalsOf(ins, params, 'attentionTangent')
    expectDtype('attentionTangent', ins[4], 'f32')
    return [o, l]
  },
  eval: rounded(evalAttentionTangent),
  jvp: 'expand',
  // dS = P · (dO·vᵀ - delta), delta = rowsum(dO · O) - dL (Dao et al., FlashAttention, 2022, appendix B.4).
  transpose: ({ cotangents: [dO, dL], inputs, linear, params }) => {
    const q = attentionParams(params)
    const [queries, keys, values, o, l] = inputs
    const none = inputs.map(() => null)
    if (!dO && !dL) return none
    const ct = dO ?? p.like(o, 0)
    const wide = [ct, o].map((x) => p.cast(x, 'f32'))
    const sum = p.transpose(p.reduceSum(p.mul(wide[0], wide[1]), [3]), [0, 2, 1])
    const delta = dL ? p.sub(sum, dL) : sum
    const of = q.of.filter((_, i) => linear[own.tangent + i])
    const results = grad([queries, keys, values, l, delta, ct, ...inputs.slice(own.tangent + q.of.length)], {
      ...params,
      of,
    })
    return inputs.map((_, i) => results[of.indexOf(q.of[i - own.tangent])] ?? null)
  },
  batch: joinBatch(tangent, 'tangent'),
  kernel: { kind: 'composite', expand: inF32(() => attentionTangent, expandAttentionTangent) },
  samples: linearSamples(
    (of) => [shapes.q, perRow, ...of.map((name) => (name === 'bias' ? { shape: [1, 4, 3, 6] } : shapes[name]))],
    [
      { causal: false, of: ['q', 'k', 'v'] },
      { causal: true, of: ['v'] },
      { causal: true, of: ['k', 'bias'], bias: [1, 4, 3, 6], mask: [1, 1, 3, 6] },
    ],
  ),
})

export const attentionGrad: OpRecord = op({
  name: 'attentionGrad',
  doc: "Gradients of attention's operands params.of, given q, k, v, its log of the sum of exponentials, the row sums of cotangent times result less that log's own cotangent [B, N, T], and the cotangent of its result; then bias and mask if there are any.",
  infer: (ins, params) => {
    const q = attentionParams(params)
    attentionDims('attentionGrad', ins, q)
    const { bias, rest } = lastOperands(ins, q)
    for (const i of [3, 4]) expectDtype('attentionGrad', rest[i], 'f32')
    expectDtype('attentionGrad', rest[5], ins[0].dtype)
    return q.of.map((name) => ({
      shape: (name === 'bias' ? bias! : rest[differentiated.indexOf(name)]).shape,
      dtype: name === 'bias' ? 'f32' : ins[0].dtype,
    }))
  },
  eval: rounded(evalAttentionGrad),
  jvp: 'expand',
  transpose: 'nonlinear',
  batch: joinBatch(grad, 'grad'),
  kernel: {
    kind: 'attention',
    inMemory: own.grad,
    fits: (ins, params, target) => gradKernels(ins, params, target).length === 1,
    expand: (inputs, params, target) => {
      const avals = inputs.map((x) => x.aval)
      const kernels = target ? gradKernels(avals, params, target) : []
      if (!kernels.length) return inF32(() => attentionGrad, expandAttentionGrad)(inputs, params)
      const results = new Map(
        kernels.flatMap((of) => grad(inputs, { ...params, of }).map((y, i) => [of[i], y] as const)),
      )
      return attentionParams(params).of.map((name) => results.get(name)!)
    },
  },
  samples: linearSamples(
    () => [perRow, perRow, shapes.q],
    [
      { causal: false, of: ['q', 'k', 'v'] },
      { causal: true, of: ['k'] },
      { causal: true, of: ['q', 'v', 'bias'], bias: [1, 4, 3, 6], mask: [1, 1, 3, 6] },
      { causal: false, of: ['bias'], bias: [2, 1, 1, 6] },
      { causal: false, of: ['bias'], bias: [1, 4, 3, 1], mask: [2, 1, 3, 6] },
    ],
  ),
})
