import { asDtype } from '../ir/dtype.js'
import type { Aval, Params } from '../ir/types.js'
import { isFloat, showAval } from '../ir/types.js'
import type { Expr, Exprs } from '../kernel/expr.js'
import { FoveaError } from '../trace/error.js'
import { constantValue } from './create.js'
import { type AnyTensor, op } from './op.js'
import * as p from './prim.js'
import { eachIndex, fail, linear1, stridesOf } from './rules.js'
import { type Axis, inverse } from './windows.js'

const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)
const axesOf = (params: Params): readonly Axis[] => params.axes as unknown as readonly Axis[]
/** The operand has the taps as dims of its own: each tap reads its own values. */
const ownTaps = (x: Aval, axes: readonly Axis[]): boolean => x.shape.length > axes.length + 2

/** Integers have no infinities. */
const fillOf = (params: Params, { dtype }: Aval): number => asDtype(constantValue(params.fill), dtype)

export const patches = op({
  name: 'patches',
  doc: 'Windows on the spatial dims of an operand [a, h…, b], or [a, h…, j…, b]: element [a, i…, j…, b] is the operand’s at h, or [h…, j…], where lhsDilation·h = stride·i + dilation·j - low for each of params.axes, and params.fill where there is no such h.',
  infer: ([x], params) => {
    const axes = axesOf(params)
    const n = axes.length
    const window = axes.map((a) => a.window)
    const fill = constantValue(params.fill)
    if (!isFloat(x.dtype) && !Number.isInteger(fill))
      throw new FoveaError('dtype', `patches: ${fill} does not fill ${showAval(x)}`)
    for (const a of axes)
      if (a.stride === 0 || !(a.lhsDilation >= 1 && a.count >= 0 && a.window >= 0))
        fail(`patches: expected windows that move, got ${JSON.stringify(a)}`)
    const expected = [x.shape[0], ...axes.map((a) => a.size), ...(ownTaps(x, axes) ? window : []), x.shape.at(-1)]
    if (x.shape.length < n + 2 || expected.join() !== x.shape.join())
      fail(`patches: expected an operand [${expected.join(', ')}], got ${showAval(x)}`)
    return [
      { shape: [x.shape[0], ...axes.map((a) => a.count), ...window, x.shape[x.shape.length - 1]], dtype: x.dtype },
    ]
  },
  eval: ([x], params, [out]) => {
    const axes = axesOf(params)
    const n = axes.length
    const strides = stridesOf(x.shape)
    const data = new Float64Array(out.shape.reduce((a, b) => a * b, 1)).fill(fillOf(params, out))
    eachIndex(out.shape, (index, at) => {
      const h = axes.map((a, d) => (a.stride * index[1 + d] + a.dilation * index[1 + n + d] - a.low) / a.lhsDilation)
      if (!h.every((i, d) => Number.isInteger(i) && i >= 0 && i < axes[d].size)) return
      const taps = ownTaps(x, axes) ? index.slice(1 + n, 1 + 2 * n) : []
      data[at] = x.data[[index[0], ...h, ...taps, index[1 + 2 * n]].reduce((sum, i, d) => sum + i * strides[d], 0)]
    })
    return [{ ...out, data }]
  },
  jvp: ({ tangents: [t], params }) => [t && p.patches(t, axesOf(params))],
  // The same relation solved for i: each tap of a place h has at most one window i.
  transpose: linear1((ct, x, params) => {
    const axes = axesOf(params)
    const back = p.patches(ct, axes.map(inverse))
    return ownTaps(x, axes) ? back : sumTaps(back, axes)
  }),
  batch: ({ inputs: [x], size: n, params }) => {
    const [, a, ...rest] = x.aval.shape
    const y = p.patches(p.reshape(x, [n * a, ...rest]), axesOf(params), constantValue(params.fill))
    return [p.reshape(y, [n, a, ...y.aval.shape.slice(1)])]
  },
  kernel: {
    kind: 'map',
    cost: 1,
    value: ({ e, read, index, params, ins: [x], out }) => {
      const axes = axesOf(params)
      const n = axes.length
      const found = axes.map((a, d) => place(e, a, index[1 + d], index[1 + n + d]))
      const taps = ownTaps(x, axes) ? index.slice(1 + n, 1 + 2 * n) : []
      const value = read(0, [index[0], ...found.map((f) => f.at), ...taps, index[1 + 2 * n]])
      const tests = found.flatMap((f) => f.tests)
      if (!tests.length) return value
      const inside = tests.reduce((a, b) => e.call('and', 'bool', [a, b]))
      return e.call('select', out.dtype, [inside, value, e.lit(out.dtype, fillOf(params, out))])
    },
  },
  samples: [
    {
      inputs: [{ shape: [2, 5, 3] }],
      params: { axes: [{ size: 5, count: 3, window: 3, stride: 1, dilation: 1, low: 0, lhsDilation: 1 }], fill: 0 },
    },
    {
      inputs: [{ shape: [1, 4, 5, 2] }],
      params: {
        axes: [
          { size: 4, count: 2, window: 3, stride: 2, dilation: 1, low: 1, lhsDilation: 1 },
          { size: 5, count: 5, window: 2, stride: 1, dilation: 3, low: 2, lhsDilation: 1 },
        ],
        fill: 0,
      },
    },
    {
      inputs: [{ shape: [2, 3, 4] }],
      params: { axes: [{ size: 3, count: 6, window: 3, stride: 1, dilation: -1, low: -1, lhsDilation: 2 }], fill: 0 },
    },
    {
      inputs: [{ shape: [1, 3, 2, 4] }],
      params: { axes: [{ size: 3, count: 5, window: 2, stride: -1, dilation: 2, low: -3, lhsDilation: 2 }], fill: 0 },
    },
    {
      inputs: [{ shape: [1, 3, 4] }],
      params: {
        axes: [{ size: 3, count: 3, window: 3, stride: 1, dilation: 1, low: 1, lhsDilation: 1 }],
        fill: '-Infinity',
      },
      smooth: false,
    },
  ],
})

