import type { Axes, AxisOf, DynAxis, List } from './axes.js'
import type { Broadcast } from './broadcast.js'
import type { Concat } from './concat.js'
import type { Factors, MulDim, Product } from './dim.js'
import type { Dim, DynRank, Shape, ShapeError, Show, Unknown } from './shape.js'
import type { Replace } from './views.js'

/** `S` with the dims at `A` and `B` in each other's place. */
export type SwapAxes<Op extends string, S, A, B> = [Unknown<S>] extends [never]
  ? DynAxis<A> extends true
    ? { [K in keyof S]: number }
    : DynAxis<B> extends true
      ? { [K in keyof S]: number }
      : [AxisOf<S, A>] extends [never]
        ? ShapeError<`${Op}: axis ${A & Dim} is out of range for ${Show<S>}`>
        : [AxisOf<S, B>] extends [never]
          ? ShapeError<`${Op}: axis ${B & Dim} is out of range for ${Show<S>}`>
          : {
              [K in keyof S]: K extends `${AxisOf<S, A> & number}`
                ? S[`${AxisOf<S, B> & number}` & keyof S]
                : K extends `${AxisOf<S, B> & number}`
                  ? S[`${AxisOf<S, A> & number}` & keyof S]
                  : S[K]
            }
  : Unknown<S>

/** The dims at `From` moved to `To`; the others stay in order. */
export type MoveAxis<S, From, To> = [Unknown<S>] extends [never]
  ? true extends DynAxis<From> | DynAxis<To>
    ? { [K in keyof S]: number }
    : Axes<'moveaxis', S, List<From>> extends infer F
      ? F extends ShapeError<string>
        ? F
        : Axes<'moveaxis', S, List<To>> extends infer T
          ? T extends ShapeError<string>
            ? T
            : [F, T] extends [infer FL extends unknown[], infer TL extends unknown[]]
              ? FL['length'] extends TL['length']
                ? Settle<S, S, FL, TL, Others<S, FL[number]>>
                : ShapeError<`moveaxis: ${FL['length']} axes cannot move to ${TL['length']} places`>
              : never
          : never
      : never
  : Unknown<S>
type Others<S, Drop, C extends unknown[] = [], O extends unknown[] = []> = S extends readonly [infer H, ...infer T]
  ? Others<T, Drop, [...C, 0], C['length'] extends Drop ? O : [...O, H]>
  : O
/** The axis that goes to place `I`. */
type Comes<From, To, I> = From extends [infer F, ...infer FT]
  ? To extends [infer T, ...infer TT]
    ? T extends I
      ? F
      : Comes<FT, TT, I>
    : never
  : never
type Settle<Full, Room, From, To, Rest, O extends unknown[] = []> = Room extends readonly [unknown, ...infer R]
  ? [Comes<From, To, O['length']>] extends [never]
    ? Rest extends [infer H, ...infer T]
      ? Settle<Full, R, From, To, T, [...O, H]>
      : O
    : Settle<Full, R, From, To, Rest, [...O, Full[`${Comes<From, To, O['length']> & number}` & keyof Full]]>
  : O

/** Dims aligned at the right, each times its count. */
export type Tile<S, R> = [Unknown<S>] extends [never]
  ? DynAxis<R> extends true
    ? Shape
    : TileDims<S, List<R>>
  : Unknown<S>
type TileDims<S, R, O extends readonly unknown[] = []> = S extends readonly [...infer S1, infer D]
  ? R extends readonly [...infer R1, infer N]
    ? TileDims<S1, R1, [MulDim<D, N>, ...O]>
    : [...S, ...O]
  : R extends readonly unknown[]
    ? [...R, ...O]
    : never

/** All elements as one dim; `number` when a size is unknown. */
export type Count<S> =
  DynRank<S> extends true
    ? number
    : Factors<S> extends [infer N extends number, infer Y extends string[]]
      ? Product<N, Y>
      : number
/** Each element `N` times along axis `X`, or of the flattened tensor. */
export type RepeatAlong<S, N, X> = [Unknown<S>] extends [never]
  ? [X] extends [undefined]
    ? [MulDim<Count<S>, N>]
    : DynAxis<X> extends true
      ? { [K in keyof S]: number }
      : [AxisOf<S, X>] extends [never]
        ? ShapeError<`repeat: axis ${X & Dim} is out of range for ${Show<S>}`>
        : Replace<S, AxisOf<S, X>, MulDim<S[`${AxisOf<S, X> & number}` & keyof S], N>>
  : Unknown<S>

/** At least `N` dims, of size 1 where NumPy puts them. */
export type AtLeast<S, N> = [Unknown<S>] extends [never]
  ? S extends readonly []
    ? N extends 1
      ? [1]
      : N extends 2
        ? [1, 1]
        : [1, 1, 1]
    : S extends readonly [infer A]
      ? N extends 1
        ? S
        : N extends 2
          ? [1, A]
          : [1, A, 1]
      : S extends readonly [infer A, infer B]
        ? N extends 3
          ? [A, B, 1]
          : S
        : S
  : Unknown<S>
type AllAtLeast<Ss, N> = { [K in keyof Ss]: AtLeast<Ss[K], N> }

type Named<Op extends string, R> = R extends ShapeError<`concat${infer M}`> ? ShapeError<`${Op}${M}`> : R
/** Joined side by side: along the second axis, the first of vectors. */
export type HStack<Ss> = Named<
  'hstack',
  Ss extends readonly [infer H, ...unknown[]]
    ? AtLeast<H, 1> extends readonly [unknown]
      ? Concat<AllAtLeast<Ss, 1>, 0>
      : Concat<AllAtLeast<Ss, 1>, 1>
    : Concat<Ss, 0>
>
/** Joined one above another: vectors are rows. */
export type VStack<Ss> = Named<'vstack', Concat<AllAtLeast<Ss, 2>, 0>>

/** The shape that all of `Ss` broadcast to. */
export type BroadcastAll<Ss, R = []> = Ss extends readonly [infer H, ...infer T]
  ? Broadcast<'broadcastArrays: cannot broadcast', R, H> extends infer B
    ? B extends ShapeError<string>
      ? B
      : BroadcastAll<T, B>
    : never
  : Ss extends readonly []
    ? R
    : Shape
