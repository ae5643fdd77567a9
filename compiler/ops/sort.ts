import { wideOf } from '../ir/dtype.js'
import type { Aval, Params } from '../ir/types.js'
import { showShape, size } from '../ir/types.js'
import { bind } from '../trace/tensor.js'
import { type AnyTensor, op, type RefArray } from './op.js'
import * as p from './prim.js'
import { digitCounts, digitSort } from './radix.js'
import { fail } from './rules.js'

/** NaN after everything, 0 and -0 alike: the order of jax.numpy. */
const compare = (a: number, b: number): number =>
  Number.isNaN(a) || Number.isNaN(b) ? Number(Number.isNaN(a)) - Number(Number.isNaN(b)) : a < b ? -1 : Number(a > b)

export const argsort = op({
  name: 'argsort',
  doc: 'Indices (i32) that put the elements along params.axis in order, or the first params.count of them; equal ones keep theirs, params.descending or not. NaN is the largest, and 0 and -0 are equal.',
  infer: ([x], params): Aval[] => {
    const axis = params.axis as number
    if (!(axis >= 0 && axis < x.shape.length))
      fail(`argsort: axis ${axis} is out of range for shape ${showShape(x.shape)}`)
    const count = countOf(params, x.shape[axis])
    if (!(Number.isInteger(count) && count >= 0 && count <= x.shape[axis]))
      fail(`argsort: expected a count of 0 to ${x.shape[axis]}, got ${count}`)
    return [{ shape: withAt(x.shape, axis, count), dtype: 'i32' }]
  },
  eval: ([x], params, [out]): RefArray[] => {
    const axis = params.axis as number
    const [n, step] = [x.shape[axis], size(x.shape.slice(axis + 1))]
    const sign = params.descending ? -1 : 1
    const count = out.shape[axis]
    const data = new Float64Array(size(out.shape))
    for (let outer = 0; outer < size(x.shape.slice(0, axis)); outer++)
      for (let inner = 0; inner < step; inner++) {
        const at = (i: number): number => (outer * n + i) * step + inner
        const order = Array.from({ length: n }, (_, i) => i)
        order.sort((i, j) => sign * compare(x.data[at(i)], x.data[at(j)]) || i - j)
        for (let i = 0; i < count; i++) data[(outer * count + i) * step + inner] = order[i]
      }
    return [{ ...out, data }]
  },
  jvp: 'nondifferentiable',
  transpose: 'nonlinear',
  batch: ({ inputs: [x], params }) => [
    p.argsort(x, (params.axis as number) + 1, params.descending as boolean, params.count as number | undefined),
  ],
  kernel: {
    kind: 'composite',
    expand: ([x], params) => {
      const { shape } = x.aval
      const axis = params.axis as number
      const n = shape[axis]
      const count = countOf(params, n)
      const lines = size(shape) / Math.max(1, n)
      if (n < 2 || lines * count === 0) return [p.full(withAt(shape, axis, count), 0, 'i32')]
      const axes = shape.map((_, d) => d).filter((d) => d !== axis)
      const last = p.transpose(x, [...axes, axis])
      const key = keyOf(p.reshape(last, [lines, n]))
      const sorted = firstOf(params.descending ? p.not(key) : key, count, x.dtype === 'bool' ? 1 : 32)
      const back = shape.map((_, d) => (d === axis ? axes.length : axes.indexOf(d)))
      return [p.transpose(p.reshape(sorted, withAt(last.aval.shape, axes.length, count)), back)]
    },
  },
  samples: [
    { inputs: [{ shape: [3, 7] }], params: { axis: 1, descending: false } },
    { inputs: [{ shape: [5, 3], dtype: 'i32', low: -2, high: 2 }], params: { axis: 0, descending: true } },
    { inputs: [{ shape: [2, 70] }], params: { axis: 1, descending: false } },
    { inputs: [{ shape: [1030] }], params: { axis: 0, descending: true } },
    { inputs: [{ shape: [300, 2], dtype: 'i32', low: -9, high: 9 }], params: { axis: 0, descending: true } },
    { inputs: [{ shape: [4500], dtype: 'u32', low: 0, high: 4294967295 }], params: { axis: 0, descending: false } },
    { inputs: [{ shape: [70], dtype: 'f16' }], params: { axis: 0, descending: false } },
    { inputs: [{ shape: [70], dtype: 'i8' }], params: { axis: 0, descending: true } },
    { inputs: [{ shape: [150], dtype: 'bool' }], params: { axis: 0, descending: true } },
    {
      inputs: [{ shape: [8], values: [1, Number.NaN, -0, 0, Number.POSITIVE_INFINITY, -3, Number.NEGATIVE_INFINITY] }],
      params: { axis: 0, descending: false },
    },
    { inputs: [{ shape: [140, 1], values: [1, Number.NaN, -0, 0, -3] }], params: { axis: 0, descending: true } },
    { inputs: [{ shape: [2, 1] }], params: { axis: 1, descending: false } },
    { inputs: [{ shape: [3, 7] }], params: { axis: 0, descending: true, count: 2 } },
    { inputs: [{ shape: [2, 1030] }], params: { axis: 1, descending: true, count: 5 } },
    { inputs: [{ shape: [4300] }], params: { axis: 0, descending: false, count: 66 } },
    { inputs: [{ shape: [700, 2], dtype: 'i32', low: -2, high: 2 }], params: { axis: 0, descending: true, count: 8 } },
    { inputs: [{ shape: [500], values: [1, Number.NaN, -0, 0, -3] }], params: { axis: 0, descending: true, count: 3 } },
    {
      inputs: [{ shape: [300], dtype: 'u32', low: 4294967295, high: 4294967295 }],
      params: { axis: 0, descending: false, count: 4 },
    },
    { inputs: [{ shape: [200], dtype: 'bool' }], params: { axis: 0, descending: true, count: 1 } },
    { inputs: [{ shape: [2, 100] }], params: { axis: 1, descending: true, count: 0 } },
    { inputs: [{ shape: [2, 0] }], params: { axis: 1, descending: false } },
  ],
})

