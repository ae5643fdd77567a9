import type { DType } from '../ir/types.js'
import { size } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { RepeatAlong } from '../types/arrange.js'
import type { Dims } from '../types/dim.js'
import type { AnyTensor, DTypeOf, First, Float, Numeric, ShapeOf, TakesTensor } from '../types/operand.js'
import type { Rearrange } from '../types/rearrange.js'
import type { Ok, Param } from '../types/shape.js'
import { axisOf } from './axes.js'
import { fail } from './fail.js'
import { maxOver, meanOver, minOver, nonEmpty, prodOver, sumOver } from './fold.js'
import { BOOL, FLOAT, NUMERIC, tensorOf } from './operand.js'
import { merged, ordered, readPattern, sizesOfAxes, view } from './pattern.js'
import { all, any } from './statistics.js'

type Sizes = Readonly<Record<string, number>>
/** Sizes that are named dims keep their names. */
type SizeDims<Z> = { [K in keyof Z]: Dims<[Z[K]]>[0] }

/**
 * Splits, reorders and merges axes in einops notation: 'b (h p) (w q) c -> b (h w) (p q c)'. `sizes` gives what a split cannot
 * infer; `1` is a dim of size 1.
 * Throws FoveaError 'shape' when a dim does not divide or an axis is not on both sides.
 *
 * @example
 * const heads = rearrange(ones([2, 16, 512]), 'b t (h d) -> b h t d', { h: 8 })
 */
export function rearrange<X extends AnyTensor, const Spec extends string, const Z extends Sizes = {}>(
  x: X,
  spec: Param<Spec, Rearrange<Spec, ShapeOf<X>, SizeDims<Z>>>,
  sizes?: Z,
): Tensor<Ok<Rearrange<Spec, ShapeOf<X>, SizeDims<Z>>>, DTypeOf<X>> {
  const t = tensorOf('rearrange', x)
  const p = readPattern('rearrange', spec as string, t.aval.shape, sizes ?? {})
  const from = p.left.flat()
  return view(ordered(view(t, sizesOfAxes(from, p)), from, p.right.flat()), merged(p.right, p))
}

type Reducer = 'sum' | 'mean' | 'max' | 'min' | 'prod' | 'any' | 'all'
type Reduced<X, Spec extends string, Z, R> = First<
  [TakesTensor<'reduce', X, R extends 'any' | 'all' ? 'bool' : R extends 'mean' ? Float : Numeric>],
  Rearrange<Spec, ShapeOf<X>, SizeDims<Z>, 'reduce'>
>
const reducers: Record<Reducer, [readonly DType[], (x: AnyTensor, axes: readonly number[]) => AnyTensor]> = {
  sum: [NUMERIC, sumOver],
  mean: [FLOAT, (x, axes) => meanOver(x, axes)],
  max: [NUMERIC, maxOver],
  min: [NUMERIC, minOver],
  prod: [NUMERIC, prodOver],
  any: [BOOL, (x, axes) => any(x, [...axes])],
  all: [BOOL, (x, axes) => all(x, [...axes])],
}
/**
 * einops.reduce: axes that are only on the left are reduced by `how`, the others split, reordered and merged as by `rearrange`. A number
 * is an axis of that size without a name: 'b (h 2) (w 2) c -> b h w c' pools by 2.
 * Throws FoveaError 'shape' when a dim does not divide, an axis is only on the right, or 'max' or 'min' has nothing to choose from.
 *
 * @example
 * const pooled = reduce(ones([1, 4, 4, 3]), 'b (h 2) (w 2) c -> b h w c', 'max')
 */
export function reduce<
  X extends AnyTensor,
  const Spec extends string,
  const R extends Reducer,
  const Z extends Sizes = {},
>(x: X, spec: Param<Spec, Reduced<X, Spec, Z, R>>, how: R, sizes?: Z): Tensor<Ok<Reduced<X, Spec, Z, R>>, DTypeOf<X>> {
  const known: [readonly DType[], (x: AnyTensor, axes: readonly number[]) => AnyTensor] | undefined = reducers[how]
  if (!known) fail('shape', `reduce: expected ${Object.keys(reducers).join(', ')}, got ${how}`)
  const [dtypes, fold] = known
  const t = tensorOf('reduce', x, dtypes)
  const p = readPattern('reduce', spec as string, t.aval.shape, sizes ?? {})
  const [from, to] = [p.left.flat(), p.right.flat()]
  const split = view(t, sizesOfAxes(from, p))
  const axes = from.flatMap((a, i) => (to.includes(a) ? [] : [i]))
  if (how === 'max' || how === 'min') nonEmpty('reduce', split.aval.shape, axes)
  const folded = axes.length ? fold(split, axes) : split
  const rest = from.filter((a) => to.includes(a))
  return view(ordered(folded, rest, to), merged(p.right, p))
}

type Repeated<S, How, M> = How extends string
  ? Rearrange<How, S, M extends Sizes ? SizeDims<M> : {}, 'repeat'>
  : RepeatAlong<S, How, M>
/**
 * einops.repeat: axes that are only on the right are new, and everything is repeated along them; `sizes` gives their sizes, a number is
 * one without a name. With a number in place of the pattern, NumPy's: each element that many times in a row along `axis`, or of the
 * flattened tensor.
 * Throws FoveaError 'shape' when an axis is only on the left, a new one has no size, or `axis` is out of range.
 *
 * @example
 * const wide = repeat(ones([3, 4]), 'h w -> h (w 2)')
 * const twice = repeat(tensor([1, 2]), 2)
 */
export function repeat<
  X extends AnyTensor,
  const How extends string | number,
  const M extends Sizes | number | undefined = undefined,
>(x: X, how: Param<How, Repeated<ShapeOf<X>, How, M>>, more?: M): Tensor<Ok<Repeated<ShapeOf<X>, How, M>>, DTypeOf<X>> {
  const t = tensorOf('repeat', x)
  if (typeof how === 'number') return repeatAlong(t, how, more as number | undefined)
  const p = readPattern('repeat', how as string, t.aval.shape, (more as Sizes | undefined) ?? {})
  const [from, to] = [p.left.flat(), p.right.flat()]
  const old = to.filter((a) => from.includes(a))
  const kept = ordered(view(t, sizesOfAxes(from, p)), from, old)
  const spread =
    old.length === to.length
      ? kept
      : prim.broadcastInDim(
          kept,
          sizesOfAxes(to, p),
          old.map((a) => to.indexOf(a)),
        )
  return view(spread, merged(p.right, p))
}

function repeatAlong(t: AnyTensor, count: number, axis: number | undefined): AnyTensor {
  if (!(Number.isInteger(count) && count >= 0))
    fail('shape', `repeat: expected a whole count of 0 or more, got ${count}`)
  const x = axis === undefined ? view(t, [size(t.aval.shape)]) : t
  const { shape } = x.aval
  const i = axisOf('repeat', axis ?? 0, shape)
  const apart = [...shape.slice(0, i + 1), count, ...shape.slice(i + 1)]
  const dims = shape.map((_, d) => (d <= i ? d : d + 1))
  return prim.reshape(
    prim.broadcastInDim(x, apart, dims),
    shape.map((s, d) => (d === i ? s * count : s)),
  )
}
