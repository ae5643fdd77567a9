import { sameShape, showShape, size } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { Axis } from '../types/axes.js'
import type { BroadcastTo } from '../types/broadcast.js'
import type { Dims } from '../types/dim.js'
import type { AnyTensor, DTypeOf, ShapeOf } from '../types/operand.js'
import type { Flatten, Reshape } from '../types/reshape.js'
import type { Dim, Ok, Param } from '../types/shape.js'
import type { EnsureShape, ExpandDims, Squeeze, Transpose } from '../types/views.js'
import { axesOf, sizesOf } from './axes.js'
import { fail } from './fail.js'
import { expand, tensorOf } from './operand.js'

/**
 * The same elements, row-major, in another shape; one dim may be -1: what is left.
 * Throws FoveaError 'shape' when the number of elements differs.
 *
 * @example
 * const rows = reshape(ones([2, 4, 8]), [-1, 8])
 */
export function reshape<X extends AnyTensor, const N extends readonly number[]>(
  x: X,
  shape: Param<N, Reshape<ShapeOf<X>, Dims<N>>>,
): Tensor<Ok<Reshape<ShapeOf<X>, Dims<N>>>, DTypeOf<X>> {
  const t = tensorOf('reshape', x)
  const from = t.aval.shape
  const to = shape as readonly number[]
  if (to.filter((d) => d === -1).length > 1) fail('shape', `reshape: more than one -1 in ${showShape(to)}`)
  const known = size(
    sizesOf(
      'reshape',
      to.filter((d) => d !== -1),
    ),
  )
  const count = size(from)
  const sentence = `reshape: cannot reshape ${showShape(from)} to ${showShape(to)}: ${count} elements`
  if (!to.includes(-1) && count !== known) fail('shape', `${sentence} vs ${known}`)
  if (to.includes(-1) && !(known > 0 && count % known === 0)) fail('shape', `${sentence} are not divisible by ${known}`)
  return view(
    t,
    to.map((d) => (d === -1 ? count / known : d)),
  )
}
const view = (x: AnyTensor, shape: readonly number[]): AnyTensor =>
  sameShape(x.aval.shape, shape) ? x : prim.reshape(x, shape)

/** All elements in one dim, row-major. */
export const flatten = <X extends AnyTensor>(x: X): Tensor<Flatten<ShapeOf<X>>, DTypeOf<X>> => {
  const t = tensorOf('flatten', x)
  return view(t, [size(t.aval.shape)])
}

/**
 * Axes in the order `permutation`, reversed when absent: the result's axis i is the operand's axis permutation[i].
 * Throws FoveaError 'shape' when it is not a permutation of the axes.
 *
 * @example
 * const heads = transpose(ones([2, 16, 8, 64]), [0, 2, 1, 3])
 */
export function transpose<X extends AnyTensor, const P extends readonly number[] | undefined = undefined>(
  x: X,
  permutation?: Param<P, Transpose<ShapeOf<X>, P>>,
): Tensor<Ok<Transpose<ShapeOf<X>, P>>, DTypeOf<X>> {
  const t = tensorOf('transpose', x)
  const { shape } = t.aval
  const order = (permutation as readonly number[] | undefined) ?? shape.map((_, i) => shape.length - 1 - i)
  if (order.length !== shape.length)
    fail(
      'shape',
      `transpose: permutation ${showShape(order)} must name the ${shape.length} axes of ${showShape(shape)}`,
    )
  const axes = axesOf('transpose', order, shape)
  return axes.every((d, i) => d === i) ? t : prim.transpose(t, axes)
}

/**
 * Repeated to `shape`, as NumPy broadcasts.
 * Throws FoveaError 'shape' when a dim is neither 1 nor equal.
 */
export function broadcastTo<X extends AnyTensor, const N extends readonly number[]>(
  x: X,
  shape: Param<N, BroadcastTo<ShapeOf<X>, Dims<N>>>,
): Tensor<Ok<BroadcastTo<ShapeOf<X>, Dims<N>>>, DTypeOf<X>> {
  const t = tensorOf('broadcastTo', x)
  const from = t.aval.shape
  const to = sizesOf('broadcastTo', shape as readonly number[])
  const sentence = `broadcastTo: cannot broadcast ${showShape(from)} to ${showShape(to)}`
  for (let i = 1; i <= Math.min(from.length, to.length); i++) {
    const [a, b] = [from[from.length - i], to[to.length - i]]
    if (a !== 1 && a !== b) fail('shape', `${sentence}: dim ${a} vs ${b}`)
  }
  if (from.length > to.length) fail('shape', `${sentence}: it has more dims`)
  return expand(t, to)
}

/**
 * Dims of size 1 inserted so that they are at `axis` (or a list of axes) in the result.
 *
 * @example
 * const column = expandDims(tensor([1, 2, 3]), -1)
 */
export function expandDims<X extends AnyTensor, const A extends Axis>(
  x: X,
  axis: Param<A, ExpandDims<ShapeOf<X>, A>>,
): Tensor<Ok<ExpandDims<ShapeOf<X>, A>>, DTypeOf<X>> {
  const t = tensorOf('expandDims', x)
  const from = t.aval.shape
  const added = typeof axis === 'number' ? [axis] : (axis as readonly number[])
  const axes = axesOf('expandDims', added, [...from, ...added])
  const rest = [...from]
  return view(
    t,
    [...from, ...added].map((_, i) => (axes.includes(i) ? 1 : rest.shift()!)),
  )
}

/**
 * Without the dims of size 1 at `axis` (or a list of axes); without all of them when absent.
 * Throws FoveaError 'shape' when a named axis is not of size 1.
 */
export function squeeze<X extends AnyTensor, const A extends Axis | undefined = undefined>(
  x: X,
  axis?: Param<A, Squeeze<ShapeOf<X>, A>>,
): Tensor<Ok<Squeeze<ShapeOf<X>, A>>, DTypeOf<X>> {
  const t = tensorOf('squeeze', x)
  const { shape } = t.aval
  if (axis === undefined) {
    return view(
      t,
      shape.filter((d) => d !== 1),
    )
  }
  const axes = axesOf('squeeze', axis as Axis, shape)
  for (const i of axes)
    if (shape[i] !== 1) fail('shape', `squeeze: axis ${i} of ${showShape(shape)} is ${shape[i]}, not 1`)
  return view(
    t,
    shape.filter((_, i) => !axes.includes(i)),
  )
}

/**
 * The same tensor with a shape the types know: sizes are checked while tracing, names only say what the dim is called.
 * Throws FoveaError 'shape' when rank or sizes differ.
 *
 * @example
 * const rows = ensureShape(ones([2, 512]), ['B', 512])
 */
export function ensureShape<X extends AnyTensor, const N extends readonly Dim[]>(
  x: X,
  shape: Param<N, EnsureShape<ShapeOf<X>, N>>,
): Tensor<Dims<N>, DTypeOf<X>> {
  const t = tensorOf('ensureShape', x)
  const from = t.aval.shape
  const to = shape as readonly Dim[]
  if (from.length !== to.length || to.some((d, i) => typeof d === 'number' && d !== from[i]))
    fail('shape', `ensureShape: expected [${to.join(', ')}], got ${showShape(from)}`)
  return t
}
