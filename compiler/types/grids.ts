import type { SubDim } from './dim.js'
import type { IsDyn, Shape, ShapeError, Show, Unknown } from './shape.js'

/** Vectors' sizes as one shape; 'xy' has the second vector first. */
export type MeshGrid<Ss, I> =
  Vectors<Ss> extends infer R
    ? R extends readonly [infer A, infer B, ...infer T]
      ? I extends 'ij'
        ? R
        : [B, A, ...T]
      : R
    : never
type Vectors<Ss, O extends readonly unknown[] = []> = Ss extends readonly [infer H, ...infer T]
  ? [Unknown<H>] extends [never]
    ? H extends readonly [infer N]
      ? Vectors<T, [...O, N]>
      : ShapeError<`meshgrid: expected vectors, got ${Show<H>}`>
    : Shape
  : Ss extends readonly []
    ? O
    : Shape

/** i32 of whole numbers, f32 of others. */
export type RangeDType<A, B, T> = number extends A | B | T
  ? 'i32' | 'f32'
  : `${A & number} ${B & number} ${T & number}` extends `${string}${'.' | 'e-'}${string}`
    ? 'f32'
    : 'i32'
/** How many of start, start + step, … are below stop: known for literal whole numbers with step 1. */
export type RangeSize<A, B, T> = [A, B] extends [infer X extends number, infer Y extends number]
  ? IsDyn<X> extends true
    ? number
    : IsDyn<Y> extends true
      ? number
      : T extends 1
        ? `${X}${Y}` extends `${string}${'.' | '-' | 'e'}${string}`
          ? number
          : [SubDim<Y, X>] extends [never]
            ? 0
            : SubDim<Y, X>
        : number
  : number
