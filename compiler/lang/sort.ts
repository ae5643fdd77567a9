import { sameShape, showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import { keyOf } from '../ops/sort.js'
import type { Tensor } from '../trace/tensor.js'
import type { Dims } from '../types/dim.js'
import type { AnyTensor, DTypeOf, First, Numeric, SameDType, ShapeOf, TakesTensor } from '../types/operand.js'
import type { AlongAxis } from '../types/reduce.js'
import type { Ok, Param } from '../types/shape.js'
import type { KeyShape, SameShapes, Sequence, Sortable, Sorted, TopK } from '../types/sort.js'
import { along } from './along.js'
import { axisOf } from './axes.js'
import { fail } from './fail.js'
import { NUMERIC, sameDType, tensorOf } from './operand.js'

/**
 * Elements along `axis` (the last when absent) in rising order, or from the largest when `descending`. A list of tensors of one shape
 * is put in the order of the first (lax.sort). Equal elements keep their order; NaN is the largest, and 0 and -0 are equal.
 * Throws FoveaError 'shape' when the axis is out of range or shapes differ.
 *
 * @example
 * const [keys, values] = sort([tensor([2, 1, 3]), tensor([20, 10, 30])])
 * console.log(await values.data()) // Float32Array(3) [ 10, 20, 30 ]
 */
export function sort<const X extends Sortable, const A extends number = -1>(
  x: Param<X, SameShapes<X>>,
  axis?: Param<A, AlongAxis<'sort', KeyShape<X>, A>>,
  options?: { readonly descending?: boolean },
): Sorted<X> {
  const list = Array.isArray(x)
  const operands = (list ? (x as unknown[]) : [x]).map((t) => tensorOf('sort', t))
  if (!operands.length) fail('shape', 'sort: expected at least one tensor')
  const { shape } = operands[0].aval
  for (const t of operands)
    if (!sameShape(t.aval.shape, shape))
      fail('shape', `sort: operands differ in shape: ${showShape(shape)} vs ${showShape(t.aval.shape)}`)
  const d = axisOf('sort', (axis as number | undefined) ?? -1, shape)
  const order = prim.argsort(operands[0], d, options?.descending)
  const sorted = operands.map((t) => along(t, order, d))
  return (list ? sorted : sorted[0]) as never
}

/**
 * Indices (i32) that put the elements along `axis` (the last when absent) in order. See `sort`.
 *
 * @example
 * const order = argsort(tensor([[3, 1, 2]]), -1, { descending: true })
 */
export function argsort<X extends AnyTensor, const A extends number = -1>(
  x: X,
  axis?: Param<A, AlongAxis<'argsort', ShapeOf<X>, A>>,
  options?: { readonly descending?: boolean },
): Tensor<ShapeOf<X>, 'i32'> {
  const t = tensorOf('argsort', x)
  return prim.argsort(t, axisOf('argsort', (axis as number | undefined) ?? -1, t.aval.shape), options?.descending)
}

/**
 * The `k` largest elements along `axis` (the last when absent) from the largest down, and their indices (i32). Of equal ones those
 * with the smallest indices; NaN is the largest. Of lines 64 times as long as `k` or longer only the blocks with the largest elements
 * are sorted.
 * Throws FoveaError 'shape' when there are fewer elements than `k`.
 *
 * @example
 * const { values, indices } = topK(tensor([1, 4, 2, 3]), 2)
 * console.log(await indices.data()) // Int32Array(2) [ 1, 3 ]
 */
export function topK<X extends AnyTensor, const K extends number, const A extends number = -1>(
  x: Param<X, TakesTensor<'topK', X, Numeric>>,
  k: Param<K, TopK<ShapeOf<X>, Dims<[K]>[0], A>>,
  axis?: A,
): {
  values: Tensor<Ok<TopK<ShapeOf<X>, Dims<[K]>[0], A>>, DTypeOf<X>>
  indices: Tensor<Ok<TopK<ShapeOf<X>, Dims<[K]>[0], A>>, 'i32'>
} {
  const t = tensorOf('topK', x, NUMERIC)
  const { shape } = t.aval
  const count = k as number
  const d = axisOf('topK', axis ?? -1, shape)
  if (!(count <= shape[d]))
    fail('shape', `topK: k ${count} is more than the ${shape[d]} elements of axis ${axis ?? -1} of ${showShape(shape)}`)
  const indices = prim.argsort(t, d, true, count)
  return { values: along(t, indices, d), indices }
}

/**
 * Where each of `values` would go in `sorted` [n] so that it stays in order, i32: before its equals, or after them with side 'right'.
 * NaN is the largest.
 * Throws FoveaError 'shape' when `sorted` is not of rank 1, 'dtype' when the dtypes differ.
 *
 * @example
 * const bins = searchsorted(tensor([0, 10, 20]), tensor([5, 10, 25]), { side: 'right' })
 * console.log(await bins.data()) // Int32Array(3) [ 1, 2, 3 ]
 */
export function searchsorted<S extends AnyTensor, V extends AnyTensor>(
  sorted: Param<S, First<[TakesTensor<'searchsorted', S, Numeric>], Sequence<ShapeOf<S>>>>,
  values: Param<V, SameDType<'searchsorted', DTypeOf<S>, DTypeOf<V>>>,
  options?: { readonly side?: 'left' | 'right' },
): Tensor<ShapeOf<V>, 'i32'> {
  const s = tensorOf('searchsorted', sorted, NUMERIC)
  const v = tensorOf('searchsorted', values)
  if (s.aval.shape.length !== 1) fail('shape', `searchsorted: expected a sorted [n], got ${showShape(s.aval.shape)}`)
  sameDType('searchsorted', s.dtype, v.dtype)
  const [table, wanted] = [keyOf(s), keyOf(v)]
  return prim.countBefore(table, wanted, options?.side === 'right')
}
