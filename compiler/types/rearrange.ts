import type { DivDim, Eq, EqDim, MulDim } from './dim.js'
import type { Trim, Words } from './einsum.js'
import type { IsAny, Shape, ShapeError, Show, ShowDim, Unknown } from './shape.js'

/** Terms of one side, each a list of axes: 'b (h p) 1' → [['b'], ['h', 'p'], []]. A number is an axis of its own: '2@L1.0'. */
type Terms<S extends string, Side extends string, O extends string[][] = []> =
  Trim<S> extends infer U extends string
    ? U extends ''
      ? O
      : U extends `(${infer G})${infer T}`
        ? Terms<T, Side, [...O, Tagged<Words<Trim<G>>, `${Side}${O['length']}`>]>
        : U extends `${infer H} ${infer T}`
          ? Terms<T, Side, [...O, One<H, `${Side}${O['length']}`>]>
          : [...O, One<U, `${Side}${O['length']}`>]
    : never
type One<A extends string, At extends string> = A extends '1' ? [] : Tagged<[A], At>
type Tagged<G extends string[], At extends string> = {
  [K in keyof G]: G[K] extends `${number}` ? `${G[K]}@${At}.${K & string}` : G[K]
}
type AxesOf<T> = T extends [infer G extends string[], ...infer R] ? [...G, ...AxesOf<R>] : []

/** einops.rearrange: split, reorder and merge axes; `Sizes` gives what a split cannot infer. reduce drops axes, repeat adds some. */
export type Rearrange<Spec extends string, S, Sizes, Op extends Einops = 'rearrange'> = string extends Spec
  ? Shape
  : Spec extends `${infer L}->${infer R}`
    ? [Unknown<S>] extends [never]
      ? Terms<L, 'L'> extends infer TL extends string[][]
        ? Names<`${Op} '${Spec}'`, Op, AxesOf<TL>, AxesOf<Terms<R, 'R'>>, keyof Sizes> extends infer E extends
            ShapeError<string>
          ? E
          : TL['length'] extends (S & Shape)['length']
            ? BindTerms<`${Op} '${Spec}'`, TL, S, Sizes> extends infer E
              ? E extends ShapeError<string>
                ? E
                : Merge<Terms<R, 'R'>, E>
              : never
            : ShapeError<`${Op} '${Spec}': the left side names ${TL['length']} axes but the tensor is ${Show<S>}`>
        : never
      : IsAny<S> extends true
        ? any
        : { [K in keyof Terms<R, 'R'>]: number }
    : ShapeError<`${Op} '${Spec}': expected '->'`>
export type Einops = 'rearrange' | 'reduce' | 'repeat'

/** Each axis once on a side, and on the other side unless it is dropped or added; sizes are given for axes that exist. */
type Names<What extends string, Op, L extends string[], R extends string[], Given> =
  Twice<L> extends infer A extends string
    ? ShapeError<`${What}: axis '${A}' is named twice on the left`>
    : Twice<R> extends infer A extends string
      ? ShapeError<`${What}: axis '${A}' is named twice on the right`>
      : Nameless<Op extends 'reduce' ? R : [...L, ...(Op extends 'repeat' ? [] : R)]> extends infer A extends string
        ? ShapeError<`${What}: ${A} needs a name here`>
        : (Op extends 'reduce' ? null : MissingIn<L, R[number]>) extends infer A extends string
          ? ShapeError<`${What}: axis '${A}' is only on the left`>
          : MissingIn<
                R,
                L[number] | (Op extends 'repeat' ? Given | `${number}@${string}` : never)
              > extends infer A extends string
            ? ShapeError<`${What}: axis '${A}' is only on the right${Op extends 'repeat' ? '; give its size' : ''}`>
            : [Exclude<Given, L[number] | (Op extends 'repeat' ? R[number] : never)>] extends [never]
              ? unknown
              : ShapeError<`${What}: there is no axis '${Exclude<Given, L[number] | (Op extends 'repeat' ? R[number] : never)> & string}' to give a size`>
type Twice<L> = L extends [infer A, ...infer T] ? (A extends T[number] ? A : Twice<T>) : null
type Nameless<L> = L extends [infer A, ...infer T]
  ? A extends `${infer N extends number}@${string}`
    ? `${N}`
    : Nameless<T>
  : null
type MissingIn<L, U> = L extends [infer A, ...infer T] ? (A extends U ? MissingIn<T, U> : A) : null

/** Sizes by axis, from the dims and the given sizes. A term may have one axis of unknown size. */
type BindTerms<What extends string, Ts, S, Env> = Ts extends [infer G extends string[], ...infer GT]
  ? S extends readonly [infer D, ...infer ST]
    ? Known<G, Env> extends [infer P, infer U]
      ? U extends []
        ? EqDim<P, D> extends []
          ? ShapeError<`${What}: (${JoinWords<G>}) is ${ShowDim<P>} but the dim is ${ShowDim<D>}`>
          : BindTerms<What, GT, ST, Env>
        : U extends [infer A extends string]
          ? Eq<P, 1> extends true
            ? BindTerms<What, GT, ST, Env & { [K in A]: D }>
            : DivDim<D, P> extends infer Q
              ? [Q] extends [never]
                ? ShapeError<`${What}: dim ${ShowDim<D>} is not divisible by ${ShowDim<P>} in (${JoinWords<G>})`>
                : BindTerms<What, GT, ST, Env & { [K in A]: Q }>
              : never
          : ShapeError<`${What}: (${JoinWords<G>}) has more than one axis of unknown size; give sizes`>
      : never
    : never
  : Env
/** [product of the known sizes, axes of unknown size] */
type Known<G, Env, P = 1, U extends string[] = []> = G extends [infer A extends string, ...infer T]
  ? A extends keyof Env
    ? Known<T, Env, MulDim<P, Env[A]>, U>
    : A extends `${infer N extends number}@${string}`
      ? Known<T, Env, MulDim<P, N>, U>
      : Known<T, Env, P, [...U, A]>
  : [P, U]
type Word<H extends string> = H extends `${infer N extends number}@${string}` ? `${N}` : H
type JoinWords<G> = G extends [infer H extends string, ...infer T]
  ? T extends []
    ? Word<H>
    : `${Word<H>} ${JoinWords<T>}`
  : ''
type Merge<Ts, Env, O extends readonly unknown[] = []> = Ts extends [infer G, ...infer GT]
  ? Known<G, Env> extends [infer P, unknown]
    ? Merge<GT, Env, [...O, P]>
    : never
  : O
