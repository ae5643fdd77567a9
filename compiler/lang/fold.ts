import type { DType } from '../ir/types.js'
import { showShape, size } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
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
) => Tensor<Ok<Reduce<Op, ShapeOf<X>, A, K>>, Out extends DType ? Out : DTypeOf<X>>

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
/** Its type is said where it gets its name. */
export const reduction =
  (op: string, dtypes: readonly DType[], fold: Fold): any =>
  (input: unknown, axis?: Axis, options: { keepdims?: boolean } = {}) => {
    const x = tensorOf(op, input, dtypes)
    const axes = axesOf(op, axis, x.aval.shape).sort((a, b) => a - b)
    const y = fold(x, axes, options)
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
