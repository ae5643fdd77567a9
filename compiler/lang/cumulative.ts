import type { DType } from '../ir/types.js'
import type { Accumulate } from '../ops/cumulative.js'
import * as prim from '../ops/prim.js'
import type { AnyTensor, Float, Numeric, ShapeOf, TakesTensor } from '../types/operand.js'
import type { AlongAxis } from '../types/reduce.js'
import type { Param } from '../types/shape.js'
import { axisOf } from './axes.js'
import { FLOAT, NUMERIC, tensorOf } from './operand.js'

/** Along `axis` (the first when absent; negative counts from the back), from its end when `reverse` (jax.lax). */
export type Cumulative<Op extends string, C> = <X extends AnyTensor, const A extends number = 0>(
  x: Param<X, TakesTensor<Op, X, C>>,
  axis?: Param<A, AlongAxis<Op, ShapeOf<X>, A>>,
  options?: { readonly reverse?: boolean },
) => X

const cumulative = <Op extends string, C>(op: Op, dtypes: readonly DType[], combine: Accumulate): Cumulative<Op, C> =>
  ((input: unknown, axis = 0, options?: { reverse?: boolean }) => {
    const x = tensorOf(op, input, dtypes)
    return prim.cumulative(x, combine, axisOf(op, axis, x.aval.shape), options?.reverse ?? false)
  }) as never

/**
 * Sums of all elements up to each one. The order of additions depends on the shape only, not on the number of threads.
 * Throws FoveaError 'shape' when the axis is out of range, 'dtype' for bool.
 *
 * @example
 * console.log(await cumsum(tensor([1, 2, 3])).data()) // Float32Array(3) [ 1, 3, 6 ]
 */
export const cumsum: Cumulative<'cumsum', Numeric> = cumulative('cumsum', NUMERIC, 'add')
/** Products of all elements up to each one. The derivative is right where elements are 0. See `cumsum`. */
export const cumprod: Cumulative<'cumprod', Numeric> = cumulative('cumprod', NUMERIC, 'mul')
/** Largest element up to each one; NaN from the first NaN on. Equal elements share the derivative as in JAX. See `cumsum`. */
export const cummax: Cumulative<'cummax', Numeric> = cumulative('cummax', NUMERIC, 'max')
/** Smallest element up to each one; NaN from the first NaN on. See `cummax`. */
export const cummin: Cumulative<'cummin', Numeric> = cumulative('cummin', NUMERIC, 'min')
/** log Σ eˣ of all elements up to each one, f32, without overflow. See `cumsum`. */
export const cumLogSumExp: Cumulative<'cumLogSumExp', Float> = cumulative('cumLogSumExp', FLOAT, 'logAddExp')
