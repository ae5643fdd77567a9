import { showShape, size } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { AtLeast, BroadcastAll, HStack, MoveAxis, SwapAxes, Tile, VStack } from '../types/arrange.js'
import type { Axis } from '../types/axes.js'
import type { AnyTensor, CommonAll, DTypeOf, Mixed, ShapeOf, ShapesOf } from '../types/operand.js'
import type { AlongAxis } from '../types/reduce.js'
import type { Ok, Param } from '../types/shape.js'
import { axesOf, axisOf } from './axes.js'
import { fail } from './fail.js'
import { joined } from './join.js'
import { broadcastShapes, expand, promoted, tensorOf } from './operand.js'

const permuted = (x: AnyTensor, order: readonly number[]): AnyTensor =>
  order.every((d, i) => d === i) ? x : prim.transpose(x, order)
const view = (x: AnyTensor, shape: readonly number[]): AnyTensor =>
  shape.length === x.aval.shape.length ? x : prim.reshape(x, shape)

/**
 * The axes `a` and `b` in each other's place.
 * Throws FoveaError 'shape' when one is out of range.
 *
 * @example
 * const columns = swapaxes(ones([2, 3, 4]), 0, -1)
 */
export function swapaxes<X extends AnyTensor, const A extends number, const B extends number>(
  x: X,
  a: A,
  b: Param<B, SwapAxes<'swapaxes', ShapeOf<X>, A, B>>,
): Tensor<Ok<SwapAxes<'swapaxes', ShapeOf<X>, A, B>>, DTypeOf<X>> {
  const t = tensorOf('swapaxes', x)
  const { shape } = t.aval
  const [i, j] = [axisOf('swapaxes', a, shape), axisOf('swapaxes', b as number, shape)]
  return permuted(
    t,
    shape.map((_, d) => (d === i ? j : d === j ? i : d)),
  )
}

/**
 * The axes `from` moved to the places `to` of the result, one or a list of each; the others stay in order.
 * Throws FoveaError 'shape' when an axis is out of range or named twice, or the lists differ in length.
 *
 * @example
 * const channelsLast = moveaxis(ones([2, 3, 8, 8]), 1, -1)
 */
export function moveaxis<X extends AnyTensor, const A extends Axis, const B extends Axis>(
  x: X,
  from: A,
  to: Param<B, MoveAxis<ShapeOf<X>, A, B>>,
): Tensor<Ok<MoveAxis<ShapeOf<X>, A, B>>, DTypeOf<X>> {
  const t = tensorOf('moveaxis', x)
  const { shape } = t.aval
  const [source, target] = [axesOf('moveaxis', from, shape), axesOf('moveaxis', to as Axis, shape)]
  if (source.length !== target.length)
    fail('shape', `moveaxis: ${source.length} axes cannot move to ${target.length} places`)
  const rest = shape.map((_, d) => d).filter((d) => !source.includes(d))
  return permuted(
    t,
    shape.map((_, d) => (target.includes(d) ? source[target.indexOf(d)] : rest.shift()!)),
  )
}

/**
 * The order along `axis` (or a list of axes, all when absent) turned around.
 * Throws FoveaError 'shape' when an axis is out of range or named twice.
 *
 * @example
 * const backwards = flip(tensor([1, 2, 3]))
 */
export function flip<X extends AnyTensor, const A extends Axis | undefined = undefined>(
  x: X,
  axis?: Param<A, A extends Axis ? AlongAxis<'flip', ShapeOf<X>, A> : unknown>,
): X {
  const t = tensorOf('flip', x)
  const axes = axesOf('flip', axis as Axis | undefined, t.aval.shape)
  return (axes.length ? prim.reverse(t, axes) : t) as X
}

/** Elements moved on by `by` along axis `i`, those pushed out coming in at the start. */
function rolled(x: AnyTensor, i: number, by: number): AnyTensor {
  const { shape } = x.aval
  const n = shape[i]
  const shift = n ? ((by % n) + n) % n : 0
  if (!shift) return x
  const part = (from: number, to: number): AnyTensor =>
    prim.slice(
      x,
      shape.map((_, d) => (d === i ? from : 0)),
      shape.map((s, d) => (d === i ? to : s)),
    )
  return prim.concat([part(n - shift, n), part(0, n - shift)], i)
}
/**
 * Elements moved on by `shift` along `axis`, or along each of a list of axes by its own shift; those pushed out come in at the start.
 * Without an axis the flattened tensor is rolled.
 * Throws FoveaError 'shape' when an axis is out of range or named twice, or the lists differ in length.
 *
 * @example
 * const y = roll(tensor([1, 2, 3, 4]), 1)
 */
export function roll<X extends AnyTensor, const A extends Axis | undefined = undefined>(
  x: X,
  shift: number | readonly number[],
  axis?: Param<A, A extends Axis ? AlongAxis<'roll', ShapeOf<X>, A> : unknown>,
): X {
  const t = tensorOf('roll', x)
  const { shape } = t.aval
  const shifts = typeof shift === 'number' ? [shift] : shift
  if (!shifts.every(Number.isInteger)) fail('shape', `roll: shifts must be whole, got ${showShape(shifts)}`)
  if (axis === undefined) {
    const flat = rolled(
      prim.reshape(t, [size(shape)]),
      0,
      shifts.reduce((a, b) => a + b, 0),
    )
    return prim.reshape(flat, shape) as X
  }
  const axes = axesOf('roll', axis as Axis, shape)
  if (shifts.length !== 1 && shifts.length !== axes.length)
    fail('shape', `roll: ${shifts.length} shifts for ${axes.length} axes`)
  return axes.reduce((y, i, n) => rolled(y, i, shifts[shifts.length === 1 ? 0 : n]), t) as X
}

