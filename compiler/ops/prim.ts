import type { DType } from '../ir/types.js'
import { size } from '../ir/types.js'
import { bind, bind1 } from '../trace/tensor.js'
import type { ConvParams } from './conv-dims.js'
import type { Accumulate } from './cumulative.js'
import { type AnyTensor, opOf } from './op.js'
import type { PoolParams } from './pool.js'
import { type Axis, axisParams } from './windows.js'

/**
 * The primitives as plain functions, untyped: what rules of records and transforms are written in.
 * Operands of elementwise ops have one shape and dtype; `compiler/lang` adds broadcasting, scalars and static types.
 */
type Unary = (x: AnyTensor) => AnyTensor
type Binary = (a: AnyTensor, b: AnyTensor) => AnyTensor
const unary =
  (name: string): Unary =>
  (x) =>
    bind1(opOf(name), [x])
const binary =
  (name: string): Binary =>
  (a, b) =>
    bind1(opOf(name), [a, b])

export const neg = unary('neg')
export const exp = unary('exp')
export const log = unary('log')
export const tanh = unary('tanh')
export const erf = unary('erf')
export const sqrt = unary('sqrt')
export const rsqrt = unary('rsqrt')
export const sin = unary('sin')
export const cos = unary('cos')
export const abs = unary('abs')
export const sign = unary('sign')
export const floor = unary('floor')
export const ceil = unary('ceil')
/** Half to even. */
export const round = unary('round')
export const trunc = unary('trunc')
export const exp2 = unary('exp2')
export const expm1 = unary('expm1')
export const log1p = unary('log1p')
export const tan = unary('tan')
export const asin = unary('asin')
export const acos = unary('acos')
export const atan = unary('atan')
export const sinh = unary('sinh')
export const cosh = unary('cosh')
export const asinh = unary('asinh')
export const acosh = unary('acosh')
export const atanh = unary('atanh')
export const cbrt = unary('cbrt')
export const erfc = unary('erfc')
export const erfInv = unary('erfInv')
/** log |Γ(x)|. */
export const logGamma = unary('logGamma')
export const digamma = unary('digamma')
/** Integers: how many bits are 1, and how many are 0 above the highest 1. */
export const popcount = unary('popcount')
export const clz = unary('clz')
export const logistic = unary('logistic')
/** bool → logical not; integers → bitwise not. */
export const not = unary('not')
export const stopGradient = unary('stopGradient')

export const add = binary('add')
export const sub = binary('sub')
export const mul = binary('mul')
export const div = binary('div')
export const max = binary('max')
export const min = binary('min')
export const pow = binary('pow')
/** Remainder with the sign of the dividend (C, lax.rem). */
export const rem = binary('rem')
/** The angle of (b, a), as Math.atan2(a, b). */
export const atan2 = binary('atan2')
/** bool or integers. */
export const and = binary('and')
export const or = binary('or')
export const xor = binary('xor')
/** Integers; shiftRight is logical for u32 and arithmetic for i32. Shifts ≥ 32 give 0 (or the sign). */
export const shiftLeft = binary('shiftLeft')
export const shiftRight = binary('shiftRight')
/** Comparisons give bool. */
export const eq = binary('eq')
export const ne = binary('ne')
export const lt = binary('lt')
export const le = binary('le')
export const gt = binary('gt')
export const ge = binary('ge')

/** cond is bool, all three of one shape. */
export const select = (cond: AnyTensor, onTrue: AnyTensor, onFalse: AnyTensor): AnyTensor =>
  bind1(opOf('select'), [cond, onTrue, onFalse])
export const cast = (x: AnyTensor, dtype: DType): AnyTensor =>
  x.dtype === dtype ? x : bind1(opOf('cast'), [x], { dtype })
/** The same bits as another dtype of 32 bits. */
export const bitcast = (x: AnyTensor, dtype: DType): AnyTensor =>
  x.dtype === dtype ? x : bind1(opOf('bitcast'), [x], { dtype })
/** A scalar of shape []. NaN and infinities are allowed. */
export const constant = (value: number, dtype: DType = 'f32'): AnyTensor =>
  bind1(opOf('constant'), [], { value: json(value), dtype })
/** JSON has no NaN, infinities or -0. */
const json = (value: number): number | string =>
  Number.isFinite(value) && !Object.is(value, -0) ? value : String(Object.is(value, -0) ? '-0' : value)
/** Counts 0, 1, … along `axis`. */
export const iota = (shape: readonly number[], axis: number, dtype: DType = 'i32'): AnyTensor =>
  bind1(opOf('iota'), [], { shape, axis, dtype })

export const reshape = (x: AnyTensor, shape: readonly number[]): AnyTensor => bind1(opOf('reshape'), [x], { shape })
/** Output dim i is input dim permutation[i]. */
export const transpose = (x: AnyTensor, permutation: readonly number[]): AnyTensor =>
  bind1(opOf('transpose'), [x], { permutation })
