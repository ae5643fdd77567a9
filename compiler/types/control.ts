import type { Tensor } from '../trace/tensor.js'
import type { Eq, EqDim } from './dim.js'
import type { DTypeOf, ShapeOf } from './operand.js'
import type { Dim, DynRank, IsAny, IsDyn, ShapeError, Show } from './shape.js'
import type { Batched } from './vmap.js'

type AnyFunction = (...args: never[]) => unknown

/** A tensor as errors show it: f32[2, 3]. */
type ShowTensor<T> = `${DTypeOf<T> & string}${Show<ShapeOf<T>>}`
/** What stands at a place of a tree. */
type ShowNode<T> =
  T extends Tensor<any, any>
    ? ShowTensor<T>
    : T extends readonly unknown[]
      ? `a list of ${T['length']}`
      : T extends string
        ? `'${T}'`
        : T extends number | boolean | null | undefined
          ? `${T}`
          : 'an object'

/** Whether two shapes may be one: sizes not known before tracing fit any. */
type SameShape<S, T> = true extends IsAny<S> | IsAny<T> | DynRank<S> | DynRank<T>
  ? true
  : S extends readonly [infer H, ...infer R]
    ? T extends readonly [infer G, ...infer Q]
      ? EqDim<H, G> extends []
        ? false
        : SameShape<R, Q>
      : false
    : T extends readonly []
      ? true
      : false
type SameDType<D, E> = true extends IsAny<D> | IsAny<E> ? true : [D] extends [E] ? true : [E] extends [D] ? true : false

/** After another error nothing is known of a body's result. */
type IsUnknown<T> = unknown extends T ? true : false

/** Where two trees differ: [path, the first's, the second's]; never where they agree. */
export type Difference<E, G, Path extends string = ''> = true extends IsAny<E> | IsAny<G> | IsUnknown<G>
  ? never
  : Eq<E, G> extends true
    ? never
    : E extends Tensor<infer S, infer D>
      ? G extends Tensor<infer T, infer F>
        ? SameShape<S, T> extends true
          ? SameDType<D, F> extends true
            ? never
            : [Path, ShowNode<E>, ShowNode<G>]
          : [Path, ShowNode<E>, ShowNode<G>]
        : [Path, ShowNode<E>, ShowNode<G>]
      : G extends Tensor<any, any>
        ? [Path, ShowNode<E>, ShowNode<G>]
        : E extends readonly unknown[]
          ? G extends readonly unknown[]
            ? number extends E['length'] | G['length']
              ? Difference<E[number], G[number], Below<Path, 'n'>>
              : E['length'] extends G['length']
                ? { [K in keyof E]: Difference<E[K], G[K & keyof G], Below<Path, K>> }[number]
                : [Path, ShowNode<E>, ShowNode<G>]
            : [Path, ShowNode<E>, ShowNode<G>]
          : E extends object
            ? G extends readonly unknown[]
              ? [Path, ShowNode<E>, ShowNode<G>]
              : G extends object
                ? InKeys<E, G, Path>
                : [Path, ShowNode<E>, ShowNode<G>]
            : G extends E
              ? never
              : E extends G
                ? never
                : [Path, ShowNode<E>, ShowNode<G>]
type Below<Path extends string, K> = Path extends '' ? `${K & (string | number)}` : `${Path}.${K & (string | number)}`
type InKeys<E, G, Path extends string> =
  | {
      [K in keyof E]-?: K extends keyof G
        ? Difference<E[K], G[K], Below<Path, K>>
        : [Below<Path, K>, ShowNode<E[K]>, 'nothing']
    }[keyof E]
  | { [K in Exclude<keyof G, keyof E>]: [Below<Path, K>, 'nothing', ShowNode<G[K]>] }[Exclude<keyof G, keyof E>]

type At<Path> = Path extends '' ? '' : ` '${Path & string}'`

/** unknown, or the error of a body that gives another carry than it takes. */
export type SameCarry<Op extends string, C, R> =
  Difference<C, R> extends infer Found
    ? [Found] extends [never]
      ? unknown
      : Found extends [infer Path, infer E extends string, infer G extends string]
        ? ShapeError<`${Op}: carry${At<Path>} must stay ${E}, got ${G}`>
        : unknown
    : unknown

