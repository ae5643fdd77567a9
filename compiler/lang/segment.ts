import { sameShape, showShape, size } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import { stridesOf } from '../ops/rules.js'
import type { Scatter } from '../ops/scatter-rules.js'
import type { Tensor } from '../trace/tensor.js'
import type { Dims } from '../types/dim.js'
import type { Axed, Flat, SameAs, Segment } from '../types/gather.js'
import type { AnyTensor, DTypeOf, First, Numeric, ShapeOf, TakesTensor } from '../types/operand.js'
import type { Ok, Param } from '../types/shape.js'
import { sizesOf } from './axes.js'
import { fail } from './fail.js'
import { NUMERIC, tensorOf } from './operand.js'

/** Rows of `data` [...S, ...rest] with the same id in `ids` (i32 [...S]) combined → [numSegments, ...rest]. */
export type SegmentFn<Op extends string> = <X extends AnyTensor, I extends AnyTensor, const N extends number>(
  data: Param<X, TakesTensor<Op, X, Numeric>>,
  ids: Param<I, First<[TakesTensor<Op, I, 'i32'>], Segment<Op, ShapeOf<X>, ShapeOf<I>, Dims<[N]>[0]>>>,
  numSegments: N,
) => Tensor<Ok<Segment<Op, ShapeOf<X>, ShapeOf<I>, Dims<[N]>[0]>>, DTypeOf<X>>

const segment = <Op extends string>(op: Op, combine: Scatter): SegmentFn<Op> =>
  ((data: unknown, ids: unknown, numSegments: number) => {
    const x = tensorOf(op, data, NUMERIC)
    const i = tensorOf(op, ids, ['i32'])
    const [from, lead] = [x.aval.shape, i.aval.shape]
    if (lead.some((n, d) => n !== from[d]))
      fail('shape', `${op}: ids ${showShape(lead)} do not begin the shape of ${showShape(from)}`)
    return combine(i, x, sizesOf(op, [numSegments])[0])
  }) as never

/**
 * Sums of the rows of `data` with the same id, in their order (jax.ops.segment_sum). Ids outside 0 … numSegments-1 are dropped.
 * Throws FoveaError 'shape' when the ids' shape does not begin that of `data`, 'dtype' when they are not i32.
 *
 * @example
 * const sums = segmentSum(tensor([1, 2, 3]), tensor(new Int32Array([0, 1, 0])), 2)
 * console.log(await sums.data()) // Float32Array(2) [ 4, 2 ]
 */
export const segmentSum: SegmentFn<'segmentSum'> = segment('segmentSum', prim.scatterAdd)
/** Products; 1 where there is nothing. See `segmentSum`. */
export const segmentProd: SegmentFn<'segmentProd'> = segment('segmentProd', prim.segmentProd)
/** Largest rows, elementwise; -∞ (of integers the least) where there is nothing. Equals share a derivative. See `segmentSum`. */
export const segmentMax: SegmentFn<'segmentMax'> = segment('segmentMax', prim.segmentMax)
/** Smallest rows, elementwise; ∞ (of integers the largest) where there is nothing. See `segmentMax`. */
export const segmentMin: SegmentFn<'segmentMin'> = segment('segmentMin', prim.segmentMin)

/**
 * How often each of 0 … length-1 is in `x` (i32 [n]), i32; or the sums of their `weights`. As in JAX negative numbers count as 0 and
 * those from `length` on are dropped.
 * Throws FoveaError 'shape' when `x` is not of rank 1 or the weights are not like it.
 *
 * @example
 * console.log(await bincount(tensor(new Int32Array([0, 2, 2])), 3).data()) // Int32Array(3) [ 1, 0, 2 ]
 */
export function bincount<X extends AnyTensor, const N extends number, W extends AnyTensor = Tensor<any, 'i32'>>(
  x: Param<X, First<[TakesTensor<'bincount', X, 'i32'>], Flat<'bincount', ShapeOf<X>>>>,
  length: N,
  weights?: Param<W, First<[TakesTensor<'bincount', W, Numeric>], SameAs<'bincount', ShapeOf<X>, ShapeOf<W>>>>,
): Tensor<Dims<[N]>, DTypeOf<W>> {
  const t = tensorOf('bincount', x, ['i32'])
  const { shape } = t.aval
  if (shape.length !== 1) fail('shape', `bincount: expected [n], got ${showShape(shape)}`)
  const w = weights === undefined ? prim.full(shape, 1, 'i32') : tensorOf('bincount', weights, NUMERIC)
  if (!sameShape(w.aval.shape, shape))
    fail('shape', `bincount: expected weights of shape ${showShape(shape)}, got ${showShape(w.aval.shape)}`)
  return prim.scatterAdd(prim.max(t, prim.like(t, 0)), w, sizesOf('bincount', [length])[0])
}

/**
 * Indices (i32 [size], one list per axis) of the elements that are not 0, in order: the first `size` of them, then `fillValue` for those
 * that are missing (jnp.nonzero with a size).
 *
 * @example
 * const [places] = nonzero(tensor([0, 5, 7]), { size: 3, fillValue: -1 })
 * console.log(await places.data()) // Int32Array(3) [ 1, 2, -1 ]
 */
export function nonzero<X extends AnyTensor, const N extends number>(
  x: Param<X, Axed<'nonzero', ShapeOf<X>>>,
  options: { readonly size: N; readonly fillValue?: number },
): { -readonly [K in keyof ShapeOf<X>]: Tensor<Dims<[N]>, 'i32'> } {
  const t = tensorOf('nonzero', x)
  const { shape } = t.aval
  if (!shape.length) fail('shape', 'nonzero: expected at least one axis, got []')
  const [count] = sizesOf('nonzero', [options.size])
  const n = size(shape)
  const isThere = prim.ne(prim.reshape(t, [n]), prim.like(prim.reshape(t, [n]), 0))
  const upTo = prim.cumulative(prim.cast(isThere, 'i32'), 'add', 0)
  const place = prim.select(isThere, prim.sub(upTo, prim.like(upTo, 1)), prim.like(upTo, count))
  const flat = prim.segmentMax(place, prim.iota([n], 0), count)
  const missing = prim.lt(flat, prim.like(flat, 0))
  const strides = stridesOf(shape)
  return shape.map((d, i) => {
    const index = prim.rem(prim.div(flat, prim.like(flat, Math.max(1, strides[i]))), prim.like(flat, Math.max(1, d)))
    return prim.select(missing, prim.like(flat, options.fillValue ?? 0), index)
  }) as never
}
