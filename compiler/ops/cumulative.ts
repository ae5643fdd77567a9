import { asDtype, classes, isFloat } from '../ir/dtype.js'
import type { Aval, Params } from '../ir/types.js'
import { showAval, showShape, size } from '../ir/types.js'
import { bind1 } from '../trace/tensor.js'
import { associativeScan } from './associative.js'
import { type AnyTensor, type JvpRule, op, type RefArray } from './op.js'
import * as p from './prim.js'
import { asResult, fail, takes } from './rules.js'

/** How a running total takes in the next element; logAddExp is log(eᵃ + eᵇ). */
export type Accumulate = 'add' | 'mul' | 'max' | 'min' | 'logAddExp'

const functions: Record<Accumulate, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  mul: (a, b) => a * b,
  max: Math.max,
  min: Math.min,
  logAddExp: (a, b) => {
    const [low, high] = [Math.min(a, b), Math.max(a, b)]
    return high + Math.log1p(Math.exp(low === high ? 0 : low - high))
  },
}
/** On integers sums and products wrap around. */
function functionOf(combine: Accumulate, { dtype }: Aval): (a: number, b: number) => number {
  const wrap = (x: number): number => asDtype(x, dtype)
  if (isFloat(dtype) || combine === 'max' || combine === 'min') return functions[combine]
  return combine === 'mul' ? (a, b) => wrap(Math.imul(a, b)) : (a, b) => wrap(a + b)
}

function check(name: string, x: Aval, { axis, combine }: Params): void {
  if (!((axis as number) >= 0 && (axis as number) < x.shape.length))
    fail(`${name}: axis ${axis} is out of range for shape ${showShape(x.shape)}`)
  takes(name, x, classes[combine === 'logAddExp' ? 'a float' : 'a number'])
}

/** Running totals along the lines of `axis`, in blocks that begin with what `start` gives for them, if anything. */
function totals(
  x: RefArray,
  params: Params,
  block: number,
  start: (outer: number, block: number, inner: number) => number | undefined,
): RefArray {
  const axis = params.axis as number
  const f = functionOf(params.combine as Accumulate, x)
  const [n, step] = [x.shape[axis], size(x.shape.slice(axis + 1))]
  const data = new Float64Array(x.data.length)
  for (let outer = 0; outer < size(x.shape.slice(0, axis)); outer++)
    for (let inner = 0; inner < step; inner++) {
      let sum: number | undefined
      for (let t = 0; t < n; t++) {
        const at = (outer * n + (params.reverse ? n - 1 - t : t)) * step + inner
        if (t % block === 0) sum = start(outer, t / block, inner)
        sum = sum === undefined ? x.data[at] : f(sum, x.data[at])
        data[at] = sum
      }
    }
  return asResult(x, data)
}

type Pair = readonly AnyTensor[]
const half = (x: AnyTensor): AnyTensor => p.mul(x, p.like(x, 0.5))
/** The larger (or smaller) of two values with its tangent; equal ones share it, as in JAX. */
const extreme =
  (f: typeof p.max) =>
  ([a, ta]: Pair, [b, tb]: Pair): AnyTensor[] => {
    const y = f(a, b)
    const [isA, isB] = [p.eq(a, y), p.eq(b, y)]
    const none = p.like(ta, 0)
    const both = p.add(p.select(isA, ta, none), p.select(isB, tb, none))
    return [y, p.select(p.and(isA, isB), half(both), both)]
  }
/** Share of e to the power `a` in e to the power `y`; where both are infinite, of one of two equals. */
const shareOf = (a: AnyTensor, y: AnyTensor): AnyTensor =>
  p.select(p.eq(a, y), p.like(a, 1), p.exp(p.sub(a, p.select(p.eq(a, y), a, y))))
/** Values with tangents, put together. */
const dual: Record<Exclude<Accumulate, 'add'>, (a: Pair, b: Pair) => AnyTensor[]> = {
  mul: ([a, ta], [b, tb]) => [p.mul(a, b), p.add(p.mul(ta, b), p.mul(a, tb))],
  max: extreme(p.max),
  min: extreme(p.min),
  logAddExp: ([a, ta], [b, tb]) => {
    const y = logAddExp(a, b)
    return [y, p.add(p.mul(ta, shareOf(a, y)), p.mul(tb, shareOf(b, y)))]
  },
}
function logAddExp(a: AnyTensor, b: AnyTensor): AnyTensor {
  const [low, high] = [p.min(a, b), p.max(a, b)]
  const distance = p.select(p.eq(low, high), p.like(a, 0), p.sub(low, high))
  return p.add(high, p.log(p.add(p.exp(distance), p.like(a, 1))))
}

