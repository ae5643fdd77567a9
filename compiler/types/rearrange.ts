import type { DivDim, Eq, EqDim, MulDim } from './dim.js'
import type { Trim, Words } from './einsum.js'
import type { IsAny, Shape, ShapeError, Show, ShowDim, Unknown } from './shape.js'

/** Terms of one side, each a list of axes: 'b (h p) 1' → [['b'], ['h', 'p'], []]. */
type Terms<S extends string, O extends string[][] = []> =
  Trim<S> extends infer U extends string
    ? U extends ''
      ? O
      : U extends `(${infer G})${infer T}`
        ? Terms<T, [...O, Words<Trim<G>>]>
        : U extends `${infer H} ${infer T}`
          ? Terms<T, [...O, One<H>]>
          : [...O, One<U>]
    : never
type One<A extends string> = A extends '1' ? [] : [A]
type AxesOf<T> = T extends [infer G extends string[], ...infer R] ? [...G, ...AxesOf<R>] : []

/** einops.rearrange: split, reorder and merge axes; `Sizes` gives what a split cannot infer. */
export type Rearrange<Spec extends string, S, Sizes> = string extends Spec
  ? Shape
  : Spec extends `${infer L}->${infer R}`
    ? [Unknown<S>] extends [never]
      ? Terms<L> extends infer TL extends string[][]
        ? Names<Spec, AxesOf<TL>, AxesOf<Terms<R>>, keyof Sizes> extends infer E extends ShapeError<string>
          ? E
          : TL['length'] extends (S & Shape)['length']
            ? BindTerms<Spec, TL, S, Sizes> extends infer E
              ? E extends ShapeError<string>
                ? E
                : Merge<Terms<R>, E>
              : never
            : ShapeError<`rearrange '${Spec}': the left side names ${TL['length']} axes but the tensor is ${Show<S>}`>
        : never
      : IsAny<S> extends true
        ? any
        : { [K in keyof Terms<R>]: number }
    : ShapeError<`rearrange '${Spec}': expected '->'`>

/** Each axis once on the left and once on the right; sizes are given for axes that exist. */
type Names<Spec extends string, L extends string[], R extends string[], Given> =
  Twice<L> extends infer A extends string
    ? ShapeError<`rearrange '${Spec}': axis '${A}' is named twice on the left`>
    : Twice<R> extends infer A extends string
      ? ShapeError<`rearrange '${Spec}': axis '${A}' is named twice on the right`>
      : MissingIn<L, R[number]> extends infer A extends string
        ? ShapeError<`rearrange '${Spec}': axis '${A}' is only on the left`>
        : MissingIn<R, L[number]> extends infer A extends string
          ? ShapeError<`rearrange '${Spec}': axis '${A}' is only on the right`>
          : [Exclude<Given, L[number]>] extends [never]
            ? unknown
            : ShapeError<`rearrange '${Spec}': there is no axis '${Exclude<Given, L[number]> & string}' to give a size`>
type Twice<L> = L extends [infer A, ...infer T] ? (A extends T[number] ? A : Twice<T>) : null
type MissingIn<L, U> = L extends [infer A, ...infer T] ? (A extends U ? MissingIn<T, U> : A) : null

/** Sizes by axis, from the dims and the given sizes. A term may have one axis of unknown size. */
type BindTerms<Spec extends string, Ts, S, Env> = Ts extends [infer G extends string[], ...infer GT]
  ? S extends readonly [infer D, ...infer ST]
    ? Known<G, Env> extends [infer P, infer U]
      ? U extends []
        ? EqDim<P, D> extends []
          ? ShapeError<`rearrange '${Spec}': (${JoinWords<G>}) is ${ShowDim<P>} but the dim is ${ShowDim<D>}`>
          : BindTerms<Spec, GT, ST, Env>
        : U extends [infer A extends string]
          ? Eq<P, 1> extends true
            ? BindTerms<Spec, GT, ST, Env & { [K in A]: D }>
            : DivDim<D, P> extends infer Q
              ? [Q] extends [never]
                ? ShapeError<`rearrange '${Spec}': dim ${ShowDim<D>} is not divisible by ${ShowDim<P>} in (${JoinWords<G>})`>
                : BindTerms<Spec, GT, ST, Env & { [K in A]: Q }>
              : never
          : ShapeError<`rearrange '${Spec}': (${JoinWords<G>}) has more than one axis of unknown size; give sizes`>
      : never
    : never
  : Env
/** [product of the known sizes, axes of unknown size] */
type Known<G, Env, P = 1, U extends string[] = []> = G extends [infer A extends string, ...infer T]
  ? A extends keyof Env
    ? Known<T, Env, MulDim<P, Env[A]>, U>
    : Known<T, Env, P, [...U, A]>
  : [P, U]
type JoinWords<G> = G extends [infer H extends string, ...infer T] ? (T extends [] ? H : `${H} ${JoinWords<T>}`) : ''
type Merge<Ts, Env, O extends readonly unknown[] = []> = Ts extends [infer G, ...infer GT]
  ? Known<G, Env> extends [infer P, unknown]
    ? Merge<GT, Env, [...O, P]>
    : never
  : O
