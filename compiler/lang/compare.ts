import type { DType } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { Broadcast, Broadcast3 } from '../types/broadcast.js'
import type { AnyTensor, Common, DTypeOf, First, Numeric, Operand, ShapeOf, TakesTensor } from '../types/operand.js'
import type { Promotes } from '../types/promote.js'
import type { Ok, Param } from '../types/shape.js'
import { ANY, BOOL, broadcastShapes, constant, expand, NUMERIC, promoted, tensorOf } from './operand.js'
import { type BinaryFn, binary, type Comparison, comparison, type Unary, unary } from './signatures.js'

/** a = b, elementwise with broadcasting; a bool tensor. Operands of any dtype. */
export const equal: Comparison<'equal', DType> = comparison('equal', ANY, prim.eq)
/** a ≠ b. */
export const notEqual: Comparison<'notEqual', DType> = comparison('notEqual', ANY, prim.ne)
/** a < b. */
export const less: Comparison<'less', Numeric> = comparison('less', NUMERIC, prim.lt)
/** a ≤ b. */
export const lessEqual: Comparison<'lessEqual', Numeric> = comparison('lessEqual', NUMERIC, prim.le)
/** a > b. */
export const greater: Comparison<'greater', Numeric> = comparison('greater', NUMERIC, prim.gt)
/** a ≥ b. */
export const greaterEqual: Comparison<'greaterEqual', Numeric> = comparison('greaterEqual', NUMERIC, prim.ge)

/** Both; bool operands, broadcast. */
export const logicalAnd: BinaryFn<'logicalAnd', 'bool'> = binary('logicalAnd', BOOL, prim.and)
/** Either; bool operands, broadcast. */
export const logicalOr: BinaryFn<'logicalOr', 'bool'> = binary('logicalOr', BOOL, prim.or)
/**
 * One of the two but not both; bool operands, broadcast.
 *
 * @example
 * const y = logicalXor(tensor([true, true]), tensor([true, false]))
 */
export const logicalXor: BinaryFn<'logicalXor', 'bool'> = binary('logicalXor', BOOL, prim.xor)
/** Not; a bool operand. */
export const logicalNot: Unary<'logicalNot', 'bool'> = unary('logicalNot', BOOL, prim.not)

type WhereShape<C, A, B> = First<
  [A extends number ? unknown : B extends number ? unknown : Promotes<'where', DTypeOf<A>, DTypeOf<B>>],
  A extends number
    ? B extends number
      ? ShapeOf<C>
      : Broadcast<'where: cannot broadcast', ShapeOf<C>, ShapeOf<B>>
    : B extends number
      ? Broadcast<'where: cannot broadcast', ShapeOf<C>, ShapeOf<A>>
      : Broadcast3<'where: cannot broadcast', ShapeOf<C>, ShapeOf<A>, ShapeOf<B>>
>
type WhereDType<A, B> = A extends number ? (B extends number ? 'f32' : DTypeOf<B>) : Common<A, B>

/**
 * Elements of `a` where `cond` is true, else of `b`; the three broadcast. A number takes the other's dtype, two numbers are f32.
 * Throws FoveaError 'shape' or 'dtype'.
 *
 * @example
 * const y = where(tensor([true, false]), tensor([1, 2]), 0)
 */
export function where<C extends AnyTensor, const A extends Operand, const B extends Operand>(
  cond: Param<C, TakesTensor<'where', C, 'bool'>>,
  a: A,
  b: Param<B, WhereShape<C, A, B>>,
): Tensor<Ok<WhereShape<C, A, B>>, WhereDType<A, B>> {
  const c = tensorOf('where', cond, BOOL)
  const branches = promoted(
    'where',
    [a, b as unknown].filter((t) => typeof t !== 'number'),
  )
  const x = typeof a === 'number' ? undefined : branches[0]
  const y = typeof b === 'number' ? undefined : branches[branches.length - 1]
  const dtype = (x ?? y)?.aval.dtype ?? 'f32'
  let shape = c.aval.shape
  for (const t of [x, y]) if (t) shape = broadcastShapes('where: cannot broadcast', shape, t.aval.shape)
  const branch = (t: AnyTensor | undefined, n: unknown): AnyTensor =>
    t ? expand(t, shape) : constant('where', n as number, shape, dtype)
  return prim.select(expand(c, shape), branch(x, a), branch(y, b))
}
