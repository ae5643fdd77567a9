import type { DType } from '../ir/types.js'
import { showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { AnyTensor, Float, Numeric } from '../types/operand.js'
import { isNaN as isNan } from './classify.js'
import { fail } from './fail.js'
import { maxOver, meanOver, minOver, type Reduction, reduction, type Selection, selection, sumOver } from './fold.js'
import { ANY, BOOL, FLOAT, NUMERIC, tensorOf } from './operand.js'

const positive = (n: AnyTensor): AnyTensor => prim.gt(n, prim.like(n, 0))
/**
 * Whether any element is true; bool. False of nothing. See `sum` for axes and errors.
 *
 * @example
 * const found = any(tensor([[true, false], [false, false]]), 1)
 */
export const any: Reduction<'any', 'bool'> = reduction('any', BOOL, (x, axes) =>
  axes.length ? positive(maxOver(prim.cast(x, 'i32'), axes)) : x,
)
/**
 * Whether all elements are true; bool. True of nothing. See `sum` for axes and errors.
 *
 * @example
 * const whole = all(tensor([[true, false], [true, true]]), 1)
 */
export const all: Reduction<'all', 'bool'> = reduction('all', BOOL, (x, axes) =>
  axes.length ? positive(minOver(prim.cast(x, 'i32'), axes)) : x,
)
/**
 * How many elements are not 0 (or false); i32. See `sum` for axes and errors.
 *
 * @example
 * const n = countNonzero(tensor([0, 1, 2]))
 */
export const countNonzero: Reduction<'countNonzero', DType, 'i32'> = reduction('countNonzero', ANY, (x, axes) =>
  sumOver(prim.cast(prim.ne(x, prim.like(x, 0)), 'i32'), axes),
)
/**
 * Largest element less smallest ("peak to peak"). Throws FoveaError 'shape' when there is none. See `sum`.
 *
 * @example
 * const range = ptp(tensor([[1, 4], [2, 9]]), 1)
 */
export const ptp: Selection<'ptp', Numeric> = selection('ptp', NUMERIC, (x, axes) =>
  prim.sub(maxOver(x, axes), minOver(x, axes)),
)

/**
 * Length of the vector of all elements along the axes, f32: √Σ x², or with `ord` p (Σ |x|ᵖ)^(1/p); ±∞ gives the largest or smallest
 * size, 0 how many are not 0. See `sum` for axes and errors.
 *
 * @example
 * const unit = div(ones([2, 3]), norm(ones([2, 3]), -1, { keepdims: true }))
 */
export const norm: Reduction<'norm', Float, undefined, { readonly ord?: number }> = reduction(
  'norm',
  FLOAT,
  (x, axes, { ord = 2 }) => {
    if (ord === 2) return prim.sqrt(sumOver(prim.mul(x, x), axes))
    const sizes = prim.abs(x)
    if (ord === 1) return sumOver(sizes, axes)
    if (ord === Number.POSITIVE_INFINITY) return maxOver(sizes, axes)
    if (ord === Number.NEGATIVE_INFINITY) return minOver(sizes, axes)
    if (ord === 0) return sumOver(prim.cast(prim.ne(x, prim.like(x, 0)), 'f32'), axes)
    const total = sumOver(prim.pow(sizes, prim.like(x, ord)), axes)
    return prim.pow(total, prim.like(total, 1 / ord))
  },
)

/** Weights of the shape of `x`, or one for each place along a single axis. */
function weightsOf(given: unknown, x: AnyTensor, axes: readonly number[]): AnyTensor {
  const w = tensorOf('average', given, FLOAT)
  const { shape } = x.aval
  if (w.aval.shape.length === 1 && axes.length === 1 && w.aval.shape[0] === shape[axes[0]])
    return prim.broadcastInDim(w, shape, axes)
  if (showShape(w.aval.shape) !== showShape(shape))
    fail(
      'shape',
      `average: expected weights of ${showShape(shape)} or of one axis of it, got ${showShape(w.aval.shape)}`,
    )
  return w
}
/**
 * Σ w·x / Σ w, f32; the mean without `weights`, which have the shape of `x` or, along a single axis, of that axis.
 * Throws FoveaError 'shape' when the weights have another. See `sum` for axes and errors.
 *
 * @example
 * const y = average(tensor([[1, 2], [3, 4]]), 1, { weights: tensor([3, 1]) })
 */
export const average: Reduction<'average', Float, undefined, { readonly weights?: Tensor<any, Float> }> = reduction(
  'average',
  FLOAT,
  (x, axes, { weights }) => {
    if (weights === undefined) return meanOver(x, axes)
    const w = weightsOf(weights, x, axes)
    return prim.div(sumOver(prim.mul(x, w), axes), sumOver(w, axes))
  },
)

const missing = (x: AnyTensor): AnyTensor => isNan(x)
const without = (x: AnyTensor, by: number): AnyTensor => prim.select(missing(x), prim.like(x, by), x)
/**
 * Sum of the elements that are not NaN, f32. See `sum`.
 *
 * @example
 * const total = nanSum(tensor([1, 0 / 0, 2]))
 */
export const nanSum: Reduction<'nanSum', Float> = reduction('nanSum', FLOAT, (x, axes) => sumOver(without(x, 0), axes))
/**
 * Mean of the elements that are not NaN, f32; NaN when there is none. See `sum`.
 *
 * @example
 * const middle = nanMean(tensor([1, 0 / 0, 2]))
 */
export const nanMean: Reduction<'nanMean', Float> = reduction('nanMean', FLOAT, (x, axes) => {
  const here = prim.cast(prim.not(missing(x)), 'f32')
  return prim.div(sumOver(without(x, 0), axes), sumOver(here, axes))
})
/** `best` of the elements that are not NaN; NaN where there is none. */
const nanBest =
  (best: (x: AnyTensor, axes: readonly number[]) => AnyTensor, neutral: number) =>
  (x: AnyTensor, axes: readonly number[]): AnyTensor => {
    const y = best(without(x, neutral), axes)
    const none = positive(minOver(prim.cast(missing(x), 'i32'), axes))
    return prim.select(none, prim.like(y, Number.NaN), y)
  }
/**
 * Largest of the elements that are not NaN, f32; NaN when all are. See `max`.
 *
 * @example
 * const top = nanMax(tensor([1, 0 / 0, 2]))
 */
export const nanMax: Selection<'nanMax', Float> = selection('nanMax', FLOAT, nanBest(maxOver, Number.NEGATIVE_INFINITY))
/**
 * Smallest of the elements that are not NaN, f32; NaN when all are. See `max`.
 *
 * @example
 * const least = nanMin(tensor([1, 0 / 0, 2]))
 */
export const nanMin: Selection<'nanMin', Float> = selection('nanMin', FLOAT, nanBest(minOver, Number.POSITIVE_INFINITY))
