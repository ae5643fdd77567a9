import type { Aval, Params } from '../ir/types.js'
import { showAval, showShape, size } from '../ir/types.js'
import {
  type ConvParams,
  channelsLast,
  convAxes,
  exchangeFeatures,
  layouts,
  mergeFront,
  renamed,
  splitFront,
} from './conv-dims.js'
import { expandConv } from './conv-expand.js'
import { type AnyTensor, op, type RefArray, type Sample } from './op.js'
import * as p from './prim.js'
import { asResult, eachIndex, fail, stridesOf, takesFloats } from './rules.js'
import { extent } from './windows.js'

const paramsOf = (params: Params): ConvParams => params as unknown as ConvParams

function infer([x, w]: readonly Aval[], params: Params): Aval[] {
  const q = paramsOf(params)
  takesFloats('conv', x, w)
  if (q.dimensionNumbers.some((spec) => spec.length !== x.shape.length) || w.shape.length !== x.shape.length)
    fail(`conv: expected operands with dims ${q.dimensionNumbers.join(', ')}, got ${showAval(x)} and ${showAval(w)}`)
  for (const name of ['stride', 'lhsDilation', 'rhsDilation'] as const)
    if (!(q[name].length === x.shape.length - 2 && q[name].every((n) => Number.isInteger(n) && n >= 1)))
      fail(`conv: expected a ${name} of at least 1 for each spatial dim, got ${showShape(q[name])}`)
  const at = layouts(q.dimensionNumbers)
  const [features, perGroup, out] = [x.shape[at.lhs.feature], w.shape[at.rhs.feature], w.shape[at.rhs.outer]]
  const operands = `in ${showShape(x.shape)} x ${showShape(w.shape)}`
  if (features !== perGroup * q.groups)
    fail(`conv: features differ: ${features} vs ${q.groups} groups of ${perGroup} ${operands}`)
  if (out % q.groups !== 0) fail(`conv: ${out} output features do not divide into ${q.groups} groups ${operands}`)
  const shape = x.shape.map(() => 0)
  shape[at.out.outer] = x.shape[at.lhs.outer]
  shape[at.out.feature] = out
  convAxes(x.shape, w.shape, q).forEach((a, d) => {
    shape[at.out.spatial[d]] = a.count
  })
  return [{ shape, dtype: x.dtype }]
}

function evaluate([x, w]: readonly RefArray[], params: Params, [out]: readonly Aval[]): RefArray[] {
  const q = paramsOf(params)
  const at = layouts(q.dimensionNumbers)
  const axes = convAxes(x.shape, w.shape, q)
  const [sx, sw] = [stridesOf(x.shape), stridesOf(w.shape)]
  const [perGroup, perGroupOut] = [w.shape[at.rhs.feature], w.shape[at.rhs.outer] / q.groups]
  const data = new Float64Array(size(out.shape))
  eachIndex(out.shape, (index, to) => {
    const o = index[at.out.feature]
    const first = Math.floor(o / perGroupOut) * perGroup
    let sum = 0
    eachIndex(
      axes.map((a) => a.window),
      (taps) => {
        let from = index[at.out.outer] * sx[at.lhs.outer] + first * sx[at.lhs.feature]
        let by = o * sw[at.rhs.outer]
        for (const [d, a] of axes.entries()) {
          const h = (a.stride * index[at.out.spatial[d]] + a.dilation * taps[d] - a.low) / a.lhsDilation
          if (!Number.isInteger(h) || h < 0 || h >= a.size) return
          from += h * sx[at.lhs.spatial[d]]
          by += taps[d] * sw[at.rhs.spatial[d]]
        }
        for (let c = 0; c < perGroup; c++)
          sum += x.data[from + c * sx[at.lhs.feature]] * w.data[by + c * sw[at.rhs.feature]]
      },
    )
    data[to] = sum
  })
  return [asResult(out, data)]
}

