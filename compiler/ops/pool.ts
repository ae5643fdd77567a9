import { classes } from '../ir/dtype.js'
import type { Aval, Params } from '../ir/types.js'
import { showAval, showShape, size } from '../ir/types.js'
import { type AnyTensor, op } from './op.js'
import * as p from './prim.js'
import { eachIndex, fail, stridesOf, takes } from './rules.js'
import { type Axis, positions, windows } from './windows.js'

/** Windows of a pooling on the spatial dims of [n, h…, c]. */
export interface PoolParams {
  readonly window: readonly number[]
  readonly stride: readonly number[]
  readonly padding: readonly (readonly [low: number, high: number])[]
}

const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)

export function poolAxes(shape: readonly number[], q: PoolParams): Axis[] {
  return q.window.map((window, d) => {
    const [size, stride, [low, high]] = [shape[1 + d], q.stride[d], q.padding[d]]
    const padded = low + size + high
    if (window > padded)
      fail(
        `maxPool: spatial dim ${d} of ${showShape(shape)} is ${padded} with padding, less than the window's ${window}`,
      )
    return { size, count: positions(padded, window, stride), window, stride, dilation: 1, low, lhsDilation: 1 }
  })
}
/** [n, i…, j…, c], with `fill` for padding, and the axes of the taps j. */
export function poolWindows(x: AnyTensor, q: PoolParams, fill: number): { taps: AnyTensor; axes: number[] } {
  const n = q.window.length
  return { taps: windows(x, poolAxes(x.aval.shape, q), fill), axes: range(n, n + 1) }
}

const paramsOf = (params: Params): PoolParams => params as unknown as PoolParams
const LOWEST = Number.NEGATIVE_INFINITY

export const maxPool = op({
  name: 'maxPool',
  doc: 'Largest element of each window on the spatial dims of [n, h…, c]; padding is never the largest. The derivative is that of the first largest element of the window, row-major.',
  infer: ([x], params): Aval[] => {
    const q = paramsOf(params)
    takes('maxPool', x, classes['a float'])
    if (x.shape.length !== q.window.length + 2)
      fail(`maxPool: expected ${q.window.length} spatial dims between batch and features, got ${showAval(x)}`)
    if (![...q.window, ...q.stride].every((n) => n >= 1))
      fail(`maxPool: expected windows and strides of at least 1, got ${showShape(q.window)} and ${showShape(q.stride)}`)
    const counts = poolAxes(x.shape, q).map((a) => a.count)
    return [{ shape: [x.shape[0], ...counts, x.shape[x.shape.length - 1]], dtype: x.dtype }]
  },
  eval: ([x], params, [out]) => {
    const q = paramsOf(params)
    const strides = stridesOf(x.shape)
    const data = new Float64Array(size(out.shape))
    eachIndex(out.shape, (index, at) => {
      let best = LOWEST
      eachIndex(q.window, (tap) => {
        const place = tap.map((j, d) => index[1 + d] * q.stride[d] + j - q.padding[d][0])
        if (!place.every((h, d) => h >= 0 && h < x.shape[1 + d])) return
        const from = [index[0], ...place, index[index.length - 1]].reduce((n, i, d) => n + i * strides[d], 0)
        // Math.max keeps NaN.
        best = Math.max(best, x.data[from])
      })
      data[at] = best
    })
    return [{ ...out, data }]
  },
  jvp: ({ inputs: [x], outs: [y], tangents: [t], params }) => {
    if (!t) return [null]
    const q = paramsOf(params)
    const { taps, axes } = poolWindows(x, q, LOWEST)
    const { shape } = taps.aval
    // Row-major number of each tap; the first that is the largest.
    const number = q.window.reduce<AnyTensor>(
      (n, window, d) => p.add(p.mul(n, p.like(n, window)), p.iota(shape, axes[d])),
      p.full(shape, 0, 'i32'),
    )
    const hit = p.eq(taps, p.unreduce(y, shape, axes))
    const first = p.reduceMin(p.select(hit, number, p.like(number, size(q.window))), axes)
    const chosen = p.eq(number, p.unreduce(first, shape, axes))
    const tangents = poolWindows(t, q, 0).taps
    return [p.reduceSum(p.select(chosen, tangents, p.like(tangents, 0)), axes)]
  },
  transpose: 'nonlinear',
  batch: ({ inputs: [x], size: n, params }) => {
    const [, a, ...rest] = x.aval.shape
    const y = p.maxPool(p.reshape(x, [n * a, ...rest]), paramsOf(params))
    return [p.reshape(y, [n, a, ...y.aval.shape.slice(1)])]
  },
  kernel: {
    kind: 'composite',
    expand: ([x], params) => {
      const { taps, axes } = poolWindows(x, paramsOf(params), LOWEST)
      return [p.reduceMax(taps, axes)]
    },
  },
  samples: [
    {
      inputs: [{ shape: [2, 4, 6, 4] }],
      params: {
        window: [2, 2],
        stride: [2, 2],
        padding: [
          [0, 0],
          [0, 0],
        ],
      },
    },
    {
      inputs: [{ shape: [1, 5, 4, 3] }],
      params: {
        window: [3, 2],
        stride: [2, 1],
        padding: [
          [1, 1],
          [0, 1],
        ],
      },
    },
    { inputs: [{ shape: [2, 7, 4] }], params: { window: [3], stride: [2], padding: [[1, 0]] } },
    // Equal elements: the first takes the tangent.
    {
      inputs: [{ shape: [1, 4, 1], values: [1, 1, 0, 0] }],
      params: { window: [2], stride: [1], padding: [[0, 0]] },
      smooth: false,
    },
  ],
})
