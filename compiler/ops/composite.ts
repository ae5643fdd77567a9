import { classes } from '../ir/dtype.js'
import type { Aval } from '../ir/types.js'
import { showShape, size } from '../ir/types.js'
import { type AnyTensor, op, type RefArray } from './op.js'
import * as p from './prim.js'
import { asResult, fail, takes } from './rules.js'

/** Ops with a decomposition: named in the IR, expanded before fusion, differentiated as a whole. */

const inferAxis =
  (name: string) =>
  ([x]: readonly Aval[], params: { axis?: unknown }): Aval[] => {
    const axis = params.axis as number
    if (!(axis >= 0 && axis < x.shape.length))
      fail(`${name}: axis ${axis} is out of range for shape ${showShape(x.shape)}`)
    takes(name, x, classes['a float'])
    return [x]
  }

/** Calls `f` with each line of elements along `axis`: its offset and step. */
export function eachLine(
  shape: readonly number[],
  axis: number,
  f: (start: number, step: number, n: number) => void,
): void {
  const step = size(shape.slice(axis + 1))
  const n = shape[axis]
  for (let outer = 0; outer < size(shape.slice(0, axis)); outer++)
    for (let inner = 0; inner < step; inner++) f(outer * n * step + inner, step, n)
}
export const along = (x: AnyTensor, y: AnyTensor, axis: number): AnyTensor => p.unreduce(y, x.aval.shape, [axis])

/** Row maximum and log of the sum of exponentials beyond it. */
function logSumExpLine(x: RefArray, start: number, step: number, n: number): number {
  let top = Number.NEGATIVE_INFINITY
  for (let i = 0; i < n; i++) top = Math.max(top, x.data[start + i * step])
  let sum = 0
  for (let i = 0; i < n; i++) sum += Math.exp(x.data[start + i * step] - top)
  return top + Math.log(sum)
}

export const softmax = op({
  name: 'softmax',
  doc: 'exp(x) / sum(exp(x)) along params.axis, shifted by the maximum so that nothing overflows.',
  infer: inferAxis('softmax'),
  eval: ([x], params, [out]) => {
    const data = new Float64Array(x.data.length)
    eachLine(x.shape, params.axis as number, (start, step, n) => {
      const total = logSumExpLine(x, start, step, n)
      for (let i = 0; i < n; i++) data[start + i * step] = Math.exp(x.data[start + i * step] - total)
    })
    return [asResult(out, data)]
  },
  // dy = y · (t - sum(y · t))
  jvp: ({ outs: [y], tangents: [t], params }) => {
    const axis = params.axis as number
    return [t && p.mul(y, p.sub(t, along(y, p.reduceSum(p.mul(y, t), [axis]), axis)))]
  },
  transpose: 'nonlinear',
  batch: ({ inputs: [x], params }) => [p.softmax(x, (params.axis as number) + 1)],
  kernel: {
    kind: 'composite',
    expand: ([x], params) => {
      const axis = params.axis as number
      const e = p.exp(p.sub(x, along(x, p.reduceMax(x, [axis]), axis)))
      const sum = p.reduceSum(e, [axis])
      // One division a line: a product with its result rounds once more, which only dtypes of few digits feel.
      if (x.dtype !== 'f32') return [p.div(e, along(x, sum, axis))]
      return [p.mul(e, along(x, p.div(p.like(sum, 1), sum), axis))]
    },
  },
  samples: [
    { inputs: [{ shape: [3, 5], low: -3, high: 3 }], params: { axis: 1 } },
    { inputs: [{ shape: [3, 5], low: -3, high: 3 }], params: { axis: 0 } },
    { inputs: [{ shape: [4], values: [1e4, -1e4, 1e4, 0] }], params: { axis: 0 }, smooth: false },
  ],
})

export const logSoftmax = op({
  name: 'logSoftmax',
  doc: 'x - log(sum(exp(x))) along params.axis.',
  infer: inferAxis('logSoftmax'),
  eval: ([x], params, [out]) => {
    const data = new Float64Array(x.data.length)
    eachLine(x.shape, params.axis as number, (start, step, n) => {
      const total = logSumExpLine(x, start, step, n)
      for (let i = 0; i < n; i++) data[start + i * step] = x.data[start + i * step] - total
    })
    return [asResult(out, data)]
  },
  // dy = t - sum(softmax · t)
  jvp: ({ outs: [y], tangents: [t], params }) => {
    const axis = params.axis as number
    return [t && p.sub(t, along(y, p.reduceSum(p.mul(p.exp(y), t), [axis]), axis))]
  },
  transpose: 'nonlinear',
  batch: ({ inputs: [x], params }) => [p.logSoftmax(x, (params.axis as number) + 1)],
  kernel: {
    kind: 'composite',
    expand: ([x], params) => {
      const axis = params.axis as number
      const shifted = p.sub(x, along(x, p.reduceMax(x, [axis]), axis))
      return [p.sub(shifted, along(x, p.log(p.reduceSum(p.exp(shifted), [axis])), axis))]
    },
  },
  samples: [
    { inputs: [{ shape: [3, 5], low: -3, high: 3 }], params: { axis: 1 } },
    { inputs: [{ shape: [3, 5], low: -3, high: 3 }], params: { axis: 0 } },
  ],
})