/** unknown, or the error of branches whose results differ. */
export type SameResults<Op extends string, R, Q> =
  Difference<R, Q> extends infer Found
    ? [Found] extends [never]
      ? unknown
      : Found extends [infer Path, infer E extends string, infer G extends string]
        ? ShapeError<`${Op}: branches differ${Path extends '' ? '' : ` in '${Path & string}'`}: ${E} vs ${G}`>
        : unknown
    : unknown

/** unknown, or the error of what must be a scalar of a dtype. */
export type IsScalar<What extends string, T, D extends string> =
  IsAny<T> extends true
    ? unknown
    : Difference<Tensor<[], D extends 'i32' ? 'i32' : 'bool'>, T> extends infer Found
      ? [Found] extends [never]
        ? unknown
        : ShapeError<`${What} ${D} scalar, got ${ShowNode<T>}`>
      : unknown

/** Leading dims of a tree's tensors, as a list of [dim]; 'scalar' where there is none. */
type LeadingDims<T> =
  IsAny<T> extends true
    ? never
    : T extends Tensor<infer S, any>
      ? true extends IsAny<S> | DynRank<S>
        ? never
        : S extends readonly [infer N, ...any[]]
          ? IsDyn<N> extends true
            ? never
            : N
          : `${ShowTensor<T>}`
      : T extends AnyFunction
        ? never
        : T extends object
          ? { [K in keyof T]: LeadingDims<T[K]> }[T extends readonly unknown[] ? number & keyof T : keyof T]
          : never

type IsUnion<T, U = T> = T extends unknown ? ([U] extends [T] ? false : true) : never
type Scalars<L> = Extract<L, `${string}[]`>
/** The dim that steps go over: of xs, or `length`. */
export type StepCount<X, N> = [LeadingDims<X>] extends [never]
  ? [N] extends [number]
    ? N
    : number
  : Exclude<LeadingDims<X>, Scalars<LeadingDims<X>>> & Dim

/** unknown, or the error of xs that steps can't go over. */
export type HasSteps<Op extends string, X, N = undefined> =
  IsAny<X> extends true
    ? unknown
    : LeadingDims<X> extends infer L
      ? [L] extends [never]
        ? X extends null | undefined
          ? [N] extends [number]
            ? unknown
            : ShapeError<`${Op}: expected xs or length`>
          : unknown
        : [Scalars<L>] extends [never]
          ? IsUnion<L> extends true
            ? ShapeError<`${Op}: leading dims of xs differ`>
            : [N] extends [number]
              ? EqDim<L, N> extends []
                ? ShapeError<`${Op}: length is ${N}, but xs have leading dim ${L & Dim}`>
                : unknown
              : unknown
          : ShapeError<`${Op}: xs must have a leading axis, got ${Scalars<L> & string}`>
      : unknown

/** Stacked results of steps. */
export type Stacked<Y, N> = Batched<Y, N & Dim>
/** One step's slice of every tensor of a tree. */
export type Slice<T> =
  T extends Tensor<infer S, infer D>
    ? Tensor<S extends readonly [any, ...infer R] ? R : any, D>
    : T extends AnyFunction
      ? T
      : T extends object
        ? { [K in keyof T]: Slice<T[K]> }
        : T

/** The shape with sizes along axis `A` unknown: what is combined may be part of it. */
type AnySize<S, A> = S extends readonly unknown[]
  ? A extends 0
    ? S extends readonly [any, ...infer R]
      ? [number, ...R]
      : any
    : { [K in keyof S]: number }
  : any
/** A tree whose tensors have unknown sizes along axis `A`. */
export type Part<T, A> =
  T extends Tensor<infer S, infer D>
    ? Tensor<AnySize<S, A>, D>
    : T extends object
      ? { [K in keyof T]: Part<T[K], A> }
      : T

/** unknown, or the error of what can't be a loop's bound. */
export type CheckBound<B> =
  IsAny<B> extends true
    ? unknown
    : B extends number
      ? `${B}` extends `${string}.${string}`
        ? ShapeError<`foriLoop: bounds must be whole numbers or i32 scalars, got ${B}`>
        : unknown
      : [Difference<Tensor<[], 'i32'>, B>] extends [never]
        ? unknown
        : ShapeError<`foriLoop: bounds must be whole numbers or i32 scalars, got ${ShowNode<B>}`>
