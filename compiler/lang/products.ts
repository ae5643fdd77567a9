import { showShape, size } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { Axis } from '../types/axes.js'
import type { AnyTensor, Common, DTypeOf, First, Float, Numeric, ShapeOf, Takes } from '../types/operand.js'
import type { Dot, Inner, Kron, Outer, TensorDot, VDot } from '../types/products.js'
import type { Promote, Promotes } from '../types/promote.js'
import type { Ok, Param } from '../types/shape.js'
import { axesOf } from './axes.js'
import { fail } from './fail.js'
import { FLOAT, NUMERIC, promoted } from './operand.js'
import { checkPairs } from './pairs.js'

type Two<Op extends string, A, B, C, R> = First<
  [Promotes<Op, DTypeOf<A>, DTypeOf<B>>, Takes<Op, Promote<DTypeOf<A>, DTypeOf<B>>, C>],
  R
>
const two = (op: string, a: unknown, b: unknown, allowed = FLOAT): [AnyTensor, AnyTensor] =>
  promoted(op, [a, b], allowed) as [AnyTensor, AnyTensor]
const contracted = (x: AnyTensor, y: AnyTensor, left: readonly number[], right: readonly number[]): AnyTensor =>
  prim.dotGeneral(x, y, { lhsContract: left, rhsContract: right, lhsBatch: [], rhsBatch: [] })
const flat = (x: AnyTensor): AnyTensor => (x.aval.shape.length === 1 ? x : prim.reshape(x, [size(x.aval.shape)]))
/** Axis `i` of `x` against axis `j` of `y`; scalars multiply. */
function along(op: string, x: AnyTensor, y: AnyTensor, i: number, j: number): AnyTensor {
  const [s, t] = [x.aval.shape, y.aval.shape]
  if (!s.length || !t.length) {
    const [scalar, whole] = s.length ? [y, x] : [x, y]
    return prim.mul(prim.broadcastInDim(scalar, whole.aval.shape, []), whole)
  }
  if (s[i] !== t[j]) fail('shape', `${op}: inner dims differ: ${s[i]} vs ${t[j]} in ${showShape(s)} x ${showShape(t)}`)
  return contracted(x, y, [i], [j])
}

/**
 * All products of an element of `a` and one of `b`, both flattened.
 * Throws FoveaError 'dtype' when the dtypes have none in common.
 *
 * @example
 * const table = outer(tensor([1, 2, 3]), tensor([1, 10]))
 */
export function outer<A extends AnyTensor, B extends AnyTensor>(
  a: A,
  b: Param<B, Two<'outer', A, B, Numeric, Outer<ShapeOf<A>, ShapeOf<B>>>>,
): Tensor<Ok<Two<'outer', A, B, Numeric, Outer<ShapeOf<A>, ShapeOf<B>>>>, Common<A, B>> {
  const [x, y] = two('outer', a, b, NUMERIC).map(flat)
  const shape = [x.aval.shape[0], y.aval.shape[0]]
  return prim.mul(prim.broadcastInDim(x, shape, [0]), prim.broadcastInDim(y, shape, [1]))
}

/**
 * Sums of products over the last axis of both: [...a, n] × [...b, n] → [...a, ...b]; floats.
 * Throws FoveaError 'shape' when these differ.
 *
 * @example
 * const similarity = inner(ones([2, 8]), ones([5, 8]))
 */
export function inner<A extends AnyTensor, B extends AnyTensor>(
  a: A,
  b: Param<B, Two<'inner', A, B, Float, Inner<ShapeOf<A>, ShapeOf<B>>>>,
): Tensor<Ok<Two<'inner', A, B, Float, Inner<ShapeOf<A>, ShapeOf<B>>>>, Common<A, B>> {
  const [x, y] = two('inner', a, b)
  return along('inner', x, y, x.aval.shape.length - 1, y.aval.shape.length - 1)
}

/**
 * NumPy's dot: sums over the last axis of `a` and the last but one of `b` (a vector's only one); a scalar multiplies. Floats.
 * Throws FoveaError 'shape' when these differ.
 *
 * @example
 * const y = dot(ones([2, 3]), tensor([1, 2, 3]))
 */
