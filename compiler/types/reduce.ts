import type { Axes, DropAxes, DynAxis, List } from './axes.js'
import type { Shape, ShapeError, Show, Unknown } from './shape.js'

/** Reduction over an axis, a list of axes, or all (undefined); `Keep` leaves dims of size 1. */
export type Reduce<Op extends string, S, X, Keep> = [Unknown<S>] extends [never]
  ? [X] extends [undefined]
    ? Keep extends true
      ? { [K in keyof S]: 1 }
      : []
    : DynAxis<X> extends true
      ? DynReduce<S, X, Keep>
      : Axes<Op, S, List<X>> extends infer A
        ? A extends ShapeError<string>
          ? A
          : DropAxes<S, A[number & keyof A], Keep>
        : never
  : [X] extends [undefined]
    ? Keep extends true
      ? Unknown<S>
      : []
    : Unknown<S>
/** The axis is not known before tracing, so only the rank is. */
type DynReduce<S, X, Keep> = Keep extends true
  ? { [K in keyof S]: number }
  : X extends number
    ? S extends readonly [unknown, ...infer T]
      ? { [K in keyof T]: number }
      : Shape
    : Shape

/** `S` itself when the axis is in range. */
export type AlongAxis<Op extends string, S, X> = [Unknown<S>] extends [never]
  ? DynAxis<X> extends true
    ? S
    : Axes<Op, S, List<X>> extends infer A
      ? A extends ShapeError<string>
        ? A
        : S
      : never
  : S

/** unknown, or the error of an axis of size 0 among those reduced. */
export type NonEmpty<Op extends string, S, X> = [Unknown<S>] extends [never]
  ? [X] extends [undefined]
    ? EmptyOf<Op, S, S>
    : DynAxis<X> extends true
      ? unknown
      : Axes<Op, S, List<X>> extends infer A
        ? A extends ShapeError<string>
          ? unknown
          : EmptyOf<Op, S, S, [], A[number & keyof A]>
        : never
  : unknown
type EmptyOf<Op extends string, Full, S, C extends unknown[] = [], At = number> = S extends readonly [
  infer H,
  ...infer T,
]
  ? [H, C['length']] extends [0, At]
    ? ShapeError<`${Op}: axis ${C['length']} of ${Show<Full>} has nothing to choose from`>
    : EmptyOf<Op, Full, T, [...C, 0], At>
  : unknown
