import type { DType } from '../ir/types.js'
import type { Tensor } from '../trace/tensor.js'
import type { AnyTensor, Binary, BinaryShape, Common, Operand, TakesTensor } from '../types/operand.js'
import type { Param } from '../types/shape.js'
import { pair, tensorOf } from './operand.js'

/** One tensor of dtypes `C` in, one of the same shape and dtype out. */
export type Unary<Op extends string, C> = <X extends AnyTensor>(x: Param<X, TakesTensor<Op, X, C>>) => X

/** Two operands that broadcast and share a dtype of `C`; one may be a number. */
export type BinaryFn<Op extends string, C> = <const L extends Operand, const R extends Operand>(
  a: L,
  b: Param<R, Binary<Op, L, R, C>>,
) => Tensor<BinaryShape<Op, L, R>, Common<L, R>>

/** The same, with a bool result. */
export type Comparison<Op extends string, C> = <const L extends Operand, const R extends Operand>(
  a: L,
  b: Param<R, Binary<Op, L, R, C>>,
) => Tensor<BinaryShape<Op, L, R>, 'bool'>

export const unary = <Op extends string, C>(
  op: Op,
  dtypes: readonly DType[],
  apply: (x: AnyTensor) => AnyTensor,
): Unary<Op, C> => ((x: unknown) => apply(tensorOf(op, x, dtypes))) as never

export const binary = <Op extends string, C>(
  op: Op,
  dtypes: readonly DType[],
  apply: (a: AnyTensor, b: AnyTensor) => AnyTensor,
): BinaryFn<Op, C> => ((a: Operand, b: Operand) => apply(...pair(op, a, b, dtypes))) as never

export const comparison = binary as unknown as <Op extends string, C>(
  ...args: Parameters<typeof binary<Op, C>>
) => Comparison<Op, C>
