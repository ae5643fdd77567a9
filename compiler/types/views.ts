import type { Axes, DropAxes, DynAxis, List } from './axes.js'
import type { Eq, EqDim } from './dim.js'
import type { IsDyn, Shape, ShapeError, Show, ShowDim, Unknown } from './shape.js'

/** Axes in the order `P`; reversed when absent. */
export type Transpose<S, P> = [Unknown<S>] extends [never]
  ? [P] extends [undefined]
    ? Reversed<S>
    : DynAxis<P> extends true
      ? { [K in keyof S]: number }
      : P extends readonly unknown[]
        ? S extends readonly unknown[]
          ? Eq<P['length'], S['length']> extends true
            ? Axes<'transpose', S, P> extends infer A
              ? A extends ShapeError<string>
                ? A
                : Permute<S, A>
              : never
            : ShapeError<`transpose: permutation ${Show<P>} must name the ${S['length']} axes of ${Show<S>}`>
          : never
        : never
  : Unknown<S>
type Reversed<S, O extends readonly unknown[] = []> = S extends readonly [infer H, ...infer T]
  ? Reversed<T, [H, ...O]>
  : O
type Permute<S, P, O extends readonly unknown[] = []> = P extends readonly [infer I, ...infer T]
  ? Permute<S, T, [...O, S[`${I & number}` & keyof S]]>
  : O

/** Dims of size 1 inserted so that they are at `X` in the result. */
export type ExpandDims<S, X> = [Unknown<S>] extends [never]
  ? DynAxis<X> extends true
    ? Shape
    : S extends readonly unknown[]
      ? List<X> extends infer L extends readonly unknown[]
        ? Axes<'expandDims', [...S, ...L], L> extends infer A
          ? A extends ShapeError<string>
            ? A
            : Insert<S, A[number & keyof A], [...S, ...L]>
          : never
        : never
      : never
  : Unknown<S>
type Insert<S, At, Room, C extends unknown[] = [], O extends readonly unknown[] = []> = Room extends readonly [
  unknown,
  ...infer R,
]
  ? C['length'] extends At
    ? Insert<S, At, R, [...C, 0], [...O, 1]>
    : S extends readonly [infer H, ...infer T]
      ? Insert<T, At, R, [...C, 0], [...O, H]>
      : O
  : O

/** Without the dims of size 1 at `X`; all of them when absent, which is unknown when the shape has names. */
export type Squeeze<S, X> = [Unknown<S>] extends [never]
  ? [X] extends [undefined]
    ? AllNumbers<S> extends true
      ? Without1<S>
      : Shape
    : DynAxis<X> extends true
      ? Shape
      : Axes<'squeeze', S, List<X>> extends infer A
        ? A extends ShapeError<string>
          ? A
          : Not1<S, A> extends infer E extends ShapeError<string>
            ? E
            : DropAxes<S, A[number & keyof A]>
        : never
  : Unknown<S>
type AllNumbers<S> = S extends readonly [infer H, ...infer T]
  ? IsDyn<H> extends true
    ? false
    : H extends number
      ? AllNumbers<T>
      : false
  : true
type Without1<S, O extends readonly unknown[] = []> = S extends readonly [infer H, ...infer T]
  ? Without1<T, H extends 1 ? O : [...O, H]>
  : O
type Not1<S, A> = A extends readonly [infer I, ...infer T]
  ? S[`${I & number}` & keyof S] extends infer D
    ? Eq<D, 1> extends true
      ? Not1<S, T>
      : IsDyn<D> extends true
        ? Not1<S, T>
        : ShapeError<`squeeze: axis ${I & number} of ${Show<S>} is ${ShowDim<D>}, not 1`>
    : never
  : unknown

/** `S` with `V` in place of dim `I`. */
export type Replace<S, I, V> = { [K in keyof S]: K extends `${I & number}` ? V : S[K] }

/** `N` itself when it may be the shape of a tensor whose shape is known as `S`. */
export type EnsureShape<S, N> = [Unknown<S>] extends [never]
  ? Compatible<S, N> extends true
    ? N
    : ShapeError<`ensureShape: expected ${Show<N>}, got ${Show<S>}`>
  : N
type Compatible<S, N> = S extends readonly [infer X, ...infer S1]
  ? N extends readonly [infer Y, ...infer N1]
    ? X | Y extends number
      ? EqDim<X, Y> extends []
        ? false
        : Compatible<S1, N1>
      : Compatible<S1, N1>
    : false
  : N extends readonly []
    ? true
    : false