const countOf = (params: Params, n: number): number => (params.count as number | undefined) ?? n
const withAt = (shape: readonly number[], axis: number, n: number): number[] =>
  shape.map((m, d) => (d === axis ? n : m))

/** A u32 that is in order as the element is: of an f32 its bits, turned around where it is negative. */
export function keyOf(narrow: AnyTensor): AnyTensor {
  const x = p.cast(narrow, wideOf[narrow.aval.dtype])
  if (x.dtype === 'u32') return x
  if (x.dtype === 'bool') return p.cast(x, 'u32')
  const bits = p.bitcast(x, 'u32')
  const u = (value: number): AnyTensor => p.like(bits, value)
  if (x.dtype === 'i32') return p.xor(bits, u(0x80000000))
  const magnitude = p.and(bits, u(0x7fffffff))
  const turned = p.select(p.ge(bits, u(0x80000000)), p.not(bits), p.or(bits, u(0x80000000)))
  const zero = p.eq(magnitude, u(0))
  const nan = p.gt(magnitude, u(0x7f800000))
  return p.select(nan, u(0xffffffff), p.select(zero, u(0x80000000), turned))
}

/** Elements of a line up to which each is compared with all. */
const shortLine = 64
/** How many times longer than what is wanted of it a line is from which on only some of its blocks are looked at. */
const longLine = 64

/** Indices of the `count` smallest of keys [lines, n], in order. */
function firstOf(keys: AnyTensor, count: number, bits: number): AnyTensor {
  const [lines, n] = keys.aval.shape
  if (n > shortLine && n >= longLine * count) return fromBlocks(keys, count, bits)
  return p.slice(sortLines(keys, bits), [0, 0], [lines, count])
}

