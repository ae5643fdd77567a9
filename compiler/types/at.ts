import type { Broadcast, BroadcastOver } from './broadcast.js'
import type { Dims, Eq, SubDim } from './dim.js'
import type { AnyTensor, DTypeOf, First, Numeric, SameDType, ShapeOf, Takes, TakesTensor } from './operand.js'
import type { Dim, IsAny, IsDyn, Shape, ShapeError, Show, Unknown } from './shape.js'
import type { SliceDim } from './slices.js'

/** Elements start, start + step, … below limit of an axis; all from the first when absent. */
export interface Slicing {
  readonly start?: number
  readonly limit?: number
  readonly step?: number
}
/** A place, places (i32), a slice, or all of an axis. */
export type Entry = number | AnyTensor | Slicing | null | ':'
export type Index = Entry | readonly Entry[]

/** The shape of what an index names, as NumPy has it. */
export type At<S, I> = [Unknown<S>] extends [never]
  ? IsAny<I> extends true
    ? any
    : I extends readonly unknown[]
      ? number extends I['length']
        ? Shape
        : Walk<S, S, I, HasTensor<I>>
      : Walk<S, S, [I], HasTensor<[I]>>
  : Unknown<S>
type HasTensor<I> = I extends readonly [infer H, ...infer T] ? (H extends AnyTensor ? true : HasTensor<T>) : false

/** B: shape of the places so far. Phase: whether dims are before them, after, or between, which puts the places in front. */
type Walk<
  Full,
  S,
  I,
  Places,
  B extends readonly unknown[] = [],
  Before extends readonly unknown[] = [],
  After extends readonly unknown[] = [],
  Phase = 'before',
  At extends readonly unknown[] = [],
> = I extends readonly [infer H, ...infer I1]
  ? S extends readonly [infer D, ...infer S1]
    ? H extends AnyTensor
      ? Place<Full, S1, I1, ShapeOf<H>, TakesTensor<'at', H, 'i32'>, B, Before, After, Phase, [...At, 0]>
      : H extends number
        ? InRange<Full, D, Dims<[H]>[0], At['length']> extends infer E extends ShapeError<string>
          ? E
          : Places extends true
            ? Place<Full, S1, I1, [], unknown, B, Before, After, Phase, [...At, 0]>
            : Walk<Full, S1, I1, Places, B, Before, After, Phase, [...At, 0]>
        : Kept<Full, D, H, At['length']> extends infer N
          ? N extends ShapeError<string>
            ? N
            : Phase extends 'before'
              ? Walk<Full, S1, I1, Places, B, [...Before, N], After, Phase, [...At, 0]>
              : Walk<
                  Full,
                  S1,
                  I1,
                  Places,
                  B,
                  Before,
                  [...After, N],
                  Phase extends 'places' ? 'after' : Phase,
                  [...At, 0]
                >
          : never
    : ShapeError<`at: more indices than the ${At['length']} axes of ${Show<Full>}`>
  : S extends readonly unknown[]
    ? Places extends true
      ? Phase extends 'between'
        ? [...B, ...Before, ...After, ...S]
        : [...Before, ...B, ...After, ...S]
      : [...Before, ...S]
    : never
type Place<
  Full,
  S,
  I,
  P,
  Check,
  B extends readonly unknown[],
  Before extends readonly unknown[],
  After extends readonly unknown[],
  Phase,
  At extends readonly unknown[],
> =
  First<[Check], Broadcast<'at: cannot broadcast', B, P>> extends infer R
    ? R extends ShapeError<string>
      ? R
      : R extends readonly unknown[]
        ? number extends R['length']
          ? Shape
          : Walk<Full, S, I, true, R, Before, After, Phase extends 'after' | 'between' ? 'between' : 'places', At>
        : never
    : never
type Kept<Full, D, H, I extends number> = H extends null | ':'
  ? D
  : SliceDim<
      'at',
      Full,
      D,
      H extends { readonly start: infer A } ? Dims<[A]>[0] : 0,
      H extends { readonly limit: infer L } ? Dims<[L]>[0] : D,
      H extends { readonly step: infer T } ? T : 1,
      I
    >
type InRange<Full, D, H, I extends number> =
  IsDyn<H> extends true
    ? unknown
    : IsDyn<D> extends true
      ? unknown
      : D extends number
        ? Outside<D, H> extends true
          ? ShapeError<`at: index ${H & Dim} is out of range for axis ${I} of ${Show<Full>}`>
          : unknown
        : unknown
type Outside<D extends number, H> = `${H & number}` extends `-${infer N extends number}`
  ? Eq<SubDim<D, N>, never>
  : Eq<SubDim<D, H>, never> extends true
    ? true
    : Eq<D, H>

/** unknown, or the error of a value for elements of shape `R` in a tensor of dtype `D`. */
export type Update<V, R, D, C = D> = V extends number
  ? Takes<'at', D, C>
  : First<[SameDType<'at', D, DTypeOf<V>>, Takes<'at', D, C>], BroadcastOver<'at: cannot broadcast', ShapeOf<V>, R>>
export type Arithmetic = Numeric
