import { classes, integerRange, isFloat, isInteger } from '../ir/dtype.js'
import { type Aval, type DType, showAval, showShape, size } from '../ir/types.js'
import { FoveaError } from '../trace/error.js'
import { bind1 } from '../trace/tensor.js'
import { type AnyTensor, type JvpRule, type OpRecord, op, type RefArray, type Sample } from './op.js'
import * as p from './prim.js'
import { asResult, fail, takes } from './rules.js'
import { batchScatter, type Combine, range, type Scatter, sortedWhereLarge } from './scatter-rules.js'

const functions: Record<Combine, (a: number, b: number, dtype: DType) => number> = {
  add: (a, b) => a + b,
  mul: (a, b, dtype) => (isFloat(dtype) ? a * b : Math.imul(a, b)),
  max: (a, b) => Math.max(a, b),
  min: (a, b) => Math.min(a, b),
}
/** What a row without updates is. */
function nothing(combine: Combine, dtype: DType): number {
  if (combine === 'add' || combine === 'mul') return combine === 'add' ? 0 : 1
  if (isInteger(dtype)) return integerRange[dtype][combine === 'min' ? 1 : 0]
  return combine === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
}

function check(name: string, ids: Aval, updates: Aval, rows: number): Aval {
  if (ids.dtype !== 'i32') throw new FoveaError('dtype', `${name}: expected i32 ids, got ${showAval(ids)}`)
  takes(name, updates, classes['a number'])
  if (ids.shape.some((n, d) => updates.shape[d] !== n))
    fail(`${name}: expected updates of shape [${[...ids.shape, '…'].join(', ')}], got ${showShape(updates.shape)}`)
  return { shape: [rows, ...updates.shape.slice(ids.shape.length)], dtype: updates.dtype }
}

/** Goes through the rows of updates in order: `id` is where one goes. */
function combineRows(
  combine: Combine,
  out: Aval,
  start: Float64Array,
  ids: Iterable<[number, number]>,
  u: RefArray,
): RefArray {
  const f = functions[combine]
  const row = size(out.shape.slice(1))
  for (const [id, i] of ids)
    if (id >= 0 && id < out.shape[0])
      for (let j = 0; j < row; j++) {
        const at = id * row + j
        start[at] = f(start[at], u.data[i * row + j], out.dtype)
      }
  return asResult(out, start)
}
const empty = (combine: Combine, out: Aval): Float64Array =>
  new Float64Array(size(out.shape)).fill(nothing(combine, out.dtype))
const numbered = (ids: RefArray): [number, number][] => Array.from(ids.data, (id, i): [number, number] => [id, i])

const zeroUnless = (cond: AnyTensor, x: AnyTensor): AnyTensor => p.select(cond, x, p.like(x, 0))
const one = (cond: AnyTensor, x: AnyTensor): AnyTensor => p.cast(cond, x.aval.dtype)

/** The largest (or smallest) updates of a row share its tangent evenly, as in JAX. */
const extremeJvp: JvpRule = ({ inputs: [ids, u], outs: [y], tangents: [, t], params }) => {
  if (!t) return [null]
  const rows = params.rows as number
  const hit = p.eq(u, p.gather(y, ids))
  const count = p.scatterAdd(ids, one(hit, u), rows)
  return [p.div(p.scatterAdd(ids, zeroUnless(hit, t), rows), p.max(count, p.like(count, 1)))]
}
/** Each tangent times the other updates of its row. One zero leaves only its own, two leave none. */
const productJvp: JvpRule = ({ inputs: [ids, u], tangents: [, t], params }) => {
  if (!t) return [null]
  const rows = params.rows as number
  const isZero = p.eq(u, p.like(u, 0))
  const nonzero = p.select(isZero, p.like(u, 1), u)
  const product = p.gather(p.segmentProd(ids, nonzero, rows), ids)
  const zeros = p.gather(p.scatterAdd(ids, one(isZero, u), rows), ids)
  const own = one(isZero, u)
  const others = zeroUnless(p.eq(zeros, own), p.div(product, nonzero))
  return [p.scatterAdd(ids, p.mul(t, others), rows)]
}

