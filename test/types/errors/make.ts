import type { Aval, DType } from '../../../compiler/ir/types.js'
import { inputTensor, type Tensor } from '../../../compiler/trace/tensor.js'
import type { Dim } from '../../../compiler/types/shape.js'

/** Sizes that names stand for when the cases run. */
export const sizes: Readonly<Record<string, number>> = { B: 7, T: 11, S: 13, D: 17, V: 19 }

/** A placeholder of a shape and dtype. */
const of =
  <D extends DType>(dtype: D) =>
  <const S extends readonly Dim[]>(...shape: S): Tensor<[...S], D> => {
    const aval: Aval = { shape: shape.map((d) => (typeof d === 'string' ? sizes[d] : d)), dtype }
    return inputTensor(aval, 'x')
  }
export const f32 = of('f32')
export const i32 = of('i32')
export const u32 = of('u32')
export const f16 = of('f16')
export const bf16 = of('bf16')
export const i8 = of('i8')
export const u8 = of('u8')
export const bool = of('bool')