export function dot<A extends AnyTensor, B extends AnyTensor>(
  a: A,
  b: Param<B, Two<'dot', A, B, Float, Dot<ShapeOf<A>, ShapeOf<B>>>>,
): Tensor<Ok<Two<'dot', A, B, Float, Dot<ShapeOf<A>, ShapeOf<B>>>>, Common<A, B>> {
  const [x, y] = two('dot', a, b)
  return along('dot', x, y, x.aval.shape.length - 1, Math.max(y.aval.shape.length - 2, 0))
}

/**
 * Sum of the products of all elements, in order; floats.
 * Throws FoveaError 'shape' when the numbers of elements differ.
 *
 * @example
 * const energy = vdot(ones([2, 3]), ones([6]))
 */
export function vdot<A extends AnyTensor, B extends AnyTensor>(
  a: A,
  b: Param<B, Two<'vdot', A, B, Float, VDot<ShapeOf<A>, ShapeOf<B>>>>,
): Tensor<[], Common<A, B>> {
  const [x, y] = two('vdot', a, b).map(flat)
  const [n, m] = [x.aval.shape[0], y.aval.shape[0]]
  if (n !== m) fail('shape', `vdot: sizes differ: ${n} vs ${m}`)
  return contracted(x, y, [0], [0])
}

/**
 * Sums over the last `axes` axes of `a` and the first of `b` (2 when absent), or over pairs [axes of a, axes of b]; floats.
 * Throws FoveaError 'shape' when paired dims differ or an axis is out of range.
 *
 * @example
 * const y = tensordot(ones([2, 3, 4]), ones([4, 3, 5]), [[1, 2], [1, 0]])
 */
export function tensordot<A extends AnyTensor, B extends AnyTensor, const X extends number | readonly [Axis, Axis] = 2>(
  a: A,
  b: Param<B, Two<'tensordot', A, B, Float, TensorDot<ShapeOf<A>, ShapeOf<B>, X>>>,
  axes?: X,
): Tensor<Ok<Two<'tensordot', A, B, Float, TensorDot<ShapeOf<A>, ShapeOf<B>, X>>>, Common<A, B>> {
  const [x, y] = two('tensordot', a, b)
  const given: number | readonly [Axis, Axis] = axes ?? 2
  const rank = x.aval.shape.length
  if (typeof given === 'number' && given > rank)
    fail('shape', `tensordot: ${given} axes are more than ${showShape(x.aval.shape)} has`)
  const range = (n: number, from: number): number[] => Array.from({ length: n }, (_, i) => from + i)
  const [left, right] =
    typeof given === 'number'
      ? [range(given, rank - given), range(given, 0)]
      : [axesOf('tensordot', given[0], x.aval.shape), axesOf('tensordot', given[1], y.aval.shape)]
  checkPairs('tensordot', 'contracting', x, y, left, right)
  return contracted(x, y, left, right)
}

/**
 * Kronecker product: every element of `a` times the whole of `b`; dims are aligned at the right and multiply.
 * Throws FoveaError 'dtype' when the dtypes have none in common.
 *
 * @example
 * const blocks = kron(eye(2), ones([2, 2]))
 */
export function kron<A extends AnyTensor, B extends AnyTensor>(
  a: A,
  b: Param<B, Two<'kron', A, B, Numeric, Kron<ShapeOf<A>, ShapeOf<B>>>>,
): Tensor<Ok<Two<'kron', A, B, Numeric, Kron<ShapeOf<A>, ShapeOf<B>>>>, Common<A, B>> {
  const [x, y] = two('kron', a, b, NUMERIC)
  const rank = Math.max(x.aval.shape.length, y.aval.shape.length)
  const padded = (t: AnyTensor): number[] => [
    ...Array.from({ length: rank - t.aval.shape.length }, () => 1),
    ...t.aval.shape,
  ]
  const [s, t] = [padded(x), padded(y)]
  // a's dims at even places, b's at odd ones.
  const shape = s.flatMap((n, i) => [n, t[i]])
  const spread = (z: AnyTensor, own: number[], at: number): AnyTensor =>
    prim.broadcastInDim(
      prim.reshape(z, own),
      shape,
      own.map((_, i) => 2 * i + at),
    )
  return prim.reshape(
    prim.mul(spread(x, s, 0), spread(y, t, 1)),
    s.map((n, i) => n * t[i]),
  )
}
