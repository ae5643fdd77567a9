import type { AxisOf, DynAxis } from './axes.js'
import type { Eq, SubDim } from './dim.js'
import type { AnyTensor, ShapeOf } from './operand.js'
import type { AlongAxis } from './reduce.js'
import type { Dim, DynRank, IsAny, ShapeError, Show, Unknown } from './shape.js'
import type { Replace } from './views.js'

/** A tensor, or a list of them that are put in the order of the first. */
export type Sortable = AnyTensor | readonly AnyTensor[]
export type Sorted<X> = X extends readonly unknown[] ? { -readonly [K in keyof X]: X[K] } : X
/** The shape that decides about the axis. */
export type KeyShape<X> = X extends readonly [infer K, ...unknown[]]
  ? ShapeOf<K>
  : X extends readonly unknown[]
    ? any
    : ShapeOf<X>

/** unknown, or the error of operands that are not of one shape. */
export type SameShapes<X> = X extends readonly [infer K, ...infer Rest] ? Like<ShapeOf<K>, Rest> : unknown
type Like<S, Rest> = Rest extends readonly [infer H, ...infer T]
  ? true extends IsAny<S> | IsAny<ShapeOf<H>> | DynRank<S> | DynRank<ShapeOf<H>>
    ? Like<S, T>
    : Eq<S, ShapeOf<H>> extends true
      ? Like<S, T>
      : number extends (S | ShapeOf<H>)[number & keyof (S | ShapeOf<H>)]
        ? Like<S, T>
        : ShapeError<`sort: operands differ in shape: ${Show<S>} vs ${Show<ShapeOf<H>>}`>
  : unknown

/** `S` with the `K` largest along an axis, or the error of an axis or a number that is too large. */
export type TopK<S, K, X> = [Unknown<S>] extends [never]
  ? DynAxis<X> extends true
    ? { [D in keyof S]: number }
    : AlongAxis<'topK', S, X> extends infer E extends ShapeError<string>
      ? E
      : [SubDim<S[`${AxisOf<S, X> & number}` & keyof S], K>] extends [never]
        ? ShapeError<`topK: k ${K & Dim} is more than the ${S[`${AxisOf<S, X> & number}` & keyof S] & Dim} elements of axis ${X & Dim} of ${Show<S>}`>
        : Replace<S, AxisOf<S, X>, K>
  : Unknown<S>

/** unknown, or the error of a sorted sequence that is not one. */
export type Sequence<S> = [Unknown<S>] extends [never]
  ? S extends readonly [unknown]
    ? unknown
    : ShapeError<`searchsorted: expected a sorted [n], got ${Show<S>}`>
  : unknown