/** Input dim i becomes output dim dims[i] (size 1 or equal); the other output dims repeat. dims is strictly increasing. */
export const broadcastInDim = (x: AnyTensor, shape: readonly number[], dims: readonly number[]): AnyTensor =>
  bind1(opOf('broadcastInDim'), [x], { shape, dims })
export const slice = (
  x: AnyTensor,
  start: readonly number[],
  limit: readonly number[],
  stride: readonly number[] = start.map(() => 1),
): AnyTensor => bind1(opOf('slice'), [x], { start, limit, stride })
/** A window of `sizes` that begins at `starts`, i32 scalars, one per axis, moved so that it fits (lax.dynamic_slice). */
export const dynamicSlice = (x: AnyTensor, starts: readonly AnyTensor[], sizes: readonly number[]): AnyTensor =>
  bind1(opOf('dynamicSlice'), [x, ...starts], { sizes })
/** `x` with the window that begins at `starts` overwritten by `update` (lax.dynamic_update_slice). */
export const dynamicUpdateSlice = (x: AnyTensor, update: AnyTensor, starts: readonly AnyTensor[]): AnyTensor =>
  bind1(opOf('dynamicUpdateSlice'), [x, update, ...starts])
/** `value` is a scalar tensor; low and high count elements per dim (negative crops), interior those between neighbours. */
export const pad = (
  x: AnyTensor,
  value: AnyTensor,
  low: readonly number[],
  high: readonly number[],
  interior: readonly number[] = low.map(() => 0),
): AnyTensor => bind1(opOf('pad'), [x, value], { low, high, interior })
/** Order turned around along `axes`. */
export const reverse = (x: AnyTensor, axes: readonly number[]): AnyTensor => bind1(opOf('reverse'), [x], { axes })
/** Windows on the spatial dims of [a, h…, b] (or [a, h…, j…, b]) → [a, i…, j…, b]; `windows` of windows.ts is often better. */
export const patches = (x: AnyTensor, axes: readonly Axis[], fill = 0): AnyTensor =>
  bind1(opOf('patches'), [x], { axes: axes.map(axisParams), fill: json(fill) })
export const concat = (xs: readonly AnyTensor[], axis: number): AnyTensor => bind1(opOf('concat'), xs, { axis })

export interface DotDims {
  readonly lhsContract: readonly number[]
  readonly rhsContract: readonly number[]
  readonly lhsBatch: readonly number[]
  readonly rhsBatch: readonly number[]
}
/** Output dims: batch, lhs free, rhs free (lax.dot_general). */
export const dotGeneral = (a: AnyTensor, b: AnyTensor, dims: DotDims): AnyTensor =>
  bind1(opOf('dotGeneral'), [a, b], { ...dims })
/** lax.conv_general_dilated. */
export const conv = (x: AnyTensor, w: AnyTensor, params: ConvParams): AnyTensor =>
  bind1(opOf('conv'), [x, w], { ...params })

/** Reductions drop `axes` (sorted, non-negative). Max and min of nothing are -inf and +inf. */
export const reduceSum = (x: AnyTensor, axes: readonly number[]): AnyTensor => bind1(opOf('reduceSum'), [x], { axes })
export const reduceMax = (x: AnyTensor, axes: readonly number[]): AnyTensor => bind1(opOf('reduceMax'), [x], { axes })
export const reduceMin = (x: AnyTensor, axes: readonly number[]): AnyTensor => bind1(opOf('reduceMin'), [x], { axes })
export const reduceProd = (x: AnyTensor, axes: readonly number[]): AnyTensor => bind1(opOf('reduceProd'), [x], { axes })
/** First index of the largest element, i32. */
export const argmax = (x: AnyTensor, axis: number): AnyTensor => bind1(opOf('argmax'), [x], { axis })
/** First index of the smallest. */
export const argmin = (x: AnyTensor, axis: number): AnyTensor => bind1(opOf('argmin'), [x], { axis })

/** Rows of `x` [V, …rest] at `ids` (i32, any shape S) → [...S, …rest]. An id outside 0…V-1 gives NaN (f32) or 0. */
export const gather = (x: AnyTensor, ids: AnyTensor): AnyTensor => bind1(opOf('gather'), [x, ids])
/** Sums rows of `updates` [...S, …rest] by `ids` [...S] into [rows, …rest]; ids outside are dropped. Order is fixed, so results repeat bit for bit. */
export const scatterAdd = (ids: AnyTensor, updates: AnyTensor, rows: number): AnyTensor =>
  bind1(opOf('scatterAdd'), [ids, updates], { rows })

