import type { DType } from '../../compiler/ir/types.js'
import type { Tensor } from '../../compiler/trace/tensor.js'
import type { Shape } from '../../compiler/types/shape.js'

export type Eq<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type ShapeOf<T> = T extends Tensor<infer S, any> ? S : never

/** Asserts the shape of a tensor's type: `is<[2, 3]>()(x)`. */
export const is =
  <S extends Shape, D extends DType = 'f32'>() =>
  <T>(_x: T, ..._why: Eq<T, Tensor<S, D>> extends true ? [] : [{ expected: S; got: ShapeOf<T> }]): void => {}

export type F<S extends Shape> = Tensor<S, 'f32'>
