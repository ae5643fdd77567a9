import type { DivMod } from './arith.js'
import type { AxisOf, DynAxis } from './axes.js'
import type { AddDim, Eq, SubDim } from './dim.js'
import type { Dim, DynRank, IsDyn, Shape, ShapeError, Show, ShowDim, Unknown } from './shape.js'
import type { Replace } from './views.js'

/** Elements start, start + stride, … below limit, per axis. */
export type Slice<S, Start, Limit, Stride> = [Unknown<S>] extends [never]
  ? DynRank<Start> extends true
    ? { [K in keyof S]: number }
    : SameRank<S, Start> extends true
      ? SameRank<S, Limit> extends true
        ? SliceDims<S, S, Start, Limit, Stride>
        : ShapeError<`slice: limit ${Show<Limit>} must have one entry per axis of ${Show<S>}`>
      : ShapeError<`slice: start ${Show<Start>} must have one entry per axis of ${Show<S>}`>
  : Unknown<S>
type SameRank<A, B> = A extends readonly unknown[]
  ? B extends readonly unknown[]
    ? Eq<A['length'], B['length']>
    : false
  : false
type SliceDims<Full, S, Start, Limit, Stride, O extends readonly unknown[] = []> = S extends readonly [
  infer D,
  ...infer S1,
]
  ? Start extends readonly [infer A, ...infer Start1]
    ? Limit extends readonly [infer B, ...infer Limit1]
      ? Stride extends readonly [infer T, ...infer Stride1]
        ? SliceDim<'slice', Full, D, A, B, T, O['length']> extends infer R
          ? R extends ShapeError<string>
            ? R
            : SliceDims<Full, S1, Start1, Limit1, Stride1, [...O, R]>
          : never
        : SliceDim<'slice', Full, D, A, B, 1, O['length']> extends infer R
          ? R extends ShapeError<string>
            ? R
            : SliceDims<Full, S1, Start1, Limit1, Stride, [...O, R]>
          : never
      : never
    : never
  : O
/** Elements A, A + T, … below B of a dim, or the error of a range outside it. */
export type SliceDim<Op extends string, Full, D, A, B, T, I extends number> =
  Eq<SubDim<D, B>, never> extends true
    ? ShapeError<`${Op}: ${ShowDim<A>} to ${ShowDim<B>} is out of range for axis ${I} of ${Show<Full>}`>
    : Eq<SubDim<B, A>, never> extends true
      ? ShapeError<`${Op}: ${ShowDim<A>} to ${ShowDim<B>} is out of range for axis ${I} of ${Show<Full>}`>
      : SubDim<B, A> extends infer N
        ? Eq<T, 1> extends true
          ? N
          : [N, T] extends [infer N1 extends number, infer T1 extends number]
            ? number extends N1 | T1
              ? number
              : DivMod<N1, T1> extends [infer Q, infer R]
                ? R extends 0
                  ? Q
                  : AddDim<Q, 1>
                : never
            : number
        : never

/** [before, after] elements added per axis, or taken away where negative. */
export type Pad<S, W> = [Unknown<S>] extends [never]
  ? DynRank<W> extends true
    ? { [K in keyof S]: number }
    : SameRank<S, W> extends true
      ? PadDims<S, S, W>
      : ShapeError<`pad: expected one [before, after] per axis of ${Show<S>}`>
  : Unknown<S>
type PadDims<Full, S, W, O extends readonly unknown[] = []> = S extends readonly [infer D, ...infer S1]
  ? W extends readonly [readonly [infer A, infer B], ...infer W1]
    ? [Crop<Crop<D, A>, B>] extends [never]
      ? ShapeError<`pad: [${ShowDim<A>}, ${ShowDim<B>}] crops more than axis ${O['length'] & number} of ${Show<Full>} has`>
      : PadDims<Full, S1, W1, [...O, AddDim<AddDim<Added<A>, Crop<Crop<D, A>, B>>, Added<B>>]>
    : O
  : O
/** `D` less what a negative width takes away; never when that is more. */
type Crop<D, A> = `${A & number}` extends `-${infer N extends number}` ? SubDim<D, N> : D
type Added<A> = `${A & number}` extends `-${string}` ? 0 : A

/** Parts along an axis: `N` equal ones, or cut before each index of the list (NumPy). */
export type Split<S, N, X> = [Unknown<S>] extends [never]
  ? DynAxis<N> extends true
    ? Shape[]
    : [AxisOf<S, X>] extends [never]
      ? ShapeError<`split: axis ${X & Dim} is out of range for ${Show<S>}`>
      : S[`${AxisOf<S, X> & number}` & keyof S] extends infer D
        ? N extends readonly unknown[]
          ? CutAt<S, AxisOf<S, X>, D, N>
          : D extends number
            ? IsDyn<D> extends true
              ? Repeat<Replace<S, AxisOf<S, X>, number>, N>
              : DivMod<D, N & number> extends [infer Q, infer R]
                ? R extends 0
                  ? Repeat<Replace<S, AxisOf<S, X>, Q>, N>
                  : ShapeError<`split: axis ${X & Dim} of ${Show<S>} does not divide into ${N & Dim} equal parts`>
                : never
            : Repeat<Replace<S, AxisOf<S, X>, `${D & string}/${N & number}`>, N>
        : never
  : Unknown<S>[]
type Repeat<T, N, O extends readonly unknown[] = []> = O['length'] extends N
  ? O
  : O['length'] extends 64
    ? T[]
    : Repeat<T, N, [...O, T]>
type CutAt<S, I, D, Cuts, From = 0, O extends readonly unknown[] = []> = Cuts extends readonly [infer C, ...infer T]
  ? [SubDim<C, From>] extends [never]
    ? ShapeError<`split: cuts must increase, got ${ShowDim<C>} after ${ShowDim<From>}`>
    : [SubDim<D, C>] extends [never]
      ? ShapeError<`split: cut ${ShowDim<C>} is past axis ${I & number} of ${Show<S>}`>
      : CutAt<S, I, D, T, C, [...O, Replace<S, I, SubDim<C, From>>]>
  : [...O, Replace<S, I, SubDim<D, From>>]
