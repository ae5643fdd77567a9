import { size } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import { FoveaError } from '../trace/error.js'
import { where } from '../trace/source.js'
import type { Tensor } from '../trace/tensor.js'
import type { Axis } from '../types/axes.js'
import type { AnyTensor, DTypeOf, First, Float, ShapeOf, TakesTensor } from '../types/operand.js'
import type { NonEmpty, Reduce } from '../types/reduce.js'
import type { Ok, Param } from '../types/shape.js'
import { along } from './along.js'
import { isNaN as isNan } from './classify.js'
import { count, type Selection, selection } from './fold.js'
import { FLOAT } from './operand.js'

/** Between the two elements in order that are nearest to place q · (n - 1), in proportion (NumPy's 'linear'); NaN where there is one. */
function quantileOver(x: AnyTensor, axes: readonly number[], q: number): AnyTensor {
  if (!axes.length) return x
  const rest = x.aval.shape.map((_, d) => d).filter((d) => !axes.includes(d))
  const shape = rest.map((d) => x.aval.shape[d])
  const [lines, n] = [size(shape), count(x, axes)]
  const rows = prim.reshape(prim.transpose(x, [...rest, ...axes]), [lines, n])
  const order = prim.argsort(rows, 1)
  const at = (i: number): AnyTensor => along(rows, prim.slice(order, [0, i], [lines, i + 1]), 1)
  const place = q * (n - 1)
  const low = Math.floor(place)
  const share = place - low
  const part = (y: AnyTensor, by: number): AnyTensor => prim.mul(y, prim.like(y, by))
  // An element alone is not weighed: it may be infinite.
  const value = share === 0 ? at(low) : prim.add(part(at(low), 1 - share), part(at(low + 1), share))
  // NaN is the last in order.
  const y = prim.select(isNan(at(n - 1)), prim.like(value, Number.NaN), value)
  return prim.reshape(y, shape)
}

/** A quantile of a line, of which `most` is the last. */
type Quantile<Op extends string> = <
  X extends AnyTensor,
  const A extends Axis | undefined = undefined,
  const K extends boolean = false,
>(
  x: Param<X, First<[TakesTensor<Op, X, Float>], NonEmpty<Op, ShapeOf<X>, A>>>,
  q: number,
  axis?: Param<A, Reduce<Op, ShapeOf<X>, A, K>>,
  options?: { readonly keepdims?: K },
) => Tensor<Ok<Reduce<Op, ShapeOf<X>, A, K>>, DTypeOf<X>>

const quantileOf =
  (op: string, most: number): any =>
  (x: unknown, q: number, axis?: Axis, options: { keepdims?: boolean } = {}) => {
    if (!(q >= 0 && q <= most))
      throw new FoveaError('input', `${op}: expected a number from 0 to ${most}, got ${q}`, where()())
    return selection(op, FLOAT, (t, axes) => quantileOver(t, axes, q / most))(x, axis, options)
  }

/**
 * The middle element in order, or the mean of the two; NaN where there is one (jnp.median). See `max` for axes and errors.
 *
 * @example
 * console.log(await median(tensor([[3, 1, 2], [9, 4, 5]]), 1).data()) // Float32Array(2) [ 2, 5 ]
 */
export const median: Selection<'median', Float> = selection('median', FLOAT, (x, axes) => quantileOver(x, axes, 0.5))

/**
 * The value below which a share `q`, 0 to 1, of the elements is: between the two nearest to place q · (n - 1) in order, in proportion
 * (jnp.quantile, method 'linear'); NaN where there is one. `q` is a number, known when the function is traced. Has derivatives by `x`.
 * Throws FoveaError 'input' for another `q`; see `max` for axes and other errors.
 *
 * @example
 * console.log(await quantile(tensor([4, 1, 3, 2]), 0.5).item()) // 2.5
 */
export const quantile: Quantile<'quantile'> = quantileOf('quantile', 1)

/**
 * `quantile` of `q` in percent, 0 to 100 (jnp.percentile).
 *
 * @example
 * const high = percentile(tensor([[1, 2, 3], [4, 5, 6]]), 90, 1)
 */
export const percentile: Quantile<'percentile'> = quantileOf('percentile', 100)
