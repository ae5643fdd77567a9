import { sameShape, showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { Dims } from '../types/dim.js'
import type { IndexInDim, Starts, UpdateInDim, Window } from '../types/dynamic-slice.js'
import type { AnyTensor, DTypeOf, First, SameDType, ShapeOf } from '../types/operand.js'
import type { Ok, Param } from '../types/shape.js'
import { axisOf } from './axes.js'
import { fail } from './fail.js'
import { sameDType, tensorOf } from './operand.js'

/** A place along an axis: an i32 scalar, or a number. */
type Start = Tensor<[], 'i32'> | number

/** One i32[] per axis of `shape`. */
function startsOf(op: string, starts: readonly Start[], shape: readonly number[]): AnyTensor[] {
  if (starts.length !== shape.length)
    fail('shape', `${op}: expected one start per axis of ${showShape(shape)}, got ${starts.length}`)
  return starts.map((s) => startOf(op, s))
}
function startOf(op: string, start: Start): AnyTensor {
  if (typeof start === 'number') return prim.constant(Math.trunc(start), 'i32')
  const t = tensorOf(op, start, ['i32'])
  if (t.aval.shape.length) fail('shape', `${op}: expected starts of shape [], got ${showShape(t.aval.shape)}`)
  return t
}
function fits(op: string, window: readonly number[], shape: readonly number[]): void {
  if (window.length !== shape.length || window.some((n, d) => !(n >= 0 && n <= shape[d])))
    fail('shape', `${op}: a window of ${showShape(window)} does not fit in ${showShape(shape)}`)
}

/**
 * A window of `sizes` that begins at `starts`, one per axis: i32 scalars or numbers. A start is moved so that the window fits
 * (jax.lax.dynamic_slice). Throws FoveaError 'shape' when the window is larger than `x` or a start is missing.
 *
 * @example
 * const i = tensor(1, [], 'i32')
 * console.log(await dynamicSlice(arange(5), [i], [2]).data()) // Int32Array(2) [ 1, 2 ]
 */
export function dynamicSlice<X extends AnyTensor, const L extends readonly Start[], const W extends readonly number[]>(
  x: X,
  starts: Param<L, Starts<'dynamicSlice', ShapeOf<X>, L>>,
  sizes: Param<W, Window<'dynamicSlice', ShapeOf<X>, Dims<W>>>,
): Tensor<Ok<Window<'dynamicSlice', ShapeOf<X>, Dims<W>>>, DTypeOf<X>> {
  const t = tensorOf('dynamicSlice', x)
  const window = sizes as readonly number[]
  fits('dynamicSlice', window, t.aval.shape)
  return prim.dynamicSlice(t, startsOf('dynamicSlice', starts as L, t.aval.shape), window)
}

/**
 * `x` with the window that begins at `starts` overwritten by `update`. A start is moved so that the window fits
 * (jax.lax.dynamic_update_slice). Only the window is written, in place, when nobody else needs the memory of `x`: a donated
 * argument, or a value that is read for the last time here.
 * Throws FoveaError 'shape' when the window is larger than `x` or a start is missing, 'dtype' when the dtypes differ.
 *
 * @example
 * const i = tensor(1, [], 'i32')
 * console.log(await dynamicUpdateSlice(zeros([4]), ones([2]), [i]).data()) // Float32Array(4) [ 0, 1, 1, 0 ]
 */
export function dynamicUpdateSlice<X extends AnyTensor, U extends AnyTensor, const L extends readonly Start[]>(
  x: X,
  update: Param<
    U,
    First<
      [SameDType<'dynamicUpdateSlice', DTypeOf<X>, DTypeOf<U>>, Window<'dynamicUpdateSlice', ShapeOf<X>, ShapeOf<U>>],
      unknown
    >
  >,
  starts: Param<L, Starts<'dynamicUpdateSlice', ShapeOf<X>, L>>,
): Tensor<ShapeOf<X>, DTypeOf<X>> {
  const [t, u] = [tensorOf('dynamicUpdateSlice', x), tensorOf('dynamicUpdateSlice', update)]
  sameDType('dynamicUpdateSlice', t.aval.dtype, u.aval.dtype)
  fits('dynamicUpdateSlice', u.aval.shape, t.aval.shape)
  return prim.dynamicUpdateSlice(t, u, startsOf('dynamicUpdateSlice', starts as L, t.aval.shape))
}

/** `start` along axis `i` of `shape`, 0 along the others. */
const along = (start: AnyTensor, i: number, shape: readonly number[]): AnyTensor[] =>
  shape.map((_, d) => (d === i ? start : prim.constant(0, 'i32')))

/**
 * The place `index` along `axis`, an i32 scalar moved into range; the axis stays, with size 1, unless `keepdims` is false
 * (jax.lax.dynamic_index_in_dim). Throws FoveaError 'shape' for an axis out of range.
 *
 * @example
 * const i = tensor(2, [], 'i32')
 * console.log(await dynamicIndexInDim(arange(5), i, 0, false).item()) // 2
 */
export function dynamicIndexInDim<X extends AnyTensor, const A extends number = 0, const K extends boolean = true>(
  x: X,
  index: Start,
  axis?: Param<A, IndexInDim<ShapeOf<X>, A, K>>,
  keepdims?: K,
): Tensor<Ok<IndexInDim<ShapeOf<X>, A, K>>, DTypeOf<X>> {
  const t = tensorOf('dynamicIndexInDim', x)
  const { shape } = t.aval
  const i = axisOf('dynamicIndexInDim', (axis as number | undefined) ?? 0, shape)
  const sizes = shape.map((n, d) => (d === i ? 1 : n))
  const y = prim.dynamicSlice(t, along(startOf('dynamicIndexInDim', index), i, shape), sizes)
  return keepdims === false
    ? prim.reshape(
        y,
        shape.filter((_, d) => d !== i),
      )
    : y
}

/**
 * `x` with the place `index` along `axis` overwritten by `update`, whose shape is that of `x` without the axis, or with size 1
 * there (jax.lax.dynamic_update_index_in_dim). In place where `dynamicUpdateSlice` is.
 * Throws FoveaError 'shape' for another shape or an axis out of range, 'dtype' when the dtypes differ.
 *
 * @example
 * const i = tensor(1, [], 'i32')
 * console.log(await dynamicUpdateIndexInDim(zeros([2, 2]), ones([2]), i, 0).data()) // Float32Array(4) [ 0, 0, 1, 1 ]
 */
export function dynamicUpdateIndexInDim<X extends AnyTensor, U extends AnyTensor, const A extends number>(
  x: X,
  update: Param<
    U,
    First<
      [SameDType<'dynamicUpdateIndexInDim', DTypeOf<X>, DTypeOf<U>>, UpdateInDim<ShapeOf<X>, ShapeOf<U>, A>],
      unknown
    >
  >,
  index: Start,
  axis: A,
): Tensor<ShapeOf<X>, DTypeOf<X>> {
  const op = 'dynamicUpdateIndexInDim'
  const [t, u] = [tensorOf(op, x), tensorOf(op, update)]
  sameDType(op, t.aval.dtype, u.aval.dtype)
  const { shape } = t.aval
  const i = axisOf(op, axis, shape)
  const [without, sizes] = [shape.filter((_, d) => d !== i), shape.map((n, d) => (d === i ? 1 : n))]
  if (!sameShape(u.aval.shape, without) && !sameShape(u.aval.shape, sizes))
    fail(
      'shape',
      `${op}: expected an update of ${showShape(without)} for axis ${axis} of ${showShape(shape)}, got ${showShape(u.aval.shape)}`,
    )
  return prim.dynamicUpdateSlice(t, prim.reshape(u, sizes), along(startOf(op, index), i, shape))
}