/** Products, largest and smallest of rows of `updates` by `ids`. Rows without any are 1, -inf and +inf (of integers the least and the largest). */
export const segmentProd = (ids: AnyTensor, updates: AnyTensor, rows: number): AnyTensor =>
  bind1(opOf('segmentProd'), [ids, updates], { rows })
export const segmentMax = (ids: AnyTensor, updates: AnyTensor, rows: number): AnyTensor =>
  bind1(opOf('segmentMax'), [ids, updates], { rows })
export const segmentMin = (ids: AnyTensor, updates: AnyTensor, rows: number): AnyTensor =>
  bind1(opOf('segmentMin'), [ids, updates], { rows })
/** Rows of `x` [rows, …rest], or of `updates` with their `ids` where those are larger, or smaller. */
export const scatterMax = (x: AnyTensor, ids: AnyTensor, updates: AnyTensor): AnyTensor =>
  bind1(opOf('scatterMax'), [x, ids, updates])
export const scatterMin = (x: AnyTensor, ids: AnyTensor, updates: AnyTensor): AnyTensor =>
  bind1(opOf('scatterMin'), [x, ids, updates])

/** Indices (i32) that put elements along `axis` in order, equal ones as they are. NaN is the largest. */
/** Of the order the first `count`, all when absent. */
export const argsort = (x: AnyTensor, axis: number, descending = false, count?: number): AnyTensor =>
  bind1(opOf('argsort'), [x], { axis, descending, ...(count !== undefined && { count }) })
/** Running totals along `axis`. */
export const cumulative = (x: AnyTensor, combine: Accumulate, axis: number, reverse = false): AnyTensor =>
  bind1(opOf('cumulative'), [x], { combine, axis, reverse })

export const softmax = (x: AnyTensor, axis: number): AnyTensor => bind1(opOf('softmax'), [x], { axis })
export const logSoftmax = (x: AnyTensor, axis: number): AnyTensor => bind1(opOf('logSoftmax'), [x], { axis })
/** Results of attention and the logs of the sums of its scores' exponentials; bias and mask [B, N, T, S], with 1 for dims that repeat. */
export const attention = (
  q: AnyTensor,
  k: AnyTensor,
  v: AnyTensor,
  options: {
    readonly bias?: AnyTensor
    readonly mask?: AnyTensor
    readonly isCausal: boolean
    readonly scale: number
  },
): AnyTensor[] => {
  const { bias, mask, isCausal, scale } = options
  const last = [bias, mask].filter((x) => x !== undefined)
  return bind(opOf('attention'), [q, k, v, ...last], { scale, isCausal, bias: !!bias, mask: !!mask })
}
export const maxPool = (x: AnyTensor, params: PoolParams): AnyTensor => bind1(opOf('maxPool'), [x], { ...params })

let barriers = 0
/** The values themselves, behind a barrier of their own. */
export const barrier = (xs: readonly AnyTensor[]): AnyTensor[] => bind(opOf('barrier'), xs, { id: barriers++ })
export const checkpointName = (x: AnyTensor, name: string): AnyTensor => bind1(opOf('checkpointName'), [x], { name })

// Helpers of rules.

/** A constant of x's shape and dtype. */
export const like = (x: AnyTensor, value: number): AnyTensor => full(x.aval.shape, value, x.aval.dtype)
export const full = (shape: readonly number[], value: number, dtype: DType = 'f32'): AnyTensor => {
  const c = constant(value, dtype)
  return shape.length ? broadcastInDim(c, shape, []) : c
}
/** Repeats `x`, whose dims are `shape` without `axes`, along `axes`: the transpose of a sum. */
export const unreduce = (x: AnyTensor, shape: readonly number[], axes: readonly number[]): AnyTensor =>
  axes.length
    ? broadcastInDim(
        x,
        shape,
        shape.map((_, i) => i).filter((i) => !axes.includes(i)),
      )
    : x
/** How many of `sorted` [n] are less than each of `values`, or not more, i32: bit by bit from the highest. */
export function countBefore(sorted: AnyTensor, values: AnyTensor, orEqual = false): AnyTensor {
  const [n] = sorted.aval.shape
  let count = full(values.aval.shape, 0, 'i32')
  for (let bit = n && 2 ** Math.floor(Math.log2(n)); bit >= 1; bit /= 2) {
    const next = add(count, like(count, bit))
    const last = min(sub(next, like(next, 1)), like(next, n - 1))
    const isBefore = (orEqual ? le : lt)(gather(sorted, last), values)
    count = select(and(le(next, like(next, n)), isBefore), next, count)
  }
  return count
}
export const sumAll = (x: AnyTensor): AnyTensor =>
  size(x.aval.shape) === 1 && !x.aval.shape.length
    ? x
    : reduceSum(
        x,
        x.aval.shape.map((_, i) => i),
      )
