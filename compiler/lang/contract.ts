import { showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { DotGeneral, MatMul } from '../types/matmul.js'
import type { AnyTensor, Common, DTypeOf, First, Float, SameDType, ShapeOf, Takes } from '../types/operand.js'
import type { Promote, Promotes } from '../types/promote.js'
import type { Ok, Param } from '../types/shape.js'
import { fail } from './fail.js'
import { broadcastShapes, expand, FLOAT, promoted, tensorOf, tensorsOf } from './operand.js'
import { checkPairs } from './pairs.js'

type Floats<Op extends string, A, B, R> = First<
  [SameDType<Op, DTypeOf<A>, DTypeOf<B>>, Takes<Op, DTypeOf<A>, Float>],
  R
>
export type Mixing<Op extends string, A, B, R> = First<
  [Promotes<Op, DTypeOf<A>, DTypeOf<B>>, Takes<Op, Promote<DTypeOf<A>, DTypeOf<B>>, Float>],
  R
>
const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)

/**
 * Matrix product of the last two dims: [...batch, m, k] × [...batch, k, n] → [...batch, m, n]. Batch dims broadcast. Floats of any dtype; sums are f32, rounded once.
 * Throws FoveaError 'shape' when inner or batch dims differ or an operand has rank below 2.
 *
 * @example
 * const y = matmul(ones([8, 512]), ones([512, 64]))
 */
export function matmul<A extends AnyTensor, B extends AnyTensor>(
  a: A,
  b: Param<B, Mixing<'matmul', A, B, MatMul<ShapeOf<A>, ShapeOf<B>>>>,
): Tensor<Ok<Mixing<'matmul', A, B, MatMul<ShapeOf<A>, ShapeOf<B>>>>, Common<A, B>> {
  const [x, y] = promoted('matmul', [a, b], FLOAT)
  const [s, t] = [x.aval.shape, y.aval.shape]
  if (s.length < 2) fail('shape', `matmul: left operand must have rank >= 2, got ${showShape(s)}`)
  if (t.length < 2) fail('shape', `matmul: right operand must have rank >= 2, got ${showShape(t)}`)
  const [m, k, k2, n] = [...s.slice(-2), ...t.slice(-2)]
  if (k !== k2) fail('shape', `matmul: inner dims differ: ${k} vs ${k2} in ${showShape(s)} x ${showShape(t)}`)
  const batch = broadcastShapes('matmul: cannot broadcast batch dims', s.slice(0, -2), t.slice(0, -2))
  // Without batch dims on the right the left's are rows like any other.
  if (t.length === 2) {
    return prim.dotGeneral(x, y, { lhsContract: [s.length - 1], rhsContract: [0], lhsBatch: [], rhsBatch: [] })
  }
  const dims = range(batch.length)
  return prim.dotGeneral(expand(x, [...batch, m, k]), expand(y, [...batch, k, n]), {
    lhsContract: [batch.length + 1],
    rhsContract: [batch.length],
    lhsBatch: dims,
    rhsBatch: dims,
  })
}

/**
 * lax.dot_general: the sum of products over the contracting axes for each batch index. The result's dims are the batch,
 * what is left of `a`, what is left of `b`. Both of one float dtype; sums are f32, rounded once.
 * Throws FoveaError 'shape' when paired dims differ.
 */
export function dotGeneral<A extends AnyTensor, B extends AnyTensor, const X extends prim.DotDims>(
  a: A,
  b: Param<B, Floats<'dotGeneral', A, B, DotGeneral<ShapeOf<A>, ShapeOf<B>, X>>>,
  axes: X,
): Tensor<Ok<Floats<'dotGeneral', A, B, DotGeneral<ShapeOf<A>, ShapeOf<B>, X>>>, DTypeOf<A>> {
  const [x, y] = tensorsOf('dotGeneral', [a, b])
  tensorOf('dotGeneral', x, FLOAT)
  checkPairs('dotGeneral', 'contracting', x, y, axes.lhsContract, axes.rhsContract)
  checkPairs('dotGeneral', 'batch', x, y, axes.lhsBatch, axes.rhsBatch)
  return prim.dotGeneral(x, y, axes)
}
