import type { DType } from '../ir/types.js'
import type { Tensor } from '../trace/tensor.js'
import type { Broadcast } from './broadcast.js'
import type { Eq } from './dim.js'
import type { DynDType, Promote, Promotes } from './promote.js'
import type { IsAny, Ok, ShapeError } from './shape.js'

export type AnyTensor = Tensor<any, any>
/** A tensor, or a number that takes the other operand's dtype. */
export type Operand = AnyTensor | number

export type ShapeOf<T> = IsAny<T> extends true ? any : [T] extends [Tensor<infer S, any>] ? S : []
export type DTypeOf<T> = IsAny<T> extends true ? any : [T] extends [Tensor<any, infer D>] ? D : DType
export type ShapesOf<Ts> = { [K in keyof Ts]: ShapeOf<Ts[K]> }

// Which dtypes an op takes, and how the error names them.
export type Float = 'f32' | 'f16' | 'bf16'
export type Integer = 'i32' | 'u32' | 'i8' | 'u8'
export type Numeric = Float | Integer
export type Signed = Float | 'i32' | 'i8'
/** Integers of 32 bits. */
export type Word = 'i32' | 'u32'
type ClassName<C> = [Numeric] extends [C]
  ? 'a number'
  : [Signed] extends [C]
    ? 'a signed number'
    : [Float] extends [C]
      ? 'a float'
      : [Integer] extends [C]
        ? 'an integer'
        : [Word] extends [C]
          ? 'i32 or u32'
          : C & string

/** unknown, or the error of an operand whose dtype the op does not take. */
export type Takes<Op extends string, D, C> =
  DynDType<D> extends true
    ? unknown
    : [D] extends [C]
      ? unknown
      : ShapeError<`${Op}: expected ${ClassName<C>}, got ${D & string}; cast it first`>
export type TakesTensor<Op extends string, X, C> = Takes<Op, DTypeOf<X>, C>
/** unknown, or the error of two dtypes that differ. */
export type SameDType<Op extends string, D, E> = true extends DynDType<D> | DynDType<E>
  ? unknown
  : [D, E] extends [E, D]
    ? unknown
    : ShapeError<`${Op}: dtypes differ: ${D & string} vs ${E & string}; cast one of them`>

/** The first error of a list of checks, or `R`. */
export type First<Checks, R> = Checks extends readonly [infer H, ...infer T]
  ? IsAny<H> extends true
    ? First<T, R>
    : [H] extends [ShapeError<string>]
      ? H
      : First<T, R>
  : R

/** unknown, or the error of a binary elementwise op over dtypes `C`. */
export type Binary<Op extends string, L, R, C> = true extends IsAny<L> | IsAny<R>
  ? unknown
  : L extends number
    ? R extends number
      ? ShapeError<`${Op}: expected at least one tensor, got two numbers`>
      : Takes<Op, DTypeOf<R>, C>
    : R extends number
      ? Takes<Op, DTypeOf<L>, C>
      : First<
          [Promotes<Op, DTypeOf<L>, DTypeOf<R>>, Takes<Op, Promote<DTypeOf<L>, DTypeOf<R>>, C>],
          Eq<ShapeOf<L>, ShapeOf<R>> extends true
            ? unknown
            : Broadcast<`${Op}: cannot broadcast`, ShapeOf<L>, ShapeOf<R>>
        >
/** The shape of its result. Equal shapes and numbers are told apart first: that decides on type parameters too. */
export type BinaryShape<Op extends string, L, R> = true extends IsAny<L> | IsAny<R>
  ? any
  : L extends number
    ? R extends number
      ? any
      : ShapeOf<R>
    : R extends number
      ? ShapeOf<L>
      : Eq<ShapeOf<L>, ShapeOf<R>> extends true
        ? ShapeOf<L>
        : Ok<Broadcast<`${Op}: cannot broadcast`, ShapeOf<L>, ShapeOf<R>>>
/** The dtype of two operands together. */
export type Common<L, R> = true extends IsAny<L> | IsAny<R>
  ? any
  : L extends number
    ? DTypeOf<R>
    : R extends number
      ? DTypeOf<L>
      : Promote<DTypeOf<L>, DTypeOf<R>>

/** `R`, or the first error of a list of tensors that promote to one dtype, of `C` when given. */
export type Mixed<Op extends string, Ts, R, C = DType> =
  PromoteAll<Op, Ts> extends infer D
    ? IsAny<D> extends true
      ? R
      : D extends ShapeError<string>
        ? D
        : First<[Takes<Op, D, C>], R>
    : never
/** The dtype of a list of tensors together, or the error where two have none in common; never for an empty list. */
type PromoteAll<Op extends string, Ts> = Ts extends readonly [infer H, ...infer T]
  ? Fold<Op, DTypeOf<H>, T>
  : Ts extends readonly []
    ? DType
    : Ts extends readonly (infer E)[]
      ? DTypeOf<E>
      : DType
type Fold<Op extends string, D, Ts> = Ts extends readonly [infer H, ...infer T]
  ? Promotes<Op, D, DTypeOf<H>> extends infer E extends ShapeError<string>
    ? E
    : Fold<Op, Promote<D, DTypeOf<H>>, T>
  : D
export type CommonAll<Ts> = Ok<PromoteAll<'', Ts>>
