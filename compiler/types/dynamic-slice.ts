import type { AxisOf, DropAxes } from './axes.js'
import type { Eq, SubDim } from './dim.js'
import type { Dim, DynRank, IsDyn, Shape, ShapeError, Show, Unknown } from './shape.js'

/** unknown, or the error of a list of starts that does not have one per axis. */
export type Starts<Op extends string, S, L> = [Unknown<S>] extends [never]
  ? DynRank<L> extends true
    ? unknown
    : L extends readonly unknown[]
      ? S extends readonly unknown[]
        ? Eq<L['length'], S['length']> extends true
          ? unknown
          : ShapeError<`${Op}: expected one start per axis of ${Show<S>}, got ${L['length']}`>
        : unknown
      : unknown
  : unknown

/** The sizes, or the error of a window that does not fit in `S`. */
export type Window<Op extends string, S, W> = [Unknown<S>] extends [never]
  ? DynRank<W> extends true
    ? { [K in keyof S]: number }
    : Fits<Op, S, W, S, W>
  : W
type Fits<Op extends string, S, W, S1, W1> = S1 extends readonly [infer D, ...infer S2]
  ? W1 extends readonly [infer N, ...infer W2]
    ? [SubDim<D, N>] extends [never]
      ? NoFit<Op, S, W>
      : Fits<Op, S, W, S2, W2>
    : NoFit<Op, S, W>
  : W1 extends readonly [unknown, ...unknown[]]
    ? NoFit<Op, S, W>
    : W
type NoFit<Op extends string, S, W> = ShapeError<`${Op}: a window of ${Show<W>} does not fit in ${Show<S>}`>

/** `S` with the size 1 at an axis, or without it when `Keep` is false. */
export type IndexInDim<S, X, Keep> = [Unknown<S>] extends [never]
  ? number extends X
    ? Shape
    : [AxisOf<S, X>] extends [never]
      ? ShapeError<`dynamicIndexInDim: axis ${X & Dim} is out of range for ${Show<S>}`>
      : DropAxes<S, AxisOf<S, X>, Keep>
  : Unknown<S>

/** unknown, or the error of an update that is not one place of `S` along an axis. */
export type UpdateInDim<S, U, X> = [Unknown<S, U>] extends [never]
  ? number extends X
    ? unknown
    : [AxisOf<S, X>] extends [never]
      ? ShapeError<`dynamicUpdateIndexInDim: axis ${X & Dim} is out of range for ${Show<S>}`>
      : true extends SameDims<U, DropAxes<S, AxisOf<S, X>>> | SameDims<U, DropAxes<S, AxisOf<S, X>, true>>
        ? unknown
        : ShapeError<`dynamicUpdateIndexInDim: expected an update of ${Show<DropAxes<S, AxisOf<S, X>>>} for axis ${X & Dim} of ${Show<S>}, got ${Show<U>}`>
  : unknown
type SameDims<A, B> = A extends readonly [infer H, ...infer T]
  ? B extends readonly [infer K, ...infer U]
    ? true extends Eq<H, K> | IsDyn<H> | IsDyn<K>
      ? SameDims<T, U>
      : false
    : false
  : B extends readonly [unknown, ...unknown[]]
    ? false
    : true