/** Sums are linear. The others go along with the tangents in a tree, so that nothing is divided and a product may have zeros. */
const jvp: JvpRule = ({ inputs: [x], tangents: [t], params }) => {
  if (!t) return [null]
  const axis = params.axis as number
  const combine = params.combine as Accumulate
  if (combine === 'add') return [p.cumulative(t, 'add', axis, params.reverse as boolean)]
  const turn = (y: AnyTensor): AnyTensor => (params.reverse ? p.reverse(y, [axis]) : y)
  return [turn(associativeScan(dual[combine], [turn(x), turn(t)], axis)[1])]
}

export const cumulative = op({
  name: 'cumulative',
  doc: 'Running totals along params.axis, from its end when params.reverse: element i is all elements up to i put together by params.combine (add, mul, max, min, logAddExp).',
  infer: ([x], params) => {
    check('cumulative', x, params)
    return [x]
  },
  eval: ([x], params) => [totals(x, params, Number.POSITIVE_INFINITY, () => undefined)],
  jvp,
  transpose: ({ cotangents: [ct], params }) => [
    params.combine === 'add' ? ct && p.cumulative(ct, 'add', params.axis as number, !params.reverse) : null,
  ],
  batch: ({ inputs: [x], params }) => [
    p.cumulative(x, params.combine as Accumulate, (params.axis as number) + 1, params.reverse as boolean),
  ],
  kernel: { kind: 'composite', expand: ([x], params) => [inBlocks(x, params)] },
  samples: [
    { inputs: [{ shape: [3, 5] }], params: { combine: 'add', axis: 1, reverse: false } },
    { inputs: [{ shape: [3, 5, 6] }], params: { combine: 'add', axis: 1, reverse: true } },
    { inputs: [{ shape: [2, 7] }], params: { combine: 'mul', axis: 1, reverse: false } },
    {
      inputs: [{ shape: [6, 2], values: [2, 0, 3, 0, 0, 5, 1, 4] }],
      params: { combine: 'mul', axis: 0, reverse: true },
    },
    { inputs: [{ shape: [9] }], params: { combine: 'max', axis: 0, reverse: true } },
    {
      inputs: [{ shape: [2, 8], values: [1, 3, 3, 2, 3] }],
      params: { combine: 'max', axis: 1, reverse: false },
      smooth: false,
    },
    { inputs: [{ shape: [4, 7] }], params: { combine: 'min', axis: 0, reverse: false } },
    { inputs: [{ shape: [2, 5] }], params: { combine: 'logAddExp', axis: 1, reverse: false } },
    {
      inputs: [{ shape: [700], low: -9, high: 9 }],
      params: { combine: 'logAddExp', axis: 0, reverse: true },
      smooth: false,
    },
    {
      inputs: [{ shape: [2, 1300], low: -1, high: 1 }],
      params: { combine: 'add', axis: 1, reverse: true },
      tolerance: 1e-4,
    },
    { inputs: [{ shape: [1, 1030], dtype: 'i32' }], params: { combine: 'max', axis: 1, reverse: false } },
    { inputs: [{ shape: [2, 0] }], params: { combine: 'add', axis: 1, reverse: false } },
    { inputs: [{ shape: [1], dtype: 'u32' }], params: { combine: 'mul', axis: 0, reverse: false } },
    {
      inputs: [{ shape: [6], values: [1, Number.NEGATIVE_INFINITY, Number.NaN, 2, 0, 1] }],
      params: { combine: 'min', axis: 0, reverse: true },
      smooth: false,
    },
  ],
})

/** Elements of a block, and the lines from which, and the elements of a line up to which, there is no need of blocks. */
const [blockSize, manyLines, shortLine] = [256, 1024, 512]

