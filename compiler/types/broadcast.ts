import type { Eq } from './dim.js'
import type { IsDyn, Ok, Shape, ShapeError, Show, ShowDim, Unknown } from './shape.js'

/** Two dims side by side: equal, or one is 1. [] when they don't fit. */
type Fit<X, Y> =
  Eq<X, Y> extends true
    ? [X]
    : Eq<X, 1> extends true
      ? [Y]
      : Eq<Y, 1> extends true
        ? [X]
        : IsDyn<X> extends true
          ? [Y]
          : IsDyn<Y> extends true
            ? [X]
            : []

/** NumPy broadcasting. `What` begins the error: 'add: cannot broadcast'. */
export type Broadcast<What extends string, A, B> =
  Eq<A, B> extends true ? A : [Unknown<A, B>] extends [never] ? Align<What, A, B, A, B> : Unknown<A, B>
type Align<What extends string, FullA, FullB, A, B, O extends readonly unknown[] = []> = A extends readonly [
  ...infer A1,
  infer X,
]
  ? B extends readonly [...infer B1, infer Y]
    ? Fit<X, Y> extends [infer D]
      ? Align<What, FullA, FullB, A1, B1, [D, ...O]>
      : ShapeError<`${What} ${Show<FullA>} with ${Show<FullB>}: dim ${ShowDim<X>} vs ${ShowDim<Y>}`>
    : [...A, ...O]
  : B extends readonly unknown[]
    ? [...B, ...O]
    : never

/** Broadcast of three. */
export type Broadcast3<What extends string, A, B, C> =
  Broadcast<What, A, B> extends infer R ? (R extends ShapeError<string> ? R : Broadcast<What, R, C>) : never

/** `A` repeated to the shape `T`. */
export type BroadcastTo<A, T extends Shape> = BroadcastOver<'broadcastTo: cannot broadcast', A, T>
/** The same. `What` begins the error. */
export type BroadcastOver<What extends string, A, T> = [Unknown<A, T>] extends [never] ? To<What, A, T, A, T> : Ok<T>
type To<What extends string, FullA, FullT, A, T> = A extends readonly [...infer A1, infer X]
  ? T extends readonly [...infer T1, infer Y]
    ? Eq<X, 1> extends true
      ? To<What, FullA, FullT, A1, T1>
      : Fit<X, Y> extends [infer D]
        ? Eq<D, 1> extends Eq<Y, 1>
          ? To<What, FullA, FullT, A1, T1>
          : ShapeError<`${What} ${Show<FullA>} to ${Show<FullT>}: dim ${ShowDim<X>} vs ${ShowDim<Y>}`>
        : ShapeError<`${What} ${Show<FullA>} to ${Show<FullT>}: dim ${ShowDim<X>} vs ${ShowDim<Y>}`>
    : ShapeError<`${What} ${Show<FullA>} to ${Show<FullT>}: it has more dims`>
  : FullT
