import type { AxisOf, DynAxis } from './axes.js'
import type { Eq } from './dim.js'
import type { AlongAxis } from './reduce.js'
import type { IsDyn, Shape, ShapeError, Show, Unknown } from './shape.js'

/** `I` in place of the axis `X` of `S`. */
export type Take<S, I, X> = [Unknown<S, I>] extends [never]
  ? DynAxis<X> extends true
    ? Shape
    : AlongAxis<'take', S, X> extends infer E extends ShapeError<string>
      ? E
      : Spliced<S, I, AxisOf<S, X>>
  : Unknown<S, I>
type Spliced<S, I, At, C extends unknown[] = [], O extends readonly unknown[] = []> = S extends readonly [
  infer H,
  ...infer T,
]
  ? C['length'] extends At
    ? I extends readonly unknown[]
      ? [...O, ...I, ...T]
      : never
    : Spliced<T, I, At, [...C, 0], [...O, H]>
  : O

/** The ids' shape, which is that of `S` but for the axis; or the error. */
export type TakeAlong<S, I, X> = [Unknown<S, I>] extends [never]
  ? DynAxis<X> extends true
    ? I
    : AlongAxis<'takeAlongAxis', S, X> extends infer E extends ShapeError<string>
      ? E
      : Alike<S, I, AxisOf<S, X>> extends true
        ? I
        : ShapeError<`takeAlongAxis: ids ${Show<I>} do not have the other axes of ${Show<S>}`>
  : I
type Alike<S, I, At, C extends unknown[] = []> = S extends readonly [infer H, ...infer T]
  ? I extends readonly [infer J, ...infer U]
    ? C['length'] extends At
      ? Alike<T, U, At, [...C, 0]>
      : Eq<H, J> extends true
        ? Alike<T, U, At, [...C, 0]>
        : true extends IsDyn<H> | IsDyn<J>
          ? Alike<T, U, At, [...C, 0]>
          : false
    : false
  : I extends readonly []
    ? true
    : false

/** `N` in place of the leading axes `I` of `S`, or the error of ids that are not those. */
export type Segment<Op extends string, S, I, N> = [Unknown<S, I>] extends [never]
  ? Rest<S, I> extends infer R
    ? [R] extends [never]
      ? ShapeError<`${Op}: ids ${Show<I>} do not begin the shape of ${Show<S>}`>
      : R extends readonly unknown[]
        ? [N, ...R]
        : never
    : never
  : Shape
type Rest<S, I> = I extends readonly [infer J, ...infer U]
  ? S extends readonly [infer H, ...infer T]
    ? Eq<H, J> extends true
      ? Rest<T, U>
      : true extends IsDyn<H> | IsDyn<J>
        ? Rest<T, U>
        : never
    : never
  : S

/** unknown, or the error of what is not [n]. */
export type Flat<Op extends string, S> = [Unknown<S>] extends [never]
  ? S extends readonly [unknown]
    ? unknown
    : ShapeError<`${Op}: expected [n], got ${Show<S>}`>
  : unknown
/** unknown, or the error of a scalar. */
export type Axed<Op extends string, S> = S extends readonly []
  ? ShapeError<`${Op}: expected at least one axis, got []`>
  : unknown
export type SameAs<Op extends string, S, W> = [Unknown<S, W>] extends [never]
  ? Alike<S, W, -1> extends true
    ? unknown
    : ShapeError<`${Op}: expected weights of shape ${Show<S>}, got ${Show<W>}`>
  : unknown
