import type { Eq } from './dim.js'

/** One dim of a shape: a literal size, a name ('B', '8*B', 'T+1'), or plain `number` when nothing is known before tracing. */
export type Dim = number | string
export type Shape = readonly Dim[]

declare const sentence: unique symbol
/** What a wrong call's argument must be: no value is, so the compiler prints this type, whose text is the error. */
export interface ShapeError<Message extends string> {
  readonly [sentence]: Message
}
/** A parameter of type `P` that turns into the error when the check `R` fails: the error shows at the offending argument. */
export type Param<P, R> = IsAny<R> extends true ? P : [R] extends [ShapeError<infer M>] ? ShapeError<M> : P
/** A computed shape, or `any` after an error: `any` fits everywhere, so one mistake gives one message. */
export type Ok<R> = [R] extends [ShapeError<string>] ? any : R

export type IsAny<T> = 0 extends 1 & T ? true : false
/** True when even the rank is not known before tracing. */
export type DynRank<S> = S extends readonly unknown[] ? (number extends S['length'] ? true : false) : true
/** The result when an operand's shape is `any` (an earlier error) or of unknown rank; `never` when all is known. */
export type Unknown<A, B = []> = true extends IsAny<A> | IsAny<B>
  ? any
  : true extends DynRank<A> | DynRank<B>
    ? Shape
    : never

/** True when the dim's size is not known before tracing. */
export type IsDyn<D> =
  IsAny<D> extends true
    ? true
    : Eq<D, number> extends true
      ? true
      : Eq<D, Dim> extends true
        ? true
        : Eq<D, string> extends true
          ? true
          : false

// How dims and shapes read in errors: like the runtime's showShape, '?' for what is unknown.
export type ShowDim<D> = IsDyn<D> extends true ? '?' : `${D & Dim}`
type Join<S> = S extends readonly [infer H]
  ? ShowDim<H>
  : S extends readonly [infer H, ...infer T]
    ? `${ShowDim<H>}, ${Join<T>}`
    : ''
export type Show<S> = DynRank<S> extends true ? '[...?]' : `[${Join<S>}]`
