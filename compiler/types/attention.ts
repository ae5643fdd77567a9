import type { BroadcastOver } from './broadcast.js'
import type { DivDim, EqDim } from './dim.js'
import type { AnyTensor, DTypeOf, First, Float, SameDType, ShapeOf, Takes } from './operand.js'
import type { IsAny, ShapeError, Show, ShowDim, Unknown } from './shape.js'

/** unknown, or the error of queries that are not [batch, length, heads, width] or [length, heads, width]. */
export type CheckQueries<Q> = First<
  [Takes<'attention', DTypeOf<Q>, Float>],
  [Unknown<ShapeOf<Q>>] extends [never]
    ? ShapeOf<Q> extends readonly [unknown, unknown, unknown, unknown?]
      ? unknown
      : ShapeError<`attention: expected [batch, length, heads, width], with or without a batch, got ${Show<ShapeOf<Q>>}`>
    : unknown
>

/** unknown, or the error of keys that do not go with the queries. */
export type CheckKeys<Q, K> = First<[SameDType<'attention', DTypeOf<Q>, DTypeOf<K>>], Keys<ShapeOf<Q>, ShapeOf<K>>>
type Keys<Q, K> = [Unknown<Q, K>] extends [never]
  ? Q extends readonly [...infer B, unknown, infer N, infer H]
    ? K extends readonly [...infer C, unknown, infer M, infer W]
      ? EqualLists<B, C> extends false
        ? ShapeError<`attention: batches of queries ${Show<Q>} and keys ${Show<K>} differ`>
        : EqDim<H, W> extends []
          ? ShapeError<`attention: widths differ: ${ShowDim<H>} vs ${ShowDim<W>} in ${Show<Q>} x ${Show<K>}`>
          : [DivDim<N, M>] extends [never]
            ? ShapeError<`attention: ${ShowDim<N>} heads of queries are not a multiple of ${ShowDim<M>} of keys in ${Show<Q>} x ${Show<K>}`>
            : unknown
      : ShapeError<`attention: batches of queries ${Show<Q>} and keys ${Show<K>} differ`>
    : unknown
  : unknown
/** False when two lists of dims surely differ. */
type EqualLists<A, B> = A extends readonly [infer X, ...infer A1]
  ? B extends readonly [infer Y, ...infer B1]
    ? EqDim<X, Y> extends []
      ? false
      : EqualLists<A1, B1>
    : false
  : B extends readonly []
    ? true
    : false

/** unknown, or the error of values that are not like the keys. */
export type CheckValues<K, V> = First<
  [SameDType<'attention', DTypeOf<K>, DTypeOf<V>>],
  [Unknown<ShapeOf<K>, ShapeOf<V>>] extends [never]
    ? EqualLists<ShapeOf<K>, ShapeOf<V>> extends false
      ? ShapeError<`attention: keys ${Show<ShapeOf<K>>} and values ${Show<ShapeOf<V>>} differ`>
      : unknown
    : unknown
>

/** unknown, or the error of a bias or mask that does not broadcast to one score of each query for each key. */
export type CheckScores<Name extends string, Q, K, X, D> = [X] extends [AnyTensor]
  ? First<
      [Takes<'attention', DTypeOf<X>, D>],
      [Unknown<ShapeOf<Q>, ShapeOf<K>>] extends [never]
        ? BroadcastOver<
            `attention: cannot broadcast ${Name}`,
            ShapeOf<X>,
            ScoresShape<ShapeOf<Q>, ShapeOf<K>>
          > extends infer R
          ? [R] extends [ShapeError<string>]
            ? R
            : unknown
          : never
        : unknown
    >
  : unknown
type ScoresShape<Q, K> = Q extends readonly [...infer B, infer T, infer N, unknown]
  ? K extends readonly [...unknown[], infer S, unknown, unknown]
    ? [...B, N, T, S]
    : never
  : never

/** The shape of the result: that of the queries; any after an error. */
export type AttentionShape<Q, K, V> = true extends IsAny<CheckQueries<Q>> | IsAny<CheckKeys<Q, K>>
  ? any
  : [First<[CheckQueries<Q>, CheckKeys<Q, K>, CheckValues<K, V>], unknown>] extends [ShapeError<string>]
    ? any
    : ShapeOf<Q>
