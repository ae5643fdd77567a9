import type { AxisOf } from './axes.js'
import type { AddDim, EqDim } from './dim.js'
import type { Dim, DynRank, IsAny, Shape, ShapeError, Show, ShowDim, Unknown } from './shape.js'
import type { ExpandDims, Replace } from './views.js'

/** Shapes joined along an axis: its sizes add up, the others agree. */
export type Concat<Ss, X> = Ss extends readonly [infer H, ...infer T]
  ? IsAny<H> extends true
    ? any
    : [Unknown<H>] extends [never]
      ? number extends X
        ? Shape
        : [AxisOf<H, X>] extends [never]
          ? ShapeError<`concat: axis ${X & Dim} is out of range for ${Show<H>}`>
          : ConcatRest<H, T, AxisOf<H, X>>
      : Shape
  : Ss extends readonly []
    ? ShapeError<'concat: expected at least one tensor'>
    : Ss extends readonly (infer E)[]
      ? [Unknown<E>] extends [never]
        ? Replace<E, AxisOf<E, X>, number>
        : Unknown<E>
      : never
type ConcatRest<A, Ss, I> = Ss extends readonly [infer B, ...infer T]
  ? [Unknown<B>] extends [never]
    ? Join<A, B, I, A, B> extends infer R
      ? R extends ShapeError<string>
        ? R
        : ConcatRest<R, T, I>
      : never
    : Unknown<B>
  : A
type Join<A, B, I, FullA, FullB, O extends readonly unknown[] = []> = A extends readonly [infer X, ...infer A1]
  ? B extends readonly [infer Y, ...infer B1]
    ? O['length'] extends I
      ? Join<A1, B1, I, FullA, FullB, [...O, AddDim<X, Y>]>
      : EqDim<X, Y> extends [infer D]
        ? Join<A1, B1, I, FullA, FullB, [...O, D]>
        : ShapeError<`concat: ${Show<FullA>} and ${Show<FullB>} differ in axis ${O['length'] & number}: ${ShowDim<X>} vs ${ShowDim<Y>}`>
    : ShapeError<`concat: ranks differ: ${Show<FullA>} and ${Show<FullB>}`>
  : B extends readonly []
    ? O
    : ShapeError<`concat: ranks differ: ${Show<FullA>} and ${Show<FullB>}`>

/** Equal shapes along a new axis. */
export type Stack<Ss, X> = Ss extends readonly [infer H, ...infer T]
  ? AllSame<H, T> extends infer E extends ShapeError<string>
    ? E
    : ExpandDims<H, X> extends infer R
      ? R extends ShapeError<`expandDims${infer M}`>
        ? ShapeError<`stack${M}`>
        : [AxisOf<R, X>] extends [never]
          ? R
          : Replace<R, AxisOf<R, X>, Ss['length']>
      : never
  : Ss extends readonly []
    ? ShapeError<'stack: expected at least one tensor'>
    : Ss extends readonly (infer E)[]
      ? ExpandDims<E, X> extends infer R
        ? R extends ShapeError<string>
          ? R
          : Replace<R, AxisOf<R, X>, number>
        : never
      : never
type AllSame<A, Ss> = Ss extends readonly [infer B, ...infer T]
  ? true extends DynRank<A> | DynRank<B> | IsAny<A> | IsAny<B>
    ? AllSame<A, T>
    : SameDims<A, B> extends true
      ? AllSame<A, T>
      : ShapeError<`stack: shapes differ: ${Show<A>} and ${Show<B>}`>
  : unknown
type SameDims<A, B> = A extends readonly [infer X, ...infer A1]
  ? B extends readonly [infer Y, ...infer B1]
    ? EqDim<X, Y> extends []
      ? false
      : SameDims<A1, B1>
    : false
  : B extends readonly []
    ? true
    : false