const samples: Sample[] = [
  { inputs: [{ shape: [5], dtype: 'i32', values: [0, 2, 1, 0, 2] }, { shape: [5, 3] }], params: { rows: 3 } },
  { inputs: [{ shape: [2, 3], dtype: 'i32', values: [0, -1, 7, 1, 2, 2] }, { shape: [2, 3, 2] }], params: { rows: 3 } },
  {
    inputs: [
      { shape: [6], dtype: 'i32', values: [0, 0, 1, 1, 1, 3] },
      { shape: [6], values: [2, 2, 0, 0, -1, 5] },
    ],
    params: { rows: 4 },
    smooth: false,
  },
  {
    inputs: [
      { shape: [4], dtype: 'i32', low: 0, high: 2 },
      { shape: [4], dtype: 'i32' },
    ],
    params: { rows: 3 },
  },
]
const segment = (name: string, combine: Combine, doc: string, apply: Scatter, jvp: JvpRule): OpRecord =>
  op({
    name,
    doc: `${doc} of rows of operand 1 [...S, …rest] with the same i32 id in operand 0 [...S], into [params.rows, …rest]; ids outside are dropped, and rows without any are what ${combine} of nothing is.`,
    infer: ([ids, updates], params) => [check(name, ids, updates, params.rows as number)],
    eval: ([ids, updates], _params, [out]) => [combineRows(combine, out, empty(combine, out), numbered(ids), updates)],
    jvp,
    transpose: 'nonlinear',
    batch: batchScatter(apply),
    kernel: { kind: 'scatter', combine, ...sortedWhereLarge(combine) },
    samples,
  })

export const segmentProd = segment('segmentProd', 'mul', 'Product', p.segmentProd, productJvp)
export const segmentMax = segment('segmentMax', 'max', 'Largest', p.segmentMax, extremeJvp)
export const segmentMin = segment('segmentMin', 'min', 'Smallest', p.segmentMin, extremeJvp)

/** lax.scatter_max and scatter_min: what is there counts among the equals that share a tangent. */
const extreme = (
  name: string,
  combine: 'max' | 'min',
  doc: string,
  rules: { readonly pick: typeof p.max; readonly segment: Scatter; readonly self: typeof p.scatterMax },
): OpRecord =>
  op({
    name,
    doc: `${doc} of each row of operand 0 [rows, …rest] and the rows of operand 2 [...S, …rest] with its number in operand 1 (i32 [...S]); ids outside are dropped.`,
    infer: ([x, ids, updates]) => {
      const out = check(name, ids, updates, x.shape[0])
      if (showAval(out) !== showAval(x))
        fail(`${name}: expected updates for rows of ${showAval(x)}, got ${showAval(updates)}`)
      return [x]
    },
    eval: ([x, ids, updates], _params, [out]) => [
      combineRows(combine, out, Float64Array.from(x.data), numbered(ids), updates),
    ],
    jvp: ({ inputs: [x, ids, u], outs: [y], tangents: [tx, , tu] }) => {
      const rows = x.aval.shape[0]
      const [kept, hit] = [p.eq(x, y), p.eq(u, p.gather(y, ids))]
      const count = p.add(one(kept, x), p.scatterAdd(ids, one(hit, u), rows))
      const parts = [tx && zeroUnless(kept, tx), tu && p.scatterAdd(ids, zeroUnless(hit, tu), rows)].filter(
        (t) => t !== null,
      )
      return [parts.length ? p.div(parts.reduce(p.add), p.max(count, p.like(count, 1))) : null]
    },
    transpose: 'nonlinear',
    batch: ({ inputs, batched, size: n }) => {
      const [x, ids, updates] = inputs.map((y, i) =>
        batched[i] ? y : p.broadcastInDim(y, [n, ...y.aval.shape], range(y.aval.shape.length, 1)),
      )
      const [, rows, ...rest] = x.aval.shape
      const own = p.and(p.ge(ids, p.like(ids, 0)), p.lt(ids, p.like(ids, rows)))
      const offset = p.mul(p.iota(ids.aval.shape, 0), p.like(ids, rows))
      const all = p.select(own, p.add(ids, offset), p.like(ids, n * rows))
      return [p.reshape(rules.self(p.reshape(x, [n * rows, ...rest]), all, updates), x.aval.shape)]
    },
    kernel: {
      kind: 'composite',
      expand: ([x, ids, updates]) => [rules.pick(x, rules.segment(ids, updates, x.aval.shape[0]))],
    },
    samples: [
      { inputs: [{ shape: [5, 3] }, { shape: [4], dtype: 'i32', low: 0, high: 4 }, { shape: [4, 3] }] },
      {
        inputs: [
          { shape: [3], values: [1, 2, 3] },
          { shape: [4], dtype: 'i32', values: [0, 0, 1, -1] },
          { shape: [4], values: [1, 1, 5, 9] },
        ],
        smooth: false,
      },
      {
        inputs: [
          { shape: [3], dtype: 'i32' },
          { shape: [2], dtype: 'i32', low: 0, high: 2 },
          { shape: [2], dtype: 'i32' },
        ],
      },
    ],
  })
