import type { Count } from './arrange.js'
import type { Axes, List } from './axes.js'
import type { EqDim, MulDim } from './dim.js'
import type { DotGeneral } from './matmul.js'
import type { Dim, Shape, ShapeError, Show, ShowDim, Unknown } from './shape.js'

/** All pairs of elements. */
export type Outer<A, B> = [Unknown<A, B>] extends [never] ? [Count<A>, Count<B>] : [number, number]

type Mismatch<
  Op extends string,
  A,
  B,
  X,
  Y,
> = ShapeError<`${Op}: inner dims differ: ${ShowDim<X>} vs ${ShowDim<Y>} in ${Show<A>} x ${Show<B>}`>
/** Sums over the last axis of both. */
export type Inner<A, B> = [Unknown<A, B>] extends [never]
  ? A extends readonly [...infer A1, infer X]
    ? B extends readonly [...infer B1, infer Y]
      ? EqDim<X, Y> extends []
        ? Mismatch<'inner', A, B, X, Y>
        : [...A1, ...B1]
      : A
    : B
  : Unknown<A, B>
/** Sums over the last axis of the left and the last but one of the right, the only one of a vector. */
export type Dot<A, B> = [Unknown<A, B>] extends [never]
  ? A extends readonly [...infer A1, infer X]
    ? B extends readonly [infer Y]
      ? EqDim<X, Y> extends []
        ? Mismatch<'dot', A, B, X, Y>
        : A1
      : B extends readonly [...infer B1, infer Y, infer Z]
        ? EqDim<X, Y> extends []
          ? Mismatch<'dot', A, B, X, Y>
          : [...A1, ...B1, Z]
        : A
    : B
  : Unknown<A, B>
/** Of all elements in order. */
export type VDot<A, B> = [Unknown<A, B>] extends [never]
  ? EqDim<Count<A>, Count<B>> extends []
    ? ShapeError<`vdot: sizes differ: ${ShowDim<Count<A>>} vs ${ShowDim<Count<B>>}`>
    : []
  : []

type Named<R> = R extends ShapeError<`dotGeneral${infer M}`> ? ShapeError<`tensordot${M}`> : R
/** The last `N` axes of the left with the first of the right, or pairs of axes. */
export type TensorDot<A, B, X> = [Unknown<A, B>] extends [never]
  ? number extends X
    ? Shape
    : X extends number
      ? [Trailing<A, X>] extends [never]
        ? ShapeError<`tensordot: ${X & Dim} axes are more than ${Show<A>} has`>
        : Over<A, B, Trailing<A, X>, Count0<X>>
      : X extends readonly [infer L, infer R]
        ? Axes<'tensordot', A, List<L>> extends infer LA
          ? LA extends ShapeError<string>
            ? LA
            : Axes<'tensordot', B, List<R>> extends infer RA
              ? RA extends ShapeError<string>
                ? RA
                : Over<A, B, LA, RA>
              : never
          : never
        : Shape
  : Unknown<A, B>
type Over<A, B, L, R> = Named<DotGeneral<A, B, { lhsContract: L; rhsContract: R; lhsBatch: []; rhsBatch: [] }>>
/** 0 … N - 1 */
type Count0<N, O extends unknown[] = []> = O['length'] extends N ? O : Count0<N, [...O, O['length']]>
type Positions<S, O extends unknown[] = []> = S extends readonly [unknown, ...infer T]
  ? Positions<T, [...O, O['length']]>
  : O
/** The numbers of the last N axes. */
type Trailing<S, N, P = Positions<S>, O extends unknown[] = []> = O['length'] extends N
  ? O
  : P extends [...infer P1, infer L]
    ? Trailing<S, N, P1, [L, ...O]>
    : never

/** Every element of the left times the whole right: dims multiply, aligned at the right. */
export type Kron<A, B> = [Unknown<A, B>] extends [never] ? KronDims<A, B> : Unknown<A, B>
type KronDims<A, B, O extends readonly unknown[] = []> = A extends readonly [...infer A1, infer X]
  ? B extends readonly [...infer B1, infer Y]
    ? KronDims<A1, B1, [MulDim<X, Y>, ...O]>
    : [...A, ...O]
  : B extends readonly unknown[]
    ? [...B, ...O]
    : never