/** Where window i meets the operand with tap j, and what must hold for there to be such a place. Without tests it is exact; with them it is in range. */
function place(e: Exprs, a: Axis, i: Expr, j: Expr): { at: Expr; tests: Expr[] } {
  const terms: [Expr, number][] = [
    [i, a.stride],
    [j, a.dilation],
    [e.index(1), -a.low],
  ]
  const sum = (sign: number): Expr =>
    terms.reduce((s, [x, by]) => (by * sign > 0 ? e.iadd(s, e.imul(x, by * sign)) : s), e.index(0))
  const ends = [a.stride * (a.count - 1), a.dilation * (a.window - 1)]
  const least = ends.reduce((s, x) => s + Math.min(0, x), -a.low)
  const most = ends.reduce((s, x) => s + Math.max(0, x), -a.low)
  const minus = sum(-1)
  const positive = minus.k === 'lit' && minus.value === 0
  // Negative positions wrap in u32 and so fail the upper bound.
  const from = positive ? sum(1) : e.call('sub', 'u32', [sum(1), minus], least >= 0 ? most : undefined)
  const span = (a.size - 1) * a.lhsDilation + 1
  const tests: Expr[] = []
  if (least < 0 || most >= span) tests.push(e.call('lt', 'bool', [from, e.index(span)]))
  if (a.lhsDilation > 1) tests.push(e.call('eq', 'bool', [e.imod(from, a.lhsDilation), e.index(0)]))
  if (!tests.length) return { at: from, tests }
  const test = tests.reduce((x, y) => e.call('and', 'bool', [x, y]))
  return { at: e.call('select', 'u32', [test, e.idiv(from, a.lhsDilation), e.index(0)], a.size - 1), tests }
}

/** [a, i…, j…, b] summed over its taps → [a, i…, b]. */
export function sumTaps(x: AnyTensor, axes: readonly Axis[]): AnyTensor {
  const n = axes.length
  const { shape } = x.aval
  return axes.every((a) => a.window === 1)
    ? p.reshape(x, [...shape.slice(0, n + 1), shape[shape.length - 1]])
    : p.reduceSum(x, range(n, n + 1))
}