export const scatterMax = extreme('scatterMax', 'max', 'Largest', {
  pick: p.max,
  segment: p.segmentMax,
  self: p.scatterMax,
})
export const scatterMin = extreme('scatterMin', 'min', 'Smallest', {
  pick: p.min,
  segment: p.segmentMin,
  self: p.scatterMin,
})

export const sortedSegments = op({
  name: 'sortedSegments',
  doc: 'Combines rows of operand 2 [count, …rest] by params.combine: row r of the result has those whose numbers are in operand 1 (i32[count]) from place starts[r] up to starts[r + 1], in that order. Operand 0 is starts, i32[rows + 1].',
  infer: ([starts, order, updates]) => {
    takes('sortedSegments', updates, classes['a number'])
    if (starts.dtype !== 'i32' || starts.shape.length !== 1 || showAval(order) !== `i32[${updates.shape[0]}]`)
      fail(
        `sortedSegments: expected starts i32[rows + 1] and i32[${updates.shape[0]}], got ${showAval(starts)} and ${showAval(order)}`,
      )
    return [{ shape: [starts.shape[0] - 1, ...updates.shape.slice(1)], dtype: updates.dtype }]
  },
  eval: ([starts, order, updates], params, [out]) => {
    const combine = params.combine as Combine
    const pairs: [number, number][] = []
    for (let r = 0; r < out.shape[0]; r++)
      for (let k = starts.data[r]; k < starts.data[r + 1]; k++) pairs.push([r, order.data[k]])
    return [combineRows(combine, out, empty(combine, out), pairs, updates)]
  },
  // It is only made where derivatives have been taken.
  jvp: 'nondifferentiable',
  transpose: 'nonlinear',
  batch: ({ inputs, batched, size: n, params }) => {
    const parts = inputs.map((x, i) =>
      range(n).map((k) => {
        const { shape } = x.aval
        if (!batched[i]) return x
        const cut = p.slice(
          x,
          shape.map((_, d) => (d ? 0 : k)),
          shape.map((m, d) => (d ? m : k + 1)),
        )
        return p.reshape(cut, shape.slice(1))
      }),
    )
    const rows = range(n).map((k) => {
      const y = bind1(
        sortedSegments,
        parts.map((of) => of[k]),
        params,
      )
      return p.reshape(y, [1, ...y.aval.shape])
    })
    return [p.concat(rows, 0)]
  },
  kernel: { kind: 'segments' },
  samples: [
    {
      inputs: [
        { shape: [4], dtype: 'i32', values: [0, 2, 2, 5] },
        { shape: [6], dtype: 'i32', values: [5, 0, 3, 1, 4, 2] },
        { shape: [6, 3] },
      ],
      params: { combine: 'add' },
    },
    {
      inputs: [
        { shape: [3], dtype: 'i32', values: [0, 0, 4] },
        { shape: [4], dtype: 'i32', values: [3, 0, 1, 2] },
        { shape: [4, 2, 4] },
      ],
      params: { combine: 'max' },
    },
  ],
})
