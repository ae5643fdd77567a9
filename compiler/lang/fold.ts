import { isFloat, isInteger, wideOf } from '../ir/dtype.js'
import type { DType } from '../ir/types.js'
import { showShape, size } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import { Tensor } from '../trace/tensor.js'
import type { Axis } from '../types/axes.js'
import type { AnyTensor, DTypeOf, First, ShapeOf, TakesTensor } from '../types/operand.js'
import type { NonEmpty, Reduce } from '../types/reduce.js'
import type { Ok, Param } from '../types/shape.js'
import { axesOf } from './axes.js'
import { fail } from './fail.js'
import { tensorOf } from './operand.js'

/** What reductions share. */

/** Over `axis` (negative counts from the back), a list of axes, or all when absent. `keepdims` leaves dims of size 1. */
export type Reduction<Op extends string, C, Out = undefined, Options = unknown> = <
  X extends AnyTensor,
  const A extends Axis | undefined = undefined,
  const K extends boolean = false,
>(
  x: Param<X, TakesTensor<Op, X, C>>,
  axis?: Param<A, Reduce<Op, ShapeOf<X>, A, K>>,
  options?: { readonly keepdims?: K } & Options,
) => Tensor<
  Ok<Reduce<Op, ShapeOf<X>, A, K>>,
  Out extends DType ? Out : Out extends 'summed' ? Summed<DTypeOf<X>> : DTypeOf<X>
>
/** Sums and products of narrow integers are of 32 bits, as NumPy's are of the machine's. */
export type Summed<D> = D extends 'i8' ? 'i32' : D extends 'u8' ? 'u32' : D

/** The same, of what nothing has not: an axis of size 0 is an error. */
export type Selection<Op extends string, C, Out = undefined> = <
  X extends AnyTensor,
  const A extends Axis | undefined = undefined,
  const K extends boolean = false,
>(
  x: Param<X, First<[TakesTensor<Op, X, C>], NonEmpty<Op, ShapeOf<X>, A>>>,
  axis?: Param<A, Reduce<Op, ShapeOf<X>, A, K>>,
  options?: { readonly keepdims?: K },
) => Tensor<Ok<Reduce<Op, ShapeOf<X>, A, K>>, Out extends DType ? Out : DTypeOf<X>>

/** Sorted axes, and whatever options the function has beside `keepdims`. */
export type Fold = (x: AnyTensor, axes: readonly number[], options: any) => AnyTensor

/** The dims dropped by a fold put back with size 1. */
export const kept = (y: AnyTensor, shape: readonly number[], axes: readonly number[]): AnyTensor =>
  prim.reshape(
    y,
    shape.map((d, i) => (axes.includes(i) ? 1 : d)),
  )
/** What is folded of f16 and bf16 is folded in f32, and rounded once. */
function inF32(x: AnyTensor, axes: readonly number[], options: object, fold: Fold): AnyTensor {
  if (x.dtype === 'f32' || !isFloat(x.dtype)) return fold(x, axes, options)
  const wide = Object.entries(options).map(([key, v]) => [
    key,
    v instanceof Tensor && isFloat(v.dtype) ? prim.cast(v, 'f32') : v,
  ])
  const y = fold(prim.cast(x, 'f32'), axes, Object.fromEntries(wide))
  return isFloat(y.dtype) ? prim.cast(y, x.dtype) : y
}
/** Its type is said where it gets its name. */
export const reduction =
  (op: string, dtypes: readonly DType[], fold: Fold): any =>
  (input: unknown, axis?: Axis, options: { keepdims?: boolean } = {}) => {
    const x = tensorOf(op, input, dtypes)
    const axes = axesOf(op, axis, x.aval.shape).sort((a, b) => a - b)
    const y = inF32(x, axes, options, fold)
    return options.keepdims && axes.length ? kept(y, x.aval.shape, axes) : y
  }
export const selection = (op: string, dtypes: readonly DType[], fold: Fold): any =>
  reduction(op, dtypes, (x, axes, options) => {
    nonEmpty(op, x.aval.shape, axes)
    return fold(x, axes, options)
  })
export function nonEmpty(op: string, shape: readonly number[], axes: readonly number[]): void {
  const empty = axes.find((i) => shape[i] === 0)
  if (empty !== undefined) fail('shape', `${op}: axis ${empty} of ${showShape(shape)} has nothing to choose from`)
}

/** Narrow integers as `Summed` has them. */
export const summed = (x: AnyTensor): AnyTensor => (isInteger(x.dtype) ? prim.cast(x, wideOf[x.dtype]) : x)

/** Nothing to fold, nothing to compute. */
const over =
  (
    fold: (x: AnyTensor, axes: readonly number[]) => AnyTensor,
  ): ((x: AnyTensor, axes: readonly number[]) => AnyTensor) =>
  (x, axes) =>
    axes.length ? fold(x, axes) : x
export const sumOver = over(prim.reduceSum)
export const maxOver = over(prim.reduceMax)
export const minOver = over(prim.reduceMin)
export const prodOver = over(prim.reduceProd)

export const count = (x: AnyTensor, axes: readonly number[]): number => size(axes.map((i) => x.aval.shape[i]))
/** The sum over n - ddof. */
export const meanOver = (x: AnyTensor, axes: readonly number[], ddof = 0): AnyTensor => {
  const total = sumOver(x, axes)
  return axes.length || ddof ? prim.mul(total, prim.like(total, 1 / (count(x, axes) - ddof))) : total
}
/** `y`, folded over `axes`, repeated to the shape of `x`. */
export const spread = (y: AnyTensor, x: AnyTensor, axes: readonly number[]): AnyTensor =>
  prim.unreduce(y, x.aval.shape, axes)
export const varianceOver = (x: AnyTensor, axes: readonly number[], ddof: number): AnyTensor => {
  const centred = prim.sub(x, spread(meanOver(x, axes), x, axes))
  return meanOver(prim.mul(centred, centred), axes, ddof)
}
