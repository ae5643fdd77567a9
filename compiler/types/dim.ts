import type { Add, DivMod, Mul, Sub } from './arith.js'
import type { Dim, IsDyn, Shape } from './shape.js'

/** Identity of types. Unlike `extends` it decides at once on type parameters, so names stay rigid inside generic functions. */
export type Eq<X, Y> = (<T>() => T extends X ? 1 : 2) extends <T>() => T extends Y ? 1 : 2 ? true : false

declare const named: unique symbol
/** The size of a named dim as a value: a number that remembers its name when it is passed on as part of a shape. */
export type NamedSize<Name extends string> = number & { readonly [named]: Name }
/** The shape that a list of sizes stands for: named sizes become their names. */
export type Dims<N> = {
  -readonly [K in keyof N]: N[K] extends { readonly [named]: infer D } ? D : N[K]
} extends infer S extends Shape
  ? S
  : never

/** The common dim of two that must be equal, as [dim]; [] when they differ. An unknown dim takes the other's size. */
export type EqDim<X, Y> =
  Eq<X, Y> extends true
    ? [X]
    : IsDyn<X> extends true
      ? [Y]
      : IsDyn<Y> extends true
        ? [X]
        : X extends `${string}*${string}`
          ? Y extends `${string}*${string}`
            ? SameProduct<Factors<[X]>, Factors<[Y]>> extends true
              ? [X]
              : []
            : []
          : []
type SameProduct<X, Y> = X extends [infer N, infer A extends string[]]
  ? Y extends [infer M, infer B extends string[]]
    ? Eq<N, M> extends true
      ? Minus<A, B> extends []
        ? true
        : false
      : false
    : false
  : false

/** Splits a product into its names. A sum inside a product is in parentheses and stays whole. */
type Names<S extends string> = S extends `${string}(${string}`
  ? [S]
  : S extends `${infer A}*${infer B}`
    ? [...Names<A>, ...Names<B>]
    : [S]
/** A shape's element count as [number, names]; 'dyn' when a size is unknown. Dims of -1 don't count. */
export type Factors<S, N extends number = 1, Y extends string[] = []> = S extends readonly [infer H, ...infer T]
  ? IsDyn<H> extends true
    ? 'dyn'
    : H extends -1
      ? Factors<T, N, Y>
      : H extends number
        ? Factors<T, Mul<N, H>, Y>
        : FactorNames<Names<H & string>, T, N, Y>
  : [N, Y]
type FactorNames<Ns, T, N extends number, Y extends string[]> = Ns extends [
  infer H extends string,
  ...infer R extends string[],
]
  ? H extends `${infer L extends number}`
    ? FactorNames<R, T, Mul<N, L>, Y>
    : FactorNames<R, T, N, [...Y, H]>
  : Factors<T, N, Y>
type RemoveOne<L extends string[], X extends string, P extends string[] = []> = L extends [
  infer H extends string,
  ...infer T extends string[],
]
  ? H extends X
    ? [...P, ...T]
    : RemoveOne<T, X, [...P, H]>
  : never
/** L without R as multisets; never when R is not contained in L. */
export type Minus<L extends string[], R extends string[]> = R extends [
  infer H extends string,
  ...infer T extends string[],
]
  ? RemoveOne<L, H> extends infer L1 extends string[]
    ? Minus<L1, T>
    : never
  : L
type JoinNames<Y extends string[]> = Y extends [infer H extends string, ...infer T extends string[]]
  ? T extends []
    ? H
    : `${H}*${JoinNames<T>}`
  : ''
/** The dim that number × names stands for. */
export type Product<N extends number, Y extends string[]> = Y extends []
  ? N
  : N extends 0
    ? 0
    : N extends 1
      ? JoinNames<Y>
      : `${N}*${JoinNames<Y>}`

/** A sum or quotient inside a product needs parentheses. */
type Term<X> = X extends `${string}(${string}` ? X : X extends `${string}${'+' | '-' | '/'}${string}` ? `(${X})` : X
export type MulDim<X, Y> = [X, Y] extends [number, number]
  ? IsDyn<X> extends true
    ? number
    : IsDyn<Y> extends true
      ? number
      : Mul<X & number, Y & number>
  : Eq<X, 1> extends true
    ? Y
    : Eq<Y, 1> extends true
      ? X
      : Factors<[Term<X>, Term<Y>]> extends [infer N extends number, infer Z extends string[]]
        ? Product<N, Z>
        : number
/** X / Y; never when it does not divide. */
export type DivDim<X, Y> =
  Eq<Y, 1> extends true
    ? X
    : Factors<[X]> extends [infer N extends number, infer A extends string[]]
      ? Factors<[Y]> extends [infer M extends number, infer B extends string[]]
        ? [Minus<A, B>] extends [never]
          ? `${X & Dim}/${Y & Dim}`
          : DivMod<N, M> extends [infer Q extends number, infer R]
            ? R extends 0
              ? Product<Q, Minus<A, B>>
              : A extends []
                ? never
                : `${X & Dim}/${Y & Dim}`
            : never
        : number
      : number
export type AddDim<X, Y> =
  IsDyn<X> extends true
    ? number
    : IsDyn<Y> extends true
      ? number
      : [X, Y] extends [infer A extends number, infer B extends number]
        ? Add<A, B>
        : Eq<X, 0> extends true
          ? Y
          : Eq<Y, 0> extends true
            ? X
            : `${X & Dim}+${Y & Dim}`
/** X - Y; never when negative, unknown unless both are literal. */
export type SubDim<X, Y> =
  Eq<Y, 0> extends true
    ? X
    : [X, Y] extends [infer A extends number, infer B extends number]
      ? number extends A | B
        ? number
        : Sub<A, B>
      : number
