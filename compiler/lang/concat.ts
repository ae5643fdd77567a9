import { sameShape, showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { Concat, Stack } from '../types/concat.js'
import type { AnyTensor, CommonAll, Mixed, ShapesOf } from '../types/operand.js'
import type { Ok, Param } from '../types/shape.js'
import { axisOf } from './axes.js'
import { fail } from './fail.js'
import { joined } from './join.js'
import { promoted } from './operand.js'

/**
 * Joined along `axis` (the first when absent); the other dims agree.
 * Throws FoveaError 'shape' or 'dtype' when they don't.
 *
 * @example
 * const tokens = concat([zeros([2, 1, 8]), ones([2, 196, 8])], 1)
 */
export function concat<const Ts extends readonly AnyTensor[], const A extends number = 0>(
  tensors: Param<Ts, Mixed<'concat', Ts, Concat<ShapesOf<Ts>, A>>>,
  axis?: A,
): Tensor<Ok<Mixed<'concat', Ts, Concat<ShapesOf<Ts>, A>>>, CommonAll<Ts>> {
  return joined('concat', promoted('concat', tensors as readonly unknown[]), axis ?? 0)
}

/**
 * Tensors of one shape along a new axis at `axis` of the result (the first when absent).
 * Throws FoveaError 'shape' or 'dtype' when shapes or dtypes differ.
 *
 * @example
 * const batch = stack([tensor([1, 2]), tensor([3, 4])])
 */
export function stack<const Ts extends readonly AnyTensor[], const A extends number = 0>(
  tensors: Param<Ts, Mixed<'stack', Ts, Stack<ShapesOf<Ts>, A>>>,
  axis?: A,
): Tensor<Ok<Mixed<'stack', Ts, Stack<ShapesOf<Ts>, A>>>, CommonAll<Ts>> {
  const xs = promoted('stack', tensors as readonly unknown[])
  if (!xs.length) fail('shape', 'stack: expected at least one tensor')
  const { shape } = xs[0].aval
  for (const x of xs)
    if (!sameShape(x.aval.shape, shape))
      fail('shape', `stack: shapes differ: ${showShape(shape)} and ${showShape(x.aval.shape)}`)
  const at = axisOf('stack', axis ?? 0, [...shape, axis ?? 0])
  const rows = xs.map((x) => prim.reshape(x, [...shape.slice(0, at), 1, ...shape.slice(at)]))
  return rows.length === 1 ? rows[0] : prim.concat(rows, at)
}
