import type { DType } from '../ir/types.js'
import { showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { Dims } from '../types/dim.js'
import type { Take, TakeAlong } from '../types/gather.js'
import type { AnyTensor, DTypeOf, First, ShapeOf, TakesTensor } from '../types/operand.js'
import type { Ok, Param, Unknown } from '../types/shape.js'
import { along, numbersAlong } from './along.js'
import { axisOf, sizesOf } from './axes.js'
import { fail } from './fail.js'
import { tensorOf } from './operand.js'
import { isInside, type Mode, resolved } from './places.js'

/**
 * Elements of `x` at `ids` (i32, any shape) along `axis` (the first when absent): the axis is replaced by those of the ids (jnp.take).
 * Ids -1 … -n count from the back, and others outside the axis give NaN (0 for integers). With mode 'clip' all are moved into it,
 * with 'wrap' it repeats.
 * Throws FoveaError 'shape' when the axis is out of range, 'dtype' when ids are not i32.
 *
 * @example
 * const vectors = take(ones([10, 4]), arange(3))
 */
export function take<T extends AnyTensor, I extends AnyTensor, const A extends number = 0>(
  x: T,
  ids: Param<I, TakesTensor<'take', I, 'i32'>>,
  axis?: Param<A, Take<ShapeOf<T>, [], A>>,
  options?: { readonly mode?: Mode },
): Tensor<Ok<Take<ShapeOf<T>, ShapeOf<I>, A>>, DTypeOf<T>> {
  const t = tensorOf('take', x)
  const places = tensorOf('take', ids, ['i32'])
  const d = axisOf('take', (axis as number | undefined) ?? 0, t.aval.shape)
  const at = resolved(places, t.aval.shape[d], options?.mode ?? 'fill')
  const others = t.aval.shape.map((_, i) => i).filter((i) => i !== d)
  const rows = prim.gather(d ? prim.transpose(t, [d, ...others]) : t, at)
  const n = places.ndim
  const axes = others.map((_, i) => n + i)
  const order = [...axes.slice(0, d), ...places.aval.shape.map((_, i) => i), ...axes.slice(d)]
  return d ? prim.transpose(rows, order) : rows
}

/**
 * Elements of `x` along `axis` (the last when absent) at `ids` (i32), which have the other axes of `x`: as `argsort` gives them
 * (jnp.take_along_axis). Modes as in `take`, but that -1 … -n count from the back with 'clip' too.
 * Throws FoveaError 'shape' when the axes differ, 'dtype' when ids are not i32.
 *
 * @example
 * const x = tensor([[3, 1, 2]])
 * const sorted = takeAlongAxis(x, argsort(x))
 */
export function takeAlongAxis<T extends AnyTensor, I extends AnyTensor, const A extends number = -1>(
  x: T,
  ids: Param<I, First<[TakesTensor<'takeAlongAxis', I, 'i32'>], TakeAlong<ShapeOf<T>, ShapeOf<I>, A>>>,
  axis?: A,
  options?: { readonly mode?: Mode },
): Tensor<Ok<TakeAlong<ShapeOf<T>, ShapeOf<I>, A>>, DTypeOf<T>> {
  const t = tensorOf('takeAlongAxis', x)
  const places = tensorOf('takeAlongAxis', ids, ['i32'])
  const { shape } = t.aval
  const d = axisOf('takeAlongAxis', axis ?? -1, shape)
  const given = places.aval.shape
  if (given.length !== shape.length || shape.some((n, i) => i !== d && n !== given[i]))
    fail('shape', `takeAlongAxis: ids ${showShape(given)} do not have the other axes of ${showShape(shape)}`)
  const mode = options?.mode ?? 'fill'
  const fromBack = resolved(places, shape[d], 'fill')
  const at = mode === 'fill' ? fromBack : resolved(mode === 'clip' ? fromBack : places, shape[d], mode)
  if (mode !== 'fill') return along(t, at, d)
  const numbers = numbersAlong(at, shape, d)
  const flat = prim.reshape(t, [t.size])
  return prim.gather(flat, prim.select(isInside(at, shape[d]), numbers, prim.like(numbers, t.size)))
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
