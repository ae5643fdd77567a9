import type { DType } from '../ir/types.js'
import type { Tensor } from '../trace/tensor.js'
import type { Broadcast } from './broadcast.js'
import type { Eq } from './dim.js'
import type { IsAny, Ok, ShapeError } from './shape.js'

export type AnyTensor = Tensor<any, any>
/** A tensor, or a number that takes the other operand's dtype. */
export type Operand = AnyTensor | number

export type ShapeOf<T> = IsAny<T> extends true ? any : [T] extends [Tensor<infer S, any>] ? S : []
export type DTypeOf<T> = IsAny<T> extends true ? any : [T] extends [Tensor<any, infer D>] ? D : DType
export type ShapesOf<Ts> = { [K in keyof Ts]: ShapeOf<Ts[K]> }

// Which dtypes an op takes, and how the error names them.
export type Float = 'f32'
export type Numeric = 'f32' | 'i32' | 'u32'
export type Signed = 'f32' | 'i32'
export type Integer = 'i32' | 'u32'
type ClassName<C> = [Numeric] extends [C]
  ? 'f32, i32 or u32'
  : [Signed] extends [C]
    ? 'f32 or i32'
    : [Integer] extends [C]
      ? 'i32 or u32'
      : C & string

type IsUnion<D, U = D> = D extends unknown ? ([U] extends [D] ? false : true) : never
/** A dtype that is `any` or a union is not known before tracing. */
type DynDType<D> = IsAny<D> extends true ? true : IsUnion<D> extends false ? false : true

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
          [SameDType<Op, DTypeOf<L>, DTypeOf<R>>, Takes<Op, DTypeOf<L>, C>],
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
/** The dtype two operands share; any when they differ (an error was given). */
export type Common<L, R> = true extends IsAny<L> | IsAny<R>
  ? any
  : L extends number
    ? DTypeOf<R>
    : R extends number
      ? DTypeOf<L>
      : [SameDType<'', DTypeOf<L>, DTypeOf<R>>] extends [ShapeError<string>]
        ? any
        : DTypeOf<L>

/** `R`, or the first error of a list of tensors that must share one dtype, of `C` when given. */
export type Mixed<Op extends string, Ts, R, C = DType> = Ts extends readonly [infer H, ...infer T]
  ? AllSame<Op, DTypeOf<H>, T> extends infer E extends ShapeError<string>
    ? E
    : First<[Takes<Op, DTypeOf<H>, C>], R>
  : R
type AllSame<Op extends string, D, Ts> = Ts extends readonly [infer H, ...infer T]
  ? SameDType<Op, D, DTypeOf<H>> extends infer E extends ShapeError<string>
    ? E
    : AllSame<Op, D, T>
  : null
export type CommonAll<Ts> = Ts extends readonly [infer H, ...infer T]
  ? AllSame<'', DTypeOf<H>, T> extends ShapeError<string>
    ? any
    : DTypeOf<H>
  : Ts extends readonly (infer E)[]
    ? DTypeOf<E>
    : DType
