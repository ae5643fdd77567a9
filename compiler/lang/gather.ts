import type { DType } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { Dims } from '../types/dim.js'
import type { AnyTensor, DTypeOf, ShapeOf, TakesTensor } from '../types/operand.js'
import type { Ok, Param, ShapeError, Show, Unknown } from '../types/shape.js'
import { sizesOf } from './axes.js'
import { fail } from './fail.js'
import { tensorOf } from './operand.js'

type Take<T, I> = [Unknown<T, I>] extends [never]
  ? T extends readonly [unknown, ...infer Rest]
    ? I extends readonly unknown[]
      ? [...I, ...Rest]
      : never
    : ShapeError<`take: table must have rank >= 1, got ${Show<T>}`>
  : Unknown<T, I>

/**
 * Rows of `table` [V, ...rest] at `ids` (i32, any shape) → [...ids, ...rest]. An id outside 0 … V-1 gives NaN (f32) or 0.
 * Throws FoveaError 'dtype' when ids are not i32.
 *
 * @example
 * const vectors = take(ones([10, 4]), arange(3))
 */
export function take<T extends AnyTensor, I extends AnyTensor>(
  table: Param<T, Take<ShapeOf<T>, []>>,
  ids: Param<I, TakesTensor<'take', I, 'i32'>>,
): Tensor<Ok<Take<ShapeOf<T>, ShapeOf<I>>>, DTypeOf<T>> {
  const rows = tensorOf('take', table)
  if (!rows.aval.shape.length) fail('shape', 'take: table must have rank >= 1, got []')
  return prim.gather(rows, tensorOf('take', ids, ['i32']))
}

type Append<S, N> = [Unknown<S>] extends [never] ? (S extends readonly unknown[] ? [...S, N] : never) : Unknown<S>

/**
 * 1 at the place each id names along a new last axis of size `n`, else 0. An id outside 0 … n-1 gives zeros.
 *
 * @example
 * const targets = oneHot(arange(3), 10)
 */
export function oneHot<I extends AnyTensor, const N extends number, const D extends DType = 'f32'>(
  ids: Param<I, TakesTensor<'oneHot', I, 'i32'>>,
  n: N,
  dtype: D = 'f32' as D,
): Tensor<Append<ShapeOf<I>, Dims<[N]>[0]>, D> {
  const x = tensorOf('oneHot', ids, ['i32'])
  const shape = sizesOf('oneHot', [...x.aval.shape, n])
  const spread = prim.broadcastInDim(
    x,
    shape,
    x.aval.shape.map((_, i) => i),
  )
  return prim.cast(prim.eq(spread, prim.iota(shape, shape.length - 1)), dtype)
}
