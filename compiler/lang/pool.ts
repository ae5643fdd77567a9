import { size } from '../ir/types.js'
import { type PoolParams, poolWindows } from '../ops/pool.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { AnyTensor, DTypeOf, First, Float, ShapeOf, TakesTensor } from '../types/operand.js'
import type { Ok, Param } from '../types/shape.js'
import type { CheckPadding, CheckPerDim, CheckRank, Padding, PerDim, Pool } from '../types/windows.js'
import { FLOAT, tensorOf } from './operand.js'
import { checkFit, perDim, spatialRank, windowPadding } from './windows.js'

interface Options<Op extends string, X, S, P> {
  /** One number for all spatial dims or one for each; the window's size when absent. */
  readonly stride?: Param<S, CheckPerDim<Op, 'stride', ShapeOf<X>, S>>
  /** 'valid' when absent: none. 'same': the result has ⌈size / stride⌉ places. Or [before, after] for each spatial dim. */
  readonly padding?: Param<P, CheckPadding<Op, ShapeOf<X>, P>>
}
type Check<Op extends string, X, K, S, P> = First<
  [CheckPerDim<Op, 'window', ShapeOf<X>, K>],
  Pool<Op, ShapeOf<X>, K, S, P>
>

/**
 * Largest element of each window on one to three spatial dims: [n, h, w, c] → [n, h', w', c], f32. `window` is one number or one
 * for each spatial dim. Padding is never the largest. The gradient goes to the first largest element of a window (row-major), as
 * in JAX and PyTorch.
 * Throws FoveaError 'shape' when options do not fit the rank or the window is larger than the padded input.
 *
 * @example
 * const y = maxPool(ones([8, 32, 32, 16]), 3, { stride: 2, padding: 'same' }) // [8, 16, 16, 16]
 */
export function maxPool<
  X extends AnyTensor,
  const K extends PerDim,
  const S extends PerDim = K,
  const P extends Padding = 'valid',
>(
  x: Param<X, First<[TakesTensor<'maxPool', X, Float>], CheckRank<'maxPool', ShapeOf<X>>>>,
  window: Param<K, Check<'maxPool', X, K, S, P>>,
  options?: Options<'maxPool', X, S, P>,
): Tensor<Ok<Check<'maxPool', X, K, S, P>>, DTypeOf<X>> {
  const [t, q] = poolOf('maxPool', x, window as PerDim, options as AnyOptions)
  return prim.maxPool(t, q)
}

/**
 * Mean of each window, as `maxPool` takes its largest. `countIncludePad` (true when absent) counts padding as zeros, as in
 * PyTorch and Flax; false: the mean of the elements that are there.
 *
 * @example
 * const y = avgPool(ones([8, 32, 32, 16]), 2) // [8, 16, 16, 16]
 */
export function avgPool<
  X extends AnyTensor,
  const K extends PerDim,
  const S extends PerDim = K,
  const P extends Padding = 'valid',
>(
  x: Param<X, First<[TakesTensor<'avgPool', X, Float>], CheckRank<'avgPool', ShapeOf<X>>>>,
  window: Param<K, Check<'avgPool', X, K, S, P>>,
  options?: Options<'avgPool', X, S, P> & { readonly countIncludePad?: boolean },
): Tensor<Ok<Check<'avgPool', X, K, S, P>>, DTypeOf<X>> {
  const [t, q] = poolOf('avgPool', x, window as PerDim, options as AnyOptions)
  const { taps, axes } = poolWindows(prim.cast(t, 'f32'), q, 0)
  const total = prim.reduceSum(taps, axes)
  const padded = q.padding.some(([low, high]) => low !== 0 || high !== 0)
  const mean =
    padded && options?.countIncludePad === false
      ? prim.div(total, counts(total.aval.shape, t.aval.shape, q))
      : prim.mul(total, prim.like(total, 1 / size(q.window)))
  return prim.cast(mean, t.dtype)
}

interface AnyOptions {
  readonly stride?: PerDim
  readonly padding?: Padding
}
function poolOf(op: string, input: unknown, window: PerDim, options: AnyOptions = {}): [AnyTensor, PoolParams] {
  const x = tensorOf(op, input, FLOAT)
  const spatial = spatialRank(op, x)
  const sizes = x.aval.shape.slice(1, -1)
  const taps = perDim(op, 'window', window, spatial)
  const stride = perDim(op, 'stride', options.stride ?? taps, spatial)
  const padding = windowPadding(op, options.padding ?? 'valid', sizes, taps, stride)
  checkFit(op, x.aval.shape, sizes, taps, padding)
  return [x, { window: taps, stride, padding }]
}

/** How many elements of each window are not padding: in each spatial dim, its end or the dim's less its start or 0. */
const counts = (shape: readonly number[], from: readonly number[], q: PoolParams): AnyTensor =>
  q.window
    .map((window, d) => {
      const i = prim.iota(shape, 1 + d)
      const start = prim.add(prim.mul(i, prim.like(i, q.stride[d])), prim.like(i, -q.padding[d][0]))
      const end = prim.min(prim.add(start, prim.like(i, window)), prim.like(i, from[1 + d]))
      return prim.cast(prim.sub(end, prim.max(start, prim.like(i, 0))), 'f32')
    })
    .reduce((a, b) => prim.mul(a, b))
