import type { Sub } from './arith.js'
import type { Axes, DropAxes } from './axes.js'
import type { AddDim } from './dim.js'
import type { IsDyn, Shape, ShapeError, Show, Unknown } from './shape.js'

type Size<K> = `${K & number}` extends `-${infer N extends number}` ? N : K
type Sign<K> = number extends K ? '?' : `${K & number}` extends `-${string}` ? '-' : K extends 0 ? '0' : '+'
/** X - N, and 0 below; unknown of a name. */
type Less<X, N> = N extends 0
  ? X
  : [X, N] extends [infer A extends number, infer B extends number]
    ? number extends A | B
      ? number
      : [Sub<A, B>] extends [never]
        ? 0
        : Sub<A, B>
    : number
type Min<X, Y> =
  IsDyn<X> extends true
    ? number
    : IsDyn<Y> extends true
      ? number
      : [X] extends [Y]
        ? X
        : [X, Y] extends [infer A extends number, infer B extends number]
          ? [Sub<A, B>] extends [never]
            ? A
            : B
          : number
type Length<N, M, K> =
  Sign<K> extends '?' ? number : Sign<K> extends '-' ? Min<Less<N, Size<K>>, M> : Min<N, Less<M, K>>

/** The diagonal of the dims at `A` and `B`, as the last dim. */
export type Diagonal<Op extends string, S, K, A, B> = [Unknown<S>] extends [never]
  ? number extends A | B
    ? Shape
    : S extends readonly [unknown, unknown, ...unknown[]]
      ? Axes<Op, S, [A, B]> extends infer R
        ? R extends ShapeError<string>
          ? R
          : R extends [infer I, infer J]
            ? [...DropAxes<S, I | J>, Length<S[`${I & number}` & keyof S], S[`${J & number}` & keyof S], K>]
            : never
        : never
      : ShapeError<`${Op}: expected rank >= 2, got ${Show<S>}`>
  : Unknown<S>

/** A vector as a matrix's diagonal, or a matrix's diagonal as a vector. */
export type Diag<S, K> = [Unknown<S>] extends [never]
  ? S extends readonly [infer N]
    ? Sign<K> extends '?'
      ? [number, number]
      : [AddDim<N, Size<K>>, AddDim<N, Size<K>>]
    : S extends readonly [infer N, infer M]
      ? [Length<N, M, K>]
      : ShapeError<`diag: expected rank 1 or 2, got ${Show<S>}`>
  : Shape

/** `S` itself when it has rows and columns. */
export type Matrices<Op extends string, S> = [Unknown<S>] extends [never]
  ? S extends readonly [unknown, unknown, ...unknown[]]
    ? S
    : ShapeError<`${Op}: expected rank >= 2, got ${Show<S>}`>
  : S
