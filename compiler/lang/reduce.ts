import { size } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { AnyTensor, First, Float, Numeric, ShapeOf, TakesTensor } from '../types/operand.js'
import type { AlongAxis, NonEmpty, Reduce } from '../types/reduce.js'
import type { Ok, Param } from '../types/shape.js'
import { axesOf, axisOf } from './axes.js'
import {
  kept,
  maxOver,
  meanOver,
  minOver,
  nonEmpty,
  prodOver,
  type Reduction,
  reduction,
  type Selection,
  selection,
  spread,
  summed,
  sumOver,
  varianceOver,
} from './fold.js'
import { BOOL, expand, FLOAT, NUMERIC, tensorOf } from './operand.js'

export type { Reduction, Selection } from './fold.js'

/**
 * Sum; of i8 in i32, of u8 in u32.
 * Throws FoveaError 'shape' when an axis is out of range or named twice.
 *
 * @example
 * const rows = sum(ones([2, 3]), -1, { keepdims: true })
 */
export const sum: Reduction<'sum', Numeric, 'summed'> = reduction('sum', NUMERIC, (x, axes) => sumOver(summed(x), axes))
/** Arithmetic mean, f32. See `sum`. */
export const mean: Reduction<'mean', Float> = reduction('mean', FLOAT, (x, axes) => meanOver(x, axes))
/** Largest element; NaN when any is. Throws FoveaError 'shape' when there is none. See `sum`. */
export const max: Selection<'max', Numeric> = selection('max', NUMERIC, maxOver)
/** Smallest element; NaN when any is. Throws FoveaError 'shape' when there is none. See `sum`. */
export const min: Selection<'min', Numeric> = selection('min', NUMERIC, minOver)
/** Product; 1 of nothing. See `sum`. */
export const prod: Reduction<'prod', Numeric, 'summed'> = reduction('prod', NUMERIC, (x, axes) =>
  prodOver(summed(x), axes),
)
/**
 * Squared distances from the mean, their sum over n - ddof (0 when absent: the population's variance), f32: two passes, so no
 * cancellation. See `sum`.
 *
 * @example
 * const unbiased = variance(tensor([1, 2, 4]), 0, { ddof: 1 })
 */
export const variance: Reduction<'variance', Float, undefined, { readonly ddof?: number }> = reduction(
  'variance',
  FLOAT,
  (x, axes, { ddof = 0 }) => varianceOver(x, axes, ddof),
)
/**
 * Square root of `variance`, f32.
 *
 * @example
 * const spread = std(tensor([1, 2, 4]), 0, { ddof: 1 })
 */
export const std: Reduction<'std', Float, undefined, { readonly ddof?: number }> = reduction(
  'std',
  FLOAT,
  (x, axes, { ddof = 0 }) => prim.sqrt(varianceOver(x, axes, ddof)),
)

const LARGEST = 3.4028234663852886e38
/**
 * log Σ b·eˣ, f32, without overflow: the largest element is taken out of the sum. No gradient flows through it, since
 * its two contributions cancel; it is kept finite so that rows of infinities don't become NaN. `b` (1 when absent) broadcasts to `x`.
 * See `sum`.
 *
 * @example
 * const y = logSumExp(tensor([1000, 1001]), 0, { b: tensor([0.5, 0.5]) })
 */
export const logSumExp: Reduction<'logSumExp', Float, undefined, { readonly b?: Tensor<any, Float> }> = reduction(
  'logSumExp',
  FLOAT,
  (x, axes, { b }) => {
    const weights = b && expand(tensorOf('logSumExp', b, FLOAT), x.aval.shape)
    if (!axes.length) return weights ? prim.add(x, prim.log(weights)) : x
    const top = prim.stopGradient(maxOver(x, axes))
    const finite = prim.min(prim.max(top, prim.like(top, -LARGEST)), prim.like(top, LARGEST))
    const powers = prim.exp(prim.sub(x, spread(finite, x, axes)))
    return prim.add(prim.log(sumOver(weights ? prim.mul(weights, powers) : powers, axes)), finite)
  },
)

type ArgFn<Op extends string> = <
  X extends AnyTensor,
  const A extends number | undefined = undefined,
  const K extends boolean = false,
>(
  x: Param<X, First<[TakesTensor<Op, X, Numeric>], NonEmpty<Op, ShapeOf<X>, A>>>,
  axis?: Param<A, Reduce<Op, ShapeOf<X>, A, K>>,
  options?: { readonly keepdims?: K },
) => Tensor<Ok<Reduce<Op, ShapeOf<X>, A, K>>, 'i32'>
const arg = <Op extends string>(op: Op, find: (x: AnyTensor, axis: number) => AnyTensor): ArgFn<Op> =>
  ((input: unknown, axis?: number, options?: { keepdims?: boolean }) => {
    const x = tensorOf(op, input, NUMERIC)
    const { shape } = x.aval
    const axes = axesOf(op, axis, shape)
    nonEmpty(op, shape, axes)
    const y = axis === undefined ? find(prim.reshape(x, [size(shape)]), 0) : find(x, axes[0])
    return options?.keepdims ? kept(y, shape, axes) : y
  }) as never
/**
 * First index of the largest element along `axis`, or into the flattened tensor when absent; the first NaN where there is one; i32.
 * Throws FoveaError 'shape' when there is no element.
 *
 * @example
 * const classes = argmax(tensor([[1, 3], [4, 2]]), -1)
 */
export const argmax: ArgFn<'argmax'> = arg('argmax', prim.argmax)
/**
 * First index of the smallest element. See `argmax`.
 *
 * @example
 * const nearest = argmin(tensor([[1, 3], [4, 2]]), -1)
 */
export const argmin: ArgFn<'argmin'> = arg('argmin', prim.argmin)

type AlongAxisFn<Op extends string> = <X extends AnyTensor, const A extends number = -1>(
  x: Param<X, TakesTensor<Op, X, Float>>,
  axis?: Param<A, AlongAxis<Op, ShapeOf<X>, A>>,
  options?: { readonly where?: Tensor<any, 'bool'> },
) => X
const along = <Op extends string>(
  op: Op,
  apply: (x: AnyTensor, axis: number) => AnyTensor,
  elsewhere: number,
): AlongAxisFn<Op> =>
  ((input: unknown, axis = -1, options?: { where?: unknown }) => {
    const x = tensorOf(op, input, FLOAT)
    const at = axisOf(op, axis, x.aval.shape)
    if (options?.where === undefined) return apply(x, at)
    const mask = expand(tensorOf(op, options.where, BOOL), x.aval.shape)
    const shown = prim.select(mask, x, prim.like(x, Number.NEGATIVE_INFINITY))
    return prim.select(mask, apply(shown, at), prim.like(x, elsewhere))
  }) as never

/**
 * eˣ / Σ eˣ along `axis` (the last when absent), f32, without overflow. Elements where `where` is false count for nothing and give 0.
 *
 * @example
 * const weights = softmax(ones([4, 4]), -1, { where: tri(4, 4) })
 */
export const softmax: AlongAxisFn<'softmax'> = along('softmax', prim.softmax, 0)
/** x - log Σ eˣ along `axis` (the last when absent), f32, without overflow. Where `where` is false, -∞. See `softmax`. */
export const logSoftmax: AlongAxisFn<'logSoftmax'> = along('logSoftmax', prim.logSoftmax, Number.NEGATIVE_INFINITY)
