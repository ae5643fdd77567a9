import type { DType } from '../ir/types.js'
import { size } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { Axis } from '../types/axes.js'
import type { AnyTensor, DTypeOf, Float, Numeric, ShapeOf, TakesTensor } from '../types/operand.js'
import type { AlongAxis, Reduce } from '../types/reduce.js'
import type { Ok, Param } from '../types/shape.js'
import { axesOf, axisOf } from './axes.js'
import { FLOAT, NUMERIC, tensorOf } from './operand.js'

/** Over `axis` (negative counts from the back), a list of axes, or all when absent. `keepdims` leaves dims of size 1. */
export type Reduction<Op extends string, C, Out = undefined> = <
  X extends AnyTensor,
  const A extends Axis | undefined = undefined,
  const K extends boolean = false,
>(
  x: Param<X, TakesTensor<Op, X, C>>,
  axis?: Param<A, Reduce<Op, ShapeOf<X>, A, K>>,
  options?: { readonly keepdims?: K },
) => Tensor<Ok<Reduce<Op, ShapeOf<X>, A, K>>, Out extends DType ? Out : DTypeOf<X>>

type Fold = (x: AnyTensor, axes: readonly number[]) => AnyTensor

/** The dims dropped by a fold put back with size 1. */
const kept = (y: AnyTensor, shape: readonly number[], axes: readonly number[]): AnyTensor =>
  prim.reshape(
    y,
    shape.map((d, i) => (axes.includes(i) ? 1 : d)),
  )
const reduction = <Op extends string, C, Out = undefined>(
  op: Op,
  dtypes: readonly DType[],
  fold: Fold,
): Reduction<Op, C, Out> =>
  ((input: unknown, axis?: Axis, options?: { keepdims?: boolean }) => {
    const x = tensorOf(op, input, dtypes)
    const axes = axesOf(op, axis, x.aval.shape).sort((a, b) => a - b)
    const y = fold(x, axes)
    return options?.keepdims && axes.length ? kept(y, x.aval.shape, axes) : y
  }) as never
/** Nothing to fold, nothing to compute. */
const over =
  (fold: Fold): Fold =>
  (x, axes) =>
    axes.length ? fold(x, axes) : x

const sumOver = over(prim.reduceSum)
const maxOver = over(prim.reduceMax)
const count = (x: AnyTensor, axes: readonly number[]): number => size(axes.map((i) => x.aval.shape[i]))
const meanOver: Fold = (x, axes) => {
  const total = sumOver(x, axes)
  return axes.length ? prim.mul(total, prim.like(total, 1 / count(x, axes))) : total
}
/** `y`, folded over `axes`, repeated to the shape of `x`. */
const spread = (y: AnyTensor, x: AnyTensor, axes: readonly number[]): AnyTensor => prim.unreduce(y, x.aval.shape, axes)

/**
 * Sum.
 * Throws FoveaError 'shape' when an axis is out of range or named twice.
 *
 * @example
 * const rows = sum(ones([2, 3]), -1, { keepdims: true })
 */
export const sum: Reduction<'sum', Numeric> = reduction('sum', NUMERIC, sumOver)
/** Arithmetic mean, f32. See `sum`. */
export const mean: Reduction<'mean', Float> = reduction('mean', FLOAT, meanOver)
/** Largest element. See `sum`. */
export const max: Reduction<'max', Numeric> = reduction('max', NUMERIC, maxOver)
/** Smallest element. See `sum`. */
export const min: Reduction<'min', Numeric> = reduction('min', NUMERIC, over(prim.reduceMin))
/** Product. See `sum`. */
export const prod: Reduction<'prod', Numeric> = reduction('prod', NUMERIC, over(prim.reduceProd))
/** Mean of squared distances from the mean (population variance, ddof = 0), f32: two passes, so no cancellation. See `sum`. */
export const variance: Reduction<'variance', Float> = reduction('variance', FLOAT, (x, axes) => {
  const centred = prim.sub(x, spread(meanOver(x, axes), x, axes))
  return meanOver(prim.mul(centred, centred), axes)
})

const LARGEST = 3.4028234663852886e38
/**
 * log Σ eˣ, f32, without overflow: the largest element is taken out of the sum. No gradient flows through it, since
 * its two contributions cancel; it is kept finite so that rows of infinities don't become NaN. See `sum`.
 */
export const logSumExp: Reduction<'logSumExp', Float> = reduction('logSumExp', FLOAT, (x, axes) => {
  if (!axes.length) return x
  const top = prim.stopGradient(maxOver(x, axes))
  const finite = prim.min(prim.max(top, prim.like(top, -LARGEST)), prim.like(top, LARGEST))
  return prim.add(prim.log(sumOver(prim.exp(prim.sub(x, spread(finite, x, axes))), axes)), finite)
})

/**
 * First index of the largest element along `axis`, or into the flattened tensor when absent; i32.
 *
 * @example
 * const classes = argmax(tensor([[1, 3], [4, 2]]), -1)
 */
export function argmax<
  X extends AnyTensor,
  const A extends number | undefined = undefined,
  const K extends boolean = false,
>(
  x: Param<X, TakesTensor<'argmax', X, Numeric>>,
  axis?: Param<A, Reduce<'argmax', ShapeOf<X>, A, K>>,
  options?: { readonly keepdims?: K },
): Tensor<Ok<Reduce<'argmax', ShapeOf<X>, A, K>>, 'i32'> {
  const t = tensorOf('argmax', x, NUMERIC)
  const { shape } = t.aval
  const axes = axesOf('argmax', axis as number | undefined, shape)
  const y = axis === undefined ? prim.argmax(prim.reshape(t, [size(shape)]), 0) : prim.argmax(t, axes[0])
  return options?.keepdims ? kept(y, shape, axes) : y
}

type AlongAxisFn<Op extends string> = <X extends AnyTensor, const A extends number = -1>(
  x: Param<X, TakesTensor<Op, X, Float>>,
  axis?: Param<A, AlongAxis<Op, ShapeOf<X>, A>>,
) => X
const along = <Op extends string>(op: Op, apply: (x: AnyTensor, axis: number) => AnyTensor): AlongAxisFn<Op> =>
  ((input: unknown, axis = -1) => {
    const x = tensorOf(op, input, FLOAT)
    return apply(x, axisOf(op, axis, x.aval.shape))
  }) as never

/** eˣ / Σ eˣ along `axis` (the last when absent), f32, without overflow. */
export const softmax: AlongAxisFn<'softmax'> = along('softmax', prim.softmax)
/** x - log Σ eˣ along `axis` (the last when absent), f32, without overflow. */
export const logSoftmax: AlongAxisFn<'logSoftmax'> = along('logSoftmax', prim.logSoftmax)