/** Padding of the convolution that is the transpose in the input: of the result, spread by the stride, with the kernel turned around. */
function gradInput(ct: AnyTensor, x: Aval, w: AnyTensor, q: ConvParams): AnyTensor {
  const at = layouts(q.dimensionNumbers)
  const [lhs, rhs, out] = q.dimensionNumbers
  const padding = q.padding.map(([low], d): [number, number] => {
    const spread = extent(w.aval.shape[at.rhs.spatial[d]], q.rhsDilation[d])
    const result = extent(ct.aval.shape[at.out.spatial[d]], q.stride[d])
    const before = spread - 1 - low
    return [before, extent(x.shape[at.lhs.spatial[d]], q.lhsDilation[d]) + spread - 1 - result - before]
  })
  // Spatial dims are numbered as the result has them, which is the input now.
  const order = at.out.spatial.map((_, d) => d).sort((a, b) => at.out.spatial[a] - at.out.spatial[b])
  const ordered = <T>(xs: readonly T[]): T[] => order.map((d) => xs[d])
  return p.conv(ct, exchangeFeatures(w, at.rhs, q.groups), {
    stride: ordered(q.lhsDilation),
    padding: ordered(padding),
    lhsDilation: ordered(q.stride),
    rhsDilation: ordered(q.rhsDilation),
    groups: q.groups,
    flip: !q.flip,
    dimensionNumbers: [out, renamed(rhs, { I: 'O', O: 'I' }), lhs],
  })
}

/** The transpose in the kernel: the input convolved with the result, batch and features exchanged. */
function gradKernel(ct: AnyTensor, x: AnyTensor, w: Aval, q: ConvParams): AnyTensor {
  const at = layouts(q.dimensionNumbers)
  const [lhs, rhs, out] = q.dimensionNumbers
  const padding = q.padding.map(([low], d): [number, number] => {
    const spread = extent(w.shape[at.rhs.spatial[d]], q.rhsDilation[d])
    const result = extent(ct.aval.shape[at.out.spatial[d]], q.stride[d])
    return [low, spread - extent(x.aval.shape[at.lhs.spatial[d]], q.lhsDilation[d]) + result - 1 - low]
  })
  const dw = p.conv(q.groups === 1 ? x : mergeFront(splitFront(x, at.lhs.feature, q.groups), at.lhs.outer), ct, {
    stride: q.rhsDilation,
    padding,
    lhsDilation: q.lhsDilation,
    rhsDilation: q.stride,
    groups: q.groups,
    flip: false,
    dimensionNumbers: [
      renamed(lhs, { N: 'C', C: 'N' }),
      renamed(out, { N: 'I', C: 'O' }),
      renamed(rhs, { I: 'N', O: 'C' }),
    ],
  })
  return q.flip ? p.reverse(dw, at.rhs.spatial) : dw
}

/** One convolution of an input and a kernel, whose params are 1, 0, false and channels last where none are given. */
function sample(x: readonly number[], w: readonly number[], given: Partial<ConvParams>): Sample {
  const spatial = x.length - 2
  const ones = Array.from({ length: spatial }, () => 1)
  const params: ConvParams = {
    stride: ones,
    padding: ones.map(() => [0, 0]),
    lhsDilation: ones,
    rhsDilation: ones,
    groups: 1,
    flip: false,
    dimensionNumbers: channelsLast(spatial),
    ...given,
  }
  return { inputs: [{ shape: x }, { shape: w }], params: { ...params } }
}
const same = [
  [1, 1],
  [1, 1],
] as const

