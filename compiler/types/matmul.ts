import type { Broadcast } from './broadcast.js'
import type { EqDim } from './dim.js'
import type { ShapeError, Show, ShowDim, Unknown } from './shape.js'

/** [...batch, m, k] × [...batch, k, n] → [...batch, m, n]; batch dims broadcast. */
export type MatMul<A, B> = [Unknown<A, B>] extends [never]
  ? A extends readonly [...infer BatchA, infer M, infer K]
    ? B extends readonly [...infer BatchB, infer K2, infer N]
      ? EqDim<K, K2> extends []
        ? ShapeError<`matmul: inner dims differ: ${ShowDim<K>} vs ${ShowDim<K2>} in ${Show<A>} x ${Show<B>}`>
        : Broadcast<'matmul: cannot broadcast batch dims', BatchA, BatchB> extends infer R
          ? R extends readonly unknown[]
            ? [...R, M, N]
            : R
          : never
      : ShapeError<`matmul: right operand must have rank >= 2, got ${Show<B>}`>
    : ShapeError<`matmul: left operand must have rank >= 2, got ${Show<A>}`>
  : Unknown<A, B>

/** lax.dot_general: batch dims, then what is left of `A`, then of `B`. */
export type DotGeneral<A, B, X> = [Unknown<A, B>] extends [never]
  ? X extends {
      readonly lhsContract: infer LC extends readonly number[]
      readonly rhsContract: infer RC extends readonly number[]
      readonly lhsBatch: infer LB extends readonly number[]
      readonly rhsBatch: infer RB extends readonly number[]
    }
    ? Pairs<A, B, LC, RC, 'contracting'> extends infer E1 extends ShapeError<string>
      ? E1
      : Pairs<A, B, LB, RB, 'batch'> extends infer E2 extends ShapeError<string>
        ? E2
        : [...Pick<A, LB>, ...Rest<A, LC[number] | LB[number]>, ...Rest<B, RC[number] | RB[number]>]
    : never
  : Unknown<A, B>
type At<S, I> = S[`${I & number}` & keyof S]
type Pick<S, P, O extends readonly unknown[] = []> = P extends readonly [infer I, ...infer T]
  ? Pick<S, T, [...O, At<S, I>]>
  : O
type Rest<S, Drop, C extends readonly unknown[] = [], O extends readonly unknown[] = []> = S extends readonly [
  infer H,
  ...infer T,
]
  ? Rest<T, Drop, [...C, 0], C['length'] extends Drop ? O : [...O, H]>
  : O
type Pairs<A, B, L, R, What extends string> = L extends readonly [infer I extends number, ...infer LT]
  ? R extends readonly [infer J extends number, ...infer RT]
    ? `${I}` extends keyof A
      ? `${J}` extends keyof B
        ? EqDim<At<A, I>, At<B, J>> extends []
          ? ShapeError<`dotGeneral: ${What} dims differ: ${ShowDim<At<A, I>>} vs ${ShowDim<At<B, J>>} in ${Show<A>} x ${Show<B>}`>
          : Pairs<A, B, LT, RT, What>
        : ShapeError<`dotGeneral: axis ${J} is out of range for ${Show<B>}`>
      : ShapeError<`dotGeneral: axis ${I} is out of range for ${Show<A>}`>
    : ShapeError<`dotGeneral: ${What} axes differ in number`>
  : R extends readonly []
    ? unknown
    : ShapeError<`dotGeneral: ${What} axes differ in number`>