/**
 * The blocks whose smallest are the `count` smallest of all blocks' have the `count` smallest elements, and of equal blocks the first:
 * whatever is in another comes after an element of each of them. In order of their numbers, equal elements keep theirs.
 */
function fromBlocks(keys: AnyTensor, count: number, bits: number): AnyTensor {
  const [lines, n] = keys.aval.shape
  // The fewest to look at: n / block smallest ones, and then count · block.
  const block = Math.ceil(Math.sqrt(n / count))
  const blocks = Math.ceil(n / block)
  // What fills the last block is largest, and last.
  const filled = p.pad(keys, p.constant(0xffffffff, 'u32'), [0, 0], [0, blocks * block - n], [0, 0])
  const apart = p.reshape(filled, [lines, blocks, block])
  const best = firstOf(p.reduceMin(apart, [2]), count, bits)
  const order = sortLines(p.cast(best, 'u32'), Math.ceil(Math.log2(blocks)))
  const chosen = gatherLines(best, order)
  const shape = [lines, count, block]
  const at = p.add(p.broadcastInDim(p.mul(chosen, p.like(chosen, block)), shape, [0, 1]), p.iota(shape, 2))
  const places = p.reshape(at, [lines, count * block])
  const found = firstOf(gatherLines(filled, places), count, bits)
  return gatherLines(places, found)
}

/** Of each line the elements at `ids`. */
function gatherLines(x: AnyTensor, ids: AnyTensor): AnyTensor {
  const [, n] = x.aval.shape
  const line = p.iota(ids.aval.shape, 0)
  return p.gather(p.reshape(x, [x.size]), p.add(p.mul(line, p.like(line, n)), ids))
}

/** The order of the last `bits` bits of keys [lines, n], as indices. */
export function sortLines(keys: AnyTensor, bits: number): AnyTensor {
  return keys.aval.shape[1] <= shortLine ? byRank(keys) : byDigits(keys, bits)
}

/** An element's place is the number of those before it: smaller ones, and equal ones with smaller indices. */
function byRank(keys: AnyTensor): AnyTensor {
  const [lines, n] = keys.aval.shape
  const shape = [lines, n, n]
  const [mine, other] = [p.broadcastInDim(keys, shape, [0, 1]), p.broadcastInDim(keys, shape, [0, 2])]
  const [i, j] = [p.iota(shape, 1), p.iota(shape, 2)]
  const before = p.or(p.lt(other, mine), p.and(p.eq(other, mine), p.lt(j, i)))
  const rank = p.reduceSum(p.cast(before, 'i32'), [2])
  const isHere = p.eq(p.broadcastInDim(rank, shape, [0, 2]), i)
  return p.reduceSum(p.select(isHere, j, p.like(j, 0)), [2])
}

/** Of a digit: a table of them is made for each block, and should be shorter than it. */
const digitBits = (n: number): number => (n < 400 ? 4 : 8)
/** Elements that are counted together. */
const blockSize = 2048

/** Least significant digit first: each pass counts digits by block, adds the counts up, and moves the elements to their places. */
function byDigits(keys: AnyTensor, bits: number): AnyTensor {
  const [lines, n] = keys.aval.shape
  const block = Math.min(n, blockSize)
  const each = digitBits(n)
  let sorted: AnyTensor[] = [keys]
  for (let shift = 0; shift < bits; shift += each) {
    const params = { shift, bits: Math.min(each, bits - shift), block }
    const [counts] = bind(digitCounts, [sorted[0]], params)
    const flat = p.reshape(counts, [lines, counts.aval.shape[1] * counts.aval.shape[2]])
    const ends = p.reshape(p.cumulative(flat, 'add', 1), counts.aval.shape)
    sorted = bind(digitSort, [ends, ...sorted], params)
  }
  return sorted[1]
}
