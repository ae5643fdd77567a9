import type { DivMod } from './arith.js'
import type { Eq, Factors, Minus, Product } from './dim.js'
import type { Dim, DynRank, IsAny, IsDyn, Ok, Shape, ShapeError, Show } from './shape.js'

/** `A` with the dims `T`, one of which may be -1: what is left. Names cancel names, numbers are multiplied. */
export type Reshape<A, T extends Shape> =
  IsAny<A> extends true
    ? any
    : DynRank<T> extends true
      ? Shape
      : CountNeg<T> extends 0 | 1
        ? DynRank<A> extends true
          ? Fill<T, number>
          : Fast<A, T> extends [infer R]
            ? R
            : Slow<A, T, Factors<A>, Factors<T>, CountNeg<T>>
        : ShapeError<`reshape: more than one -1 in ${Show<T>}`>

type CountNeg<S, C extends unknown[] = []> = S extends readonly [infer H, ...infer T]
  ? CountNeg<T, Eq<H, -1> extends true ? [...C, 0] : C>
  : C['length']
/** `T` with `V` in place of -1. */
type Fill<T, V, O extends readonly unknown[] = []> = T extends readonly [infer H, ...infer R]
  ? Fill<R, V, [...O, Eq<H, -1> extends true ? V : H]>
  : O

/** Equal shapes, or one dim left against -1 after equal ones: no arithmetic needed. */
type Fast<A, T, Full = T> =
  Eq<A, T> extends true
    ? [Fill<Full, 1>]
    : T extends readonly [-1]
      ? A extends readonly [infer X]
        ? [Fill<Full, X>]
        : 'slow'
      : A extends readonly [infer X, ...infer A1]
        ? T extends readonly [infer Y, ...infer T1]
          ? IsDyn<X> extends true
            ? 'slow'
            : Eq<X, Y> extends true
              ? Fast<A1, T1, Full>
              : 'slow'
          : 'slow'
        : 'slow'

type Slow<A, T, FA, FT, Neg> = FA extends [infer NA extends number, infer YA extends string[]]
  ? FT extends [infer NT extends number, infer YT extends string[]]
    ? Neg extends 0
      ? [Minus<YA, YT>] extends [[]]
        ? [Minus<YT, YA>, Eq<NA, NT>] extends [[], true]
          ? T
          : Mismatch<A, T, Product<NA, YA>, Product<NT, YT>>
        : Mismatch<A, T, Product<NA, YA>, Product<NT, YT>>
      : [Minus<YA, YT>] extends [never]
        ? Indivisible<A, T, Product<NA, YA>, Product<NT, YT>>
        : DivMod<NA, NT> extends [infer Q extends number, infer R]
          ? R extends 0
            ? Fill<T, Product<Q, Minus<YA, YT>>>
            : Indivisible<A, T, Product<NA, YA>, Product<NT, YT>>
          : never
    : Fill<T, number>
  : Fill<T, number>
type Mismatch<A, T, N, M> =
  ShapeError<`reshape: cannot reshape ${Show<A>} to ${Show<T>}: ${N & Dim} elements vs ${M & Dim}`>
type Indivisible<A, T, N, M> =
  ShapeError<`reshape: cannot reshape ${Show<A>} to ${Show<T>}: ${N & Dim} elements are not divisible by ${M & Dim}`>

/** All elements in one dim. */
export type Flatten<A> = Ok<Reshape<A, [-1]>>