/**
 * Copies side by side: as many along each axis as `counts` says, which are aligned with the axes at the right.
 * Throws FoveaError 'shape' when a count is negative or not whole.
 *
 * @example
 * const y = tile(tensor([[1, 2], [3, 4]]), [2, 1])
 */
export function tile<X extends AnyTensor, const R extends number | readonly number[]>(
  x: X,
  counts: R,
): Tensor<Tile<ShapeOf<X>, R>, DTypeOf<X>> {
  const t = tensorOf('tile', x)
  const given: readonly number[] = typeof counts === 'number' ? [counts] : counts
  const bad = given.find((n) => !(Number.isInteger(n) && n >= 0))
  if (bad !== undefined) fail('shape', `tile: counts must be whole and 0 or more, got ${showShape(given)}`)
  const rank = Math.max(given.length, t.aval.shape.length)
  const ones = (n: number): number[] => Array.from({ length: n }, () => 1)
  const times = [...ones(rank - given.length), ...given]
  const shape = [...ones(rank - t.aval.shape.length), ...t.aval.shape]
  const axis = (d: number): boolean => times[d] !== 1
  // Each repeated axis gets one before it, which is repeated and merged.
  const apart = shape.flatMap((s, d) => (axis(d) ? [1, s] : [s]))
  const spread = shape.flatMap((s, d) => (axis(d) ? [times[d], s] : [s]))
  const wide = expand(prim.reshape(t, apart), spread)
  return prim.reshape(
    wide,
    shape.map((s, d) => s * times[d]),
  )
}

/**
 * At least one dim: a scalar becomes [1].
 *
 * @example
 * const y = atLeast1d(sum(ones([3])))
 */
export const atLeast1d = <X extends AnyTensor>(x: X): Tensor<AtLeast<ShapeOf<X>, 1>, DTypeOf<X>> =>
  atLeast('atLeast1d', x, 1)
/**
 * At least two dims: a vector [n] becomes a row [1, n].
 *
 * @example
 * const row = atLeast2d(tensor([1, 2, 3]))
 */
export const atLeast2d = <X extends AnyTensor>(x: X): Tensor<AtLeast<ShapeOf<X>, 2>, DTypeOf<X>> =>
  atLeast('atLeast2d', x, 2)
/**
 * At least three dims: [n] becomes [1, n, 1], and [m, n] becomes [m, n, 1].
 *
 * @example
 * const y = atLeast3d(ones([4, 5]))
 */
export const atLeast3d = <X extends AnyTensor>(x: X): Tensor<AtLeast<ShapeOf<X>, 3>, DTypeOf<X>> =>
  atLeast('atLeast3d', x, 3)
function atLeast(op: string, x: unknown, n: number): AnyTensor {
  const t = tensorOf(op, x)
  const { shape } = t.aval
  if (shape.length >= n) return t
  const front = shape.length < 2 && n > 1 ? [1, ...shape] : shape
  return view(t, [...front, ...Array.from({ length: n - front.length }, () => 1)])
}

/**
 * Joined side by side: along the second axis, vectors along their only one.
 * Throws FoveaError 'shape' or 'dtype' when the other dims or dtypes differ.
 *
 * @example
 * const y = hstack([ones([2, 1]), zeros([2, 3])])
 */
export function hstack<const Ts extends readonly AnyTensor[]>(
  tensors: Param<Ts, Mixed<'hstack', Ts, HStack<ShapesOf<Ts>>>>,
): Tensor<Ok<Mixed<'hstack', Ts, HStack<ShapesOf<Ts>>>>, CommonAll<Ts>> {
  const xs = promoted('hstack', tensors as readonly unknown[]).map((x) => atLeast('hstack', x, 1))
  return joined('hstack', xs, xs[0]?.aval.shape.length === 1 ? 0 : 1)
}
/**
 * Joined one above another: along the first axis, vectors as rows.
 * Throws FoveaError 'shape' or 'dtype' when the other dims or dtypes differ.
 *
 * @example
 * const y = vstack([tensor([1, 2]), tensor([3, 4])])
 */
export function vstack<const Ts extends readonly AnyTensor[]>(
  tensors: Param<Ts, Mixed<'vstack', Ts, VStack<ShapesOf<Ts>>>>,
): Tensor<Ok<Mixed<'vstack', Ts, VStack<ShapesOf<Ts>>>>, CommonAll<Ts>> {
  const xs = promoted('vstack', tensors as readonly unknown[]).map((x) => atLeast('vstack', x, 2))
  return joined('vstack', xs, 0)
}

/**
 * All repeated to the one shape that they broadcast to, each of its own dtype.
 * Throws FoveaError 'shape' when they do not broadcast.
 *
 * @example
 * const [rows, columns] = broadcastArrays([ones([3, 1]), ones([4])])
 */
export function broadcastArrays<const Ts extends readonly AnyTensor[]>(
  tensors: Param<Ts, BroadcastAll<ShapesOf<Ts>>>,
): { -readonly [K in keyof Ts]: Tensor<Ok<BroadcastAll<ShapesOf<Ts>>>, DTypeOf<Ts[K]>> } {
  const xs = (tensors as readonly unknown[]).map((x) => tensorOf('broadcastArrays', x))
  const shape = xs.reduce<readonly number[]>(
    (s, x) => broadcastShapes('broadcastArrays: cannot broadcast', s, x.aval.shape),
    [],
  )
  return xs.map((x) => expand(x, shape)) as never
}
