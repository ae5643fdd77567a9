import { asDtype, classes, integerRange, isInteger } from '../ir/dtype.js'
import type { Aval } from '../ir/types.js'
import { showShape, size } from '../ir/types.js'
import {
  type AnyTensor,
  type JvpRule,
  type OpRecord,
  op,
  type RefArray,
  type Sample,
  type TransposeRule,
} from './op.js'
import * as p from './prim.js'
import { asResult, eachIndex, fail, stridesOf, takes } from './rules.js'

const infer =
  (name: string) =>
  ([x]: readonly Aval[], params: { axes?: unknown }): Aval[] => {
    const axes = params.axes as number[]
    if (axes.some((a, i) => !(a >= 0 && a < x.shape.length) || (i > 0 && a <= axes[i - 1])))
      fail(`${name}: axes ${showShape(axes)} are out of range or not sorted for shape ${showShape(x.shape)}`)
    takes(name, x, classes['a number'])
    return [{ shape: x.shape.filter((_, d) => !axes.includes(d)), dtype: x.dtype }]
  }

const evaluate =
  ({ init, combine, ...r }: Pick<Reduction, 'init' | 'combine' | 'f'>) =>
  ([x]: readonly RefArray[], params: { axes?: unknown }, [out]: readonly Aval[]): RefArray[] => {
    const axes = params.axes as number[]
    const integer = isInteger(out.dtype)
    // Products of integers may be past what f64 holds exactly.
    const f = integer && combine === 'mul' ? Math.imul : r.f
    const start = integer && !Number.isFinite(init) ? integerRange[out.dtype][init > 0 ? 1 : 0] : init
    const data = new Float64Array(size(out.shape)).fill(start)
    const strides = stridesOf(out.shape)
    const kept = x.shape.map((_, d) => d).filter((d) => !axes.includes(d))
    eachIndex(x.shape, (index, at) => {
      const to = kept.reduce((n, d, i) => n + index[d] * strides[i], 0)
      data[to] = integer ? asDtype(f(data[to], x.data[at]), out.dtype) : f(data[to], x.data[at])
    })
    return [asResult(out, data)]
  }

interface Reduction {
  readonly doc: string
  readonly combine: 'add' | 'max' | 'min' | 'mul'
  readonly init: number
  readonly f: (a: number, b: number) => number
  readonly jvp: JvpRule
  readonly transpose: TransposeRule | 'nonlinear'
  readonly samples: Sample[]
}
const samples: Sample[] = [
  { inputs: [{ shape: [3, 4], low: -2, high: 2 }], params: { axes: [1] } },
  { inputs: [{ shape: [3, 4], low: -2, high: 2 }], params: { axes: [0] } },
  { inputs: [{ shape: [2, 3, 4], low: -2, high: 2 }], params: { axes: [0, 2] } },
  { inputs: [{ shape: [70], low: -2, high: 2 }], params: { axes: [0] } },
  { inputs: [{ shape: [2, 3], dtype: 'i32', low: -9, high: 9 }], params: { axes: [1] } },
]
const reduction = (name: string, r: Reduction): OpRecord =>
  op({
    name,
    doc: r.doc,
    infer: infer(name),
    eval: evaluate(r),
    jvp: r.jvp,
    transpose: r.transpose,
    batch: ({ inputs: [x], params }) => [
      rebind(
        name,
        x,
        (params.axes as number[]).map((a) => a + 1),
      ),
    ],
    kernel: { kind: 'reduce', combine: r.combine },
    samples: r.samples,
  })
const rebind = (name: string, x: AnyTensor, axes: number[]): AnyTensor =>
  (
    ({ reduceSum: p.reduceSum, reduceMax: p.reduceMax, reduceMin: p.reduceMin, reduceProd: p.reduceProd }) as Record<
      string,
      typeof p.reduceSum
    >
  )[name](x, axes)

/** Max and min pass the tangent of the extreme element; equal extremes share it evenly, as in JAX. */
const extremeJvp: JvpRule = ({ inputs: [x], outs: [y], tangents: [t], params }) => {
  if (!t) return [null]
  const axes = params.axes as number[]
  const hit = p.cast(p.eq(x, p.unreduce(y, x.aval.shape, axes)), x.dtype)
  return [p.div(p.reduceSum(p.mul(hit, t), axes), p.reduceSum(hit, axes))]
}

/** The product rule along a tree of products of two: nothing is divided by, so that elements may be 0, at any order. */
function productTangent(x: AnyTensor, t: AnyTensor, axes: readonly number[]): AnyTensor {
  const { shape } = x.aval
  const kept = shape.map((_, d) => d).filter((d) => !axes.includes(d))
  const rest = kept.map((d) => shape[d])
  const count = size(axes.map((d) => shape[d]))
  const inFront = (y: AnyTensor): AnyTensor => p.reshape(p.transpose(y, [...axes, ...kept]), [count, ...rest])
  if (count === 0) return p.full(rest, 0, x.aval.dtype)
  let [values, tangents] = [inFront(x), inFront(t)]
  for (let n = count; n > 1; n = Math.ceil(n / 2)) {
    const half = Math.floor(n / 2)
    const part = (y: AnyTensor, from: number, to: number): AnyTensor =>
      p.slice(y, [from, ...rest.map(() => 0)], [to, ...rest])
    // An odd one waits for the next round.
    const joined = (y: AnyTensor, whole: AnyTensor): AnyTensor => (n % 2 ? p.concat([y, part(whole, n - 1, n)], 0) : y)
    const [a, b] = [part(values, 0, half), part(values, half, 2 * half)]
    const [ta, tb] = [part(tangents, 0, half), part(tangents, half, 2 * half)]
    tangents = joined(p.add(p.mul(ta, b), p.mul(a, tb)), tangents)
    values = joined(p.mul(a, b), values)
  }
  return p.reshape(tangents, rest)
}

export const reduceSum = reduction('reduceSum', {
  doc: 'Sum along params.axes.',
  combine: 'add',
  init: 0,
  f: (a, b) => a + b,
  jvp: ({ tangents: [t], params }) => [t && p.reduceSum(t, params.axes as number[])],
  transpose: ({ cotangents: [ct], inputs: [x], params }) => [
    ct && p.unreduce(ct, x.aval.shape, params.axes as number[]),
  ],
  samples,
})
export const reduceMax = reduction('reduceMax', {
  doc: 'Largest element along params.axes; NaN when any is.',
  combine: 'max',
  init: Number.NEGATIVE_INFINITY,
  f: (a, b) => (Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.max(a, b)),
  jvp: extremeJvp,
  transpose: 'nonlinear',
  samples,
})
export const reduceMin = reduction('reduceMin', {
  doc: 'Smallest element along params.axes; NaN when any is.',
  combine: 'min',
  init: Number.POSITIVE_INFINITY,
  f: (a, b) => (Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.min(a, b)),
  jvp: extremeJvp,
  transpose: 'nonlinear',
  samples,
})
export const reduceProd = reduction('reduceProd', {
  doc: 'Product along params.axes.',
  combine: 'mul',
  init: 1,
  f: (a, b) => a * b,
  jvp: ({ inputs: [x], tangents: [t], params }) => [t && productTangent(x, t, params.axes as number[])],
  transpose: 'nonlinear',
  samples: [
    { inputs: [{ shape: [3, 4], low: 0.5, high: 1.5 }], params: { axes: [1] } },
    { inputs: [{ shape: [2, 3, 2], values: [0, 1.5, 0, 2, -1, 0.5, 3] }], params: { axes: [0, 1] } },
    { inputs: [{ shape: [0, 2] }], params: { axes: [0] } },
  ],
})
