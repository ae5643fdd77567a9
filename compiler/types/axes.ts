import type { Sub } from './arith.js'
import type { Dim, ShapeError, Show } from './shape.js'

export type Axis = number | readonly number[]

/** The axis counted from the front; never when out of range. */
export type AxisOf<S, X> = S extends readonly unknown[]
  ? `${X & number}` extends `-${infer N extends number}`
    ? Sub<S['length'], N>
    : `${X & number}` extends keyof S
      ? X
      : never
  : never

/** A list of axes counted from the front, or the error of the first that is out of range or named twice. */
export type Axes<Op extends string, S, X, O extends readonly unknown[] = []> = X extends readonly [infer H, ...infer T]
  ? [AxisOf<S, H>] extends [never]
    ? ShapeError<`${Op}: axis ${H & Dim} is out of range for ${Show<S>}`>
    : AxisOf<S, H> extends O[number]
      ? ShapeError<`${Op}: axis ${H & Dim} of ${Show<S>} is named twice`>
      : Axes<Op, S, T, [...O, AxisOf<S, H>]>
  : O

/** True when an axis is plain `number`. */
export type DynAxis<X> = [X] extends [readonly (infer E)[]]
  ? number extends E
    ? true
    : false
  : number extends X
    ? true
    : false
export type List<X> = X extends readonly unknown[] ? X : [X]

/** `S` without the dims at `Drop`, or with 1 there. */
export type DropAxes<
  S,
  Drop,
  Keep = false,
  C extends unknown[] = [],
  O extends readonly unknown[] = [],
> = S extends readonly [infer H, ...infer T]
  ? DropAxes<T, Drop, Keep, [...C, 0], C['length'] extends Drop ? (Keep extends true ? [...O, 1] : O) : [...O, H]>
  : O
