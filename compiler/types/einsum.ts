import type { EqDim } from './dim.js'
import type { IsAny, IsDyn, Shape, ShapeError, Show, ShowDim, Unknown } from './shape.js'

export type Trim<S extends string> = S extends ` ${infer T}` ? Trim<T> : S extends `${infer T} ` ? Trim<T> : S
type SplitComma<S extends string> = S extends `${infer A},${infer B}` ? [Trim<A>, ...SplitComma<B>] : [Trim<S>]
export type Words<S extends string, O extends string[] = []> = S extends `${infer A} ${infer B}`
  ? Words<B, A extends '' ? O : [...O, A]>
  : S extends ''
    ? O
    : [...O, S]
type Letters<S extends string, O extends string[] = []> = S extends `${infer H}${infer T}` ? Letters<T, [...O, H]> : O
/** Axes are words when any term has a space inside, letters otherwise. */
type HasSpace<L extends string[]> = true extends {
  [K in keyof L]: L[K] extends `${string} ${string}` ? true : false
}[number]
  ? true
  : false
type AxesIn<S extends string, Spaced> = Spaced extends true ? Words<S> : Letters<S>

/** The result's shape of an einsum 'i j, j k -> i k' or 'ij,jk->ik'. */
export type Einsum<Spec extends string, Ss> = string extends Spec
  ? Shape
  : Spec extends `${infer L}->${infer R}`
    ? Run<Spec, SplitComma<L>, Trim<R>, HasSpace<[...SplitComma<L>, Trim<R>]>, Ss>
    : ShapeError<`einsum '${Spec}': expected '->' and the result's axes`>
type Run<Spec extends string, Terms extends string[], Out extends string, Spaced, Ss> =
  BindAll<Spec, Terms, Ss, Spaced> extends infer E
    ? IsAny<E> extends true
      ? any
      : E extends ShapeError<string>
        ? E
        : Result<Spec, AxesIn<Out, Spaced>, E>
    : never

/** Sizes by axis, from all operands. */
type BindAll<Spec extends string, Terms extends string[], Ss, Spaced, Env = {}> = Terms extends [
  infer T extends string,
  ...infer Rest extends string[],
]
  ? Ss extends readonly [infer S, ...infer SRest]
    ? IsAny<S> extends true
      ? any
      : [Unknown<S>] extends [never]
        ? AxesIn<T, Spaced> extends infer Ax extends string[]
          ? Ax['length'] extends (S & Shape)['length']
            ? BindOne<Spec, Ax, S, Env> extends infer E
              ? E extends ShapeError<string>
                ? E
                : BindAll<Spec, Rest, SRest, Spaced, E>
              : never
            : ShapeError<`einsum '${Spec}': '${T}' names ${Ax['length']} axes but the operand is ${Show<S>}`>
          : never
        : BindAll<Spec, Rest, SRest, Spaced, BindUnknown<AxesIn<T, Spaced>, Env>>
    : Ss extends readonly []
      ? ShapeError<`einsum '${Spec}': no operand for '${T}'`>
      : any
  : Ss extends readonly []
    ? Env
    : ShapeError<`einsum '${Spec}': more operands than terms`>
type BindUnknown<Ax, Env> = Ax extends [infer A extends string, ...infer T]
  ? BindUnknown<T, A extends keyof Env ? Env : Env & { [K in A]: number }>
  : Env
type BindOne<Spec extends string, Ax, S, Env> = Ax extends [infer A extends string, ...infer T extends string[]]
  ? S extends readonly [infer D, ...infer ST]
    ? A extends T[number]
      ? ShapeError<`einsum '${Spec}': axis '${A}' is named twice in one term`>
      : A extends keyof Env
        ? EqDim<Env[A], D> extends []
          ? ShapeError<`einsum '${Spec}': axis '${A}' is ${ShowDim<Env[A]>} in one operand and ${ShowDim<D>} in another`>
          : BindOne<Spec, T, ST, IsDyn<Env[A]> extends true ? Omit<Env, A> & { [K in A]: D } : Env>
        : BindOne<Spec, T, ST, Env & { [K in A]: D }>
    : never
  : Env
type Result<Spec extends string, Ax, Env, O extends readonly unknown[] = []> = Ax extends [
  infer A extends string,
  ...infer T extends string[],
]
  ? A extends T[number]
    ? ShapeError<`einsum '${Spec}': axis '${A}' is named twice in one term`>
    : A extends keyof Env
      ? Result<Spec, T, Env, [...O, Env[A]]>
      : ShapeError<`einsum '${Spec}': axis '${A}' of the result is in no operand`>
  : O
