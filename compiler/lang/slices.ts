import { showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { Dims } from '../types/dim.js'
import type { AnyTensor, DTypeOf, ShapeOf } from '../types/operand.js'
import type { Ok, Param, ShapeError } from '../types/shape.js'
import type { Slice, Split } from '../types/slices.js'
import { axisOf } from './axes.js'
import { fail } from './fail.js'
import { tensorOf } from './operand.js'

/**
 * Elements start, start + stride, … below limit, per axis (lax.slice). All three have one entry per axis, none negative.
 * Throws FoveaError 'shape' when out of range.
 *
 * @example
 * const firstColumn = slice(ones([4, 8]), [0, 0], [4, 1])
 */
export function slice<
  X extends AnyTensor,
  const A extends readonly number[],
  const B extends readonly number[],
  const T extends readonly number[] | undefined = undefined,
>(
  x: X,
  start: A,
  limit: Param<B, Slice<ShapeOf<X>, Dims<A>, Dims<B>, T>>,
  stride?: T,
): Tensor<Ok<Slice<ShapeOf<X>, Dims<A>, Dims<B>, T>>, DTypeOf<X>> {
  const t = tensorOf('slice', x)
  const { shape } = t.aval
  const to = limit as readonly number[]
  const per = `must have one entry per axis of ${showShape(shape)}`
  if (start.length !== shape.length) fail('shape', `slice: start ${showShape(start)} ${per}`)
  if (to.length !== shape.length) fail('shape', `slice: limit ${showShape(to)} ${per}`)
  if (stride && (stride.length !== shape.length || stride.some((s) => !(s >= 1))))
    fail('shape', `slice: stride ${showShape(stride)} ${per}, each at least 1`)
  shape.forEach((d, i) => {
    if (!(start[i] >= 0 && start[i] <= to[i] && to[i] <= d))
      fail('shape', `slice: ${start[i]} to ${to[i]} is out of range for axis ${i} of ${showShape(shape)}`)
  })
  return prim.slice(t, start, to, stride)
}

type Parts<R, D> = R extends readonly unknown[] ? { -readonly [K in keyof R]: Tensor<R[K], D> } : never

/**
 * Parts along `axis`: `parts` equal ones, or cut before each index of a list (NumPy).
 * Throws FoveaError 'shape' when the axis does not divide or a cut is past its end.
 *
 * @example
 * const [q, k, v] = split(ones([8, 96]), 3, -1)
 */
export function split<X extends AnyTensor, const N extends number | readonly number[], const A extends number = 0>(
  x: X,
  parts: Param<N, Split<ShapeOf<X>, N, A>>,
  axis?: A,
): Split<ShapeOf<X>, N, A> extends ShapeError<string> ? any : Parts<Split<ShapeOf<X>, N, A>, DTypeOf<X>> {
  const t = tensorOf('split', x)
  const { shape } = t.aval
  const i = axisOf('split', axis ?? 0, shape)
  const cuts = typeof parts === 'number' ? equalCuts(parts, shape, i, axis ?? 0) : (parts as readonly number[])
  let from = 0
  const ends = [...cuts, shape[i]]
  return ends.map((end, n) => {
    if (n < cuts.length && end < from) fail('shape', `split: cuts must increase, got ${end} after ${from}`)
    if (end > shape[i]) fail('shape', `split: cut ${end} is past axis ${i} of ${showShape(shape)}`)
    const start = shape.map((_, d) => (d === i ? from : 0))
    from = end
    return prim.slice(
      t,
      start,
      shape.map((d, j) => (j === i ? end : d)),
    )
  }) as never
}

function equalCuts(parts: number, shape: readonly number[], i: number, axis: number): number[] {
  if (!(parts >= 1 && shape[i] % parts === 0))
    fail('shape', `split: axis ${axis} of ${showShape(shape)} does not divide into ${parts} equal parts`)
  return Array.from({ length: parts - 1 }, (_, n) => ((n + 1) * shape[i]) / parts)
}
