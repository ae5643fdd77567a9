import { classes, isFloat } from '../ir/dtype.js'
import { showShape } from '../ir/types.js'
import { along, eachLine } from './composite.js'
import { type AnyTensor, type OpRecord, op } from './op.js'
import * as p from './prim.js'
import { fail, takes } from './rules.js'

/** Bits of infinity; those of NaNs, without their sign, are above. */
const INFINITE = 0x7f800000
const isNan = (x: AnyTensor): AnyTensor => {
  const bits = p.bitcast(x, 'i32')
  return p.gt(p.and(bits, p.like(bits, 0x7fffffff)), p.like(bits, INFINITE))
}

const arg = (
  name: string,
  doc: string,
  better: (a: number, b: number) => boolean,
  best: typeof p.reduceMax,
  rebind: typeof p.argmax,
): OpRecord =>
  op({
    name,
    doc,
    infer: ([x], params) => {
      const axis = params.axis as number
      if (!(axis >= 0 && axis < x.shape.length))
        fail(`${name}: axis ${axis} is out of range for shape ${showShape(x.shape)}`)
      if (x.shape[axis] === 0) fail(`${name}: expected an element along axis ${axis}, got shape ${showShape(x.shape)}`)
      takes(name, x, classes['a number'])
      return [{ shape: x.shape.filter((_, d) => d !== axis), dtype: 'i32' }]
    },
    eval: ([x], params, [out]) => {
      const data: number[] = []
      eachLine(x.shape, params.axis as number, (start, step, n) => {
        let at = 0
        for (let i = 0; i < n; i++) {
          const v = x.data[start + i * step]
          if (Number.isNaN(v)) {
            at = i
            break
          }
          if (better(v, x.data[start + at * step])) at = i
        }
        data.push(at)
      })
      return [{ ...out, data: Float64Array.from(data) }]
    },
    jvp: 'nondifferentiable',
    transpose: 'nonlinear',
    batch: ({ inputs: [x], params }) => [rebind(x, (params.axis as number) + 1)],
    kernel: {
      kind: 'composite',
      expand: ([x], params) => {
        const axis = params.axis as number
        const equal = p.eq(x, along(x, best(x, [axis]), axis))
        // With a NaN the best is NaN, which nothing is equal to.
        const hit = isFloat(x.dtype) ? p.or(equal, isNan(x)) : equal
        const at = p.iota(x.aval.shape, axis, 'i32')
        return [p.reduceMin(p.select(hit, at, p.like(at, x.aval.shape[axis] - 1)), [axis])]
      },
    },
    samples: [
      { inputs: [{ shape: [3, 7], low: -3, high: 3 }], params: { axis: 1 } },
      { inputs: [{ shape: [5, 2], dtype: 'i32', low: -3, high: 3 }], params: { axis: 0 } },
      { inputs: [{ shape: [6], values: [1, 5, 5, -2, -2, 0] }], params: { axis: 0 } },
      { inputs: [{ shape: [2, 4], values: [1, NaN, 9, NaN, 3, 2, 1, 0] }], params: { axis: 1 }, smooth: false },
    ],
  })

export const argmax = arg(
  'argmax',
  'Index (i32) of the first largest element along params.axis, or of the first NaN.',
  (a, b) => a > b,
  p.reduceMax,
  p.argmax,
)
export const argmin = arg(
  'argmin',
  'Index (i32) of the first smallest element along params.axis, or of the first NaN.',
  (a, b) => a < b,
  p.reduceMin,
  p.argmin,
)