/** Few long lines are cut in blocks, and each block begins with the total of those before it. */
function inBlocks(x: AnyTensor, params: Params): AnyTensor {
  const { shape } = x.aval
  const axis = params.axis as number
  const n = shape[axis]
  const [outer, inner] = [size(shape.slice(0, axis)), size(shape.slice(axis + 1))]
  if (n < 2 || outer * inner === 0) return x
  const combine = params.combine as Accumulate
  const reverse = params.reverse as boolean
  const lines = p.reshape(x, [outer, n, inner])
  const kernel = (block: number, ...before: AnyTensor[]): AnyTensor =>
    p.reshape(bind1(cumulativeBlocks, [lines, ...before], { combine, axis: 1, reverse, block }), shape)
  if (n <= shortLine || outer * inner >= manyLines) return kernel(n)
  const blocks = Math.ceil(n / blockSize)
  // The last block's total is not wanted: it alone may be shorter.
  const whole = (blocks - 1) * blockSize
  const from = reverse ? n - whole : 0
  const cut = p.reshape(p.slice(lines, [0, from, 0], [outer, from + whole, inner]), [
    outer,
    blocks - 1,
    blockSize,
    inner,
  ])
  return kernel(blockSize, p.cumulative(total[combine](cut), combine, 1, reverse))
}
const total: Record<Accumulate, (x: AnyTensor) => AnyTensor> = {
  add: (x) => p.reduceSum(x, [2]),
  mul: (x) => p.reduceProd(x, [2]),
  max: (x) => p.reduceMax(x, [2]),
  min: (x) => p.reduceMin(x, [2]),
  logAddExp: (x) => {
    const top = p.reduceMax(x, [2])
    const finite = p.min(p.max(top, p.like(top, -LARGEST)), p.like(top, LARGEST))
    return p.add(p.log(p.reduceSum(p.exp(p.sub(x, p.unreduce(finite, x.aval.shape, [2]))), [2])), finite)
  },
}
const LARGEST = 3.4028234663852886e38

const cumulativeBlocks = op({
  name: 'cumulativeBlocks',
  doc: 'Running totals of operand 0 [outer, n, inner] along the middle within blocks of params.block, counted from its end when params.reverse. Each block but the first begins with its element of operand 1 [outer, blocks - 1, inner], in the order of memory, if there is one.',
  infer: ([x, before], params) => {
    check('cumulativeBlocks', x, params)
    const [outer, n, inner] = x.shape
    const want = [outer, Math.ceil(n / (params.block as number)) - 1, inner]
    if (before && showShape(before.shape) !== showShape(want))
      fail(`cumulativeBlocks: expected beginnings of shape ${showShape(want)}, got ${showAval(before)}`)
    return [x]
  },
  eval: ([x, before], params) => {
    const inner = x.shape[2]
    const count = before?.shape[1] ?? 0
    return [
      totals(x, params, params.block as number, (outer, block, i) =>
        before && block > 0
          ? before.data[(outer * count + (params.reverse ? count - block : block - 1)) * inner + i]
          : undefined,
      ),
    ]
  },
  // It is only made where derivatives have been taken.
  jvp: 'nondifferentiable',
  transpose: 'nonlinear',
  batch: ({ inputs, batched, size: n, params }) => {
    const [x, ...before] = inputs.map((y, i) => {
      const all = batched[i] ? y : p.broadcastInDim(y, [n, ...y.aval.shape], [1, 2, 3])
      const [, outer, ...rest] = all.aval.shape
      return p.reshape(all, [n * outer, ...rest])
    })
    const y = bind1(cumulativeBlocks, [x, ...before], params)
    return [p.reshape(y, [n, y.aval.shape[0] / n, ...y.aval.shape.slice(1)])]
  },
  kernel: { kind: 'cumulative' },
  samples: [
    {
      inputs: [{ shape: [2, 10, 1] }, { shape: [2, 2, 1] }],
      params: { combine: 'add', axis: 1, reverse: false, block: 4 },
    },
    {
      inputs: [{ shape: [1, 9, 7] }, { shape: [1, 2, 7] }],
      params: { combine: 'max', axis: 1, reverse: true, block: 4 },
    },
    { inputs: [{ shape: [5, 12, 1] }], params: { combine: 'mul', axis: 1, reverse: true, block: 4 } },
    { inputs: [{ shape: [3, 6, 22] }], params: { combine: 'logAddExp', axis: 1, reverse: false, block: 6 } },
    { inputs: [{ shape: [2, 5, 3], dtype: 'i32' }], params: { combine: 'add', axis: 1, reverse: false, block: 2 } },
  ],
})
