import type { Add, DivMod, Mul, Sub } from './arith.js'
import type { Eq } from './dim.js'
import type { IsAny, IsDyn, ShapeError, Show, ShowDim, Unknown } from './shape.js'

/** One number for all spatial dims, or one for each. */
export type PerDim = number | readonly number[]
/** 'same': the result has ⌈size / stride⌉ places; 'valid': none; or [before, after] for each spatial dim, negative to crop. */
export type Padding = 'same' | 'valid' | readonly (readonly [before: number, after: number])[]

/** unknown, or the error of an option that is not one number or one for each of the spatial dims of `S`, all but two of its dims. */
export type CheckPerDim<Op extends string, Name extends string, S, V> = V extends readonly unknown[]
  ? OneEach<S, V> extends true
    ? unknown
    : ShapeError<`${Op}: ${Name} must be a whole number of at least 1, or ${SpatialRank<S>} of them, got ${Show<V>}`>
  : unknown
/** unknown, or the error of padding with too few or too many pairs. */
export type CheckPadding<Op extends string, S, P> = P extends readonly unknown[]
  ? OneEach<S, P> extends true
    ? unknown
    : ShapeError<`${Op}: padding must be 'same', 'valid' or ${SpatialRank<S>} pairs [before, after], got a list of ${P['length']}`>
  : unknown
/** True also when it can't be known before tracing. */
export type OneEach<S, V> =
  IsAny<S> extends true
    ? true
    : S extends readonly [unknown, unknown, ...infer R]
      ? V extends readonly unknown[]
        ? number extends V['length']
          ? true
          : Eq<R['length'], V['length']>
        : true
      : true
type SpatialRank<S> = S extends readonly [unknown, unknown, ...infer R] ? R['length'] : never

/** Positions of windows `K` on the spatial dims `S` of a tensor of shape `Full`, or the error of the first that is too small. */
export type Positions<
  Op extends string,
  Full,
  S,
  K,
  Stride,
  Pad,
  Dilation,
  O extends readonly unknown[] = [],
> = S extends readonly [infer N, ...infer S1]
  ? K extends readonly [infer W, ...infer K1]
    ? Count<N, Extent<W, Nth<Dilation, O['length']>>, Nth<Stride, O['length']>, PadAt<Pad, O['length']>> extends infer R
      ? R extends readonly ['small', infer Padded, infer E]
        ? ShapeError<`${Op}: spatial dim ${O['length']} of ${Show<Full>} is ${ShowDim<Padded>} with padding, less than the window's ${ShowDim<E>}`>
        : Positions<Op, Full, S1, K1, Stride, Pad, Dilation, [...O, R]>
      : never
    : O
  : O

/** The `I`th of one number each, or the number for all. */
export type Nth<V, I> = V extends readonly unknown[] ? (I extends keyof V ? V[I] : number) : V
type PadAt<P, I> = P extends readonly unknown[]
  ? I extends keyof P
    ? P[I]
    : readonly [number, number]
  : [P] extends ['valid']
    ? readonly [0, 0]
    : P
/** (window - 1) · dilation + 1 */
export type Extent<W, D> =
  Eq<D, 1> extends true
    ? W
    : [W, D] extends [infer A extends number, infer B extends number]
      ? true extends IsDyn<A> | IsDyn<B>
        ? number
        : Sub<A, 1> extends infer C extends number
          ? Add<Mul<C, B>, 1>
          : number
      : number

/** One spatial dim of the result: 'same' needs the size and stride only; a named size stays when the window changes nothing. */
type Count<N, E, Stride, P> = [P] extends ['same']
  ? Eq<Stride, 1> extends true
    ? N
    : AllKnown<[N, Stride]> extends true
      ? DivMod<N & number, Stride & number> extends [infer Q extends number, infer R]
        ? R extends 0
          ? Q
          : Add<Q, 1>
        : number
      : number
  : [P] extends [readonly [infer Low, infer High]]
    ? Plus<Plus<N, Low>, High> extends infer Padded
      ? AllKnown<[Padded, E, Stride]> extends true
        ? [Sub<Padded & number, E & number>] extends [never]
          ? readonly ['small', Padded, E]
          : Add<DivMod<Sub<Padded & number, E & number>, Stride & number>[0], 1>
        : Eq<Stride, 1> extends true
          ? Neutral<Low, High, E> extends true
            ? N
            : number
          : number
      : never
    : number
export type AllKnown<L> = L extends readonly [infer H, ...infer T]
  ? H extends number
    ? IsDyn<H> extends true
      ? false
      : AllKnown<T>
    : false
  : true
/** Padding that makes up for the window's extent. */
type Neutral<Low, High, E> = AllKnown<[Low, High, E]> extends true ? Eq<Plus<Plus<Low, High>, 1>, E> : false
/** N + P, where P may be negative; `number` when it is not known or comes out negative. */
export type Plus<N, P> =
  AllKnown<[N, P]> extends true
    ? `${P & number}` extends `-${infer M extends number}`
      ? [Sub<N & number, M>] extends [never]
        ? number
        : Sub<N & number, M>
      : Add<N & number, P & number>
    : number

/** unknown, or the error of a rank that is not that of [batch, 1 to 3 spatial dims, features]. */
export type CheckRank<Op extends string, S> = S extends readonly unknown[]
  ? S['length'] extends 3 | 4 | 5
    ? unknown
    : ShapeError<`${Op}: expected a batch, 1 to 3 spatial dims and features, got ${Show<S>}`>
  : unknown

/** [n, h…, c] → [n, i…, c]: one element for each position of a window. */
export type Pool<Op extends string, S, Window, Stride, Pad> = [Unknown<S>] extends [never]
  ? CheckRank<Op, S> extends infer E extends ShapeError<string>
    ? E
    : [OneEach<S, Window>, OneEach<S, Stride>, OneEach<S, Pad>] extends [true, true, true]
      ? S extends readonly [infer N, ...infer H, infer C]
        ? Positions<Op, S, H, Each<H, Window>, Stride, Pad, 1> extends infer R
          ? R extends readonly unknown[]
            ? [N, ...R, C]
            : R
          : never
        : never
      : any
  : Unknown<S>
type Each<H, V> = { [K in keyof H]: Nth<V, K> }