export const conv = op({
  name: 'conv',
  doc: 'Convolution as in lax.conv_general_dilated (no kernel is turned around unless params.flip): out[n, i, o] = sum over taps j and features c of x[n, h, c] · w[j, c, o], lhsDilation·h = stride·i + rhsDilation·j - padding.',
  infer,
  eval: evaluate,
  jvp: ({ inputs: [x, w], tangents: [tx, tw], params }) => {
    const q = paramsOf(params)
    const parts = [tx && p.conv(tx, w, q), tw && p.conv(x, tw, q)].filter((t) => t !== null)
    return [parts.length === 2 ? p.add(parts[0], parts[1]) : (parts[0] ?? null)]
  },
  transpose: ({ cotangents: [ct], inputs: [x, w], linear, params }) => {
    const q = paramsOf(params)
    return [ct && linear[0] ? gradInput(ct, x.aval, w, q) : null, ct && linear[1] ? gradKernel(ct, x, w.aval, q) : null]
  },
  batch: ({ inputs: [x, w], batched, size: n, params }) => {
    const q = paramsOf(params)
    const at = layouts(q.dimensionNumbers)
    // Examples join the batch; kernels of their own make more output features, or with inputs of their own more groups.
    if (!batched[1]) return [splitFront(p.conv(mergeFront(x, at.lhs.outer), w, q), at.out.outer, n)]
    if (batched[0]) {
      const y = p.conv(mergeFront(x, at.lhs.feature), mergeFront(w, at.rhs.outer), { ...q, groups: n * q.groups })
      return [splitFront(y, at.out.feature, n)]
    }
    const y = p.conv(x, mergeFront(w, at.rhs.outer, q.groups), q)
    return [splitFront(y, at.out.feature, n, q.groups)]
  },
  kernel: { kind: 'composite', expand: ([x, w], params) => [expandConv(x, w, paramsOf(params))] },
  samples: [
    sample([2, 5, 3], [3, 3, 4], {}),
    sample([1, 7, 2], [3, 2, 3], { stride: [2], padding: [[2, 0]], rhsDilation: [2] }),
    sample([2, 4, 2], [2, 2, 4], { lhsDilation: [2], padding: [[1, 1]], flip: true }),
    sample([1, 3, 4], [2, 2, 6], { lhsDilation: [2], padding: [[1, 2]], groups: 2 }),
    sample([1, 5, 4, 3], [3, 3, 3, 8], { padding: same }),
    sample([2, 6, 5, 2], [3, 2, 2, 4], {
      stride: [2, 1],
      padding: [
        [1, 0],
        [0, 1],
      ],
      rhsDilation: [1, 2],
    }),
    // Shapes that need no gather: one tap, and windows side by side.
    sample([2, 3, 4, 3], [1, 1, 3, 4], { stride: [2, 1] }),
    sample([2, 4, 7, 3], [2, 3, 3, 5], { stride: [2, 3] }),
    sample([1, 2, 3, 4], [2, 3, 4, 3], {
      lhsDilation: [2, 3],
      padding: [
        [1, 1],
        [2, 3],
      ],
    }),
    // Groups, and depthwise.
    sample([1, 4, 4, 4], [3, 3, 2, 8], { padding: same, groups: 2 }),
    sample([1, 4, 4, 4], [3, 3, 1, 4], { stride: [2, 2], padding: same, groups: 4 }),
    sample([1, 3, 3, 2], [2, 2, 1, 4], {
      padding: [
        [1, -1],
        [0, 1],
      ],
      groups: 2,
      flip: true,
    }),
    // Channels first, with PyTorch's kernels.
    sample([2, 3, 5, 4], [4, 3, 3, 3], { padding: same, dimensionNumbers: ['NCHW', 'OIHW', 'NCHW'] }),
    // Any order of dims, spatial ones too.
    sample([3, 2, 2, 4], [2, 2, 3, 3], {
      stride: [2, 1],
      padding: [
        [1, 0],
        [0, 2],
      ],
      dimensionNumbers: ['HNCW', 'HIWO', 'CNWH'],
    }),
    sample([1, 3, 4, 3, 2], [2, 2, 2, 2, 4], {
      stride: [1, 2, 1],
      padding: [
        [1, 0],
        [0, 0],
        [0, 1],
      ],
    }),
  ],
})
