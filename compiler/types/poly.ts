import type { Tensor } from '../trace/tensor.js'
import type { AddDim, DivDim, Eq, MulDim } from './dim.js'
import type { Dim, IsAny, IsDyn, Shape, ShapeError, Show } from './shape.js'

type AnyFunction = (...args: never[]) => unknown

/** The argument tree with any dims: same structure, ranks and dtypes. A name '...s' stands for any number of leading dims. */
export type Loose<P> =
  P extends Tensor<infer S, infer D>
    ? Tensor<LooseShape<S>, D>
    : P extends AnyFunction
      ? P
      : P extends object
        ? { readonly [K in keyof P]: Loose<P[K]> }
        : P
type LooseShape<S> =
  IsAny<S> extends true
    ? any
    : S extends readonly [`...${string}`, ...infer T]
      ? readonly [...Dim[], ...AnyDims<T>]
      : AnyDims<S>
type AnyDims<S> = { readonly [K in keyof S]: Dim }

// Bindings: a union of [name, dim] over the whole argument tree. A literal dim 512 of the signature is bound as '=512'.
type BindShape<P, A> = true extends IsAny<P> | IsAny<A>
  ? never
  : P extends readonly [infer N, ...infer PT]
    ? N extends `...${infer R}`
      ? BindSpread<R, PT, A>
      : A extends readonly [infer V, ...infer AT]
        ? BindDim<N, V> | BindShape<PT, AT>
        : never
    : never
type BindDim<N, V> = N extends number ? (number extends N ? never : [`=${N}`, N] | [`=${N}`, V]) : [N, V]
type BindSpread<R, PT, A> = PT extends readonly []
  ? [R, A]
  : A extends readonly [...infer Pre, infer V]
    ? PT extends readonly [...infer PM, infer N]
      ? BindDim<N, V> | BindSpread<R, PM, Pre>
      : never
    : never
type Bind<P, A> =
  P extends Tensor<infer PS, any>
    ? A extends Tensor<infer AS, any>
      ? BindShape<PS, AS>
      : never
    : P extends AnyFunction
      ? never
      : P extends readonly unknown[]
        ? BindList<P, A>
        : P extends object
          ? { [K in keyof P]-?: K extends keyof A ? Bind<P[K], A[K]> : never }[keyof P]
          : never
type BindList<P, A> = number extends (P & readonly unknown[])['length']
  ? P extends readonly (infer E)[]
    ? A extends readonly (infer F)[]
      ? Bind<E, F>
      : never
    : never
  : P extends readonly []
    ? never
    : P extends readonly [(infer P0)?, ...infer PT]
      ? A extends readonly [infer A0, ...infer AT]
        ? Bind<P0, A0> | BindList<PT, AT>
        : never
      : never

/** An unknown dim fits whatever else the name is bound to. */
type Narrow<V> =
  IsDyn<V> extends true ? V : number extends V ? ([Exclude<V, number>] extends [never] ? V : Exclude<V, number>) : V
type EnvOf<B> = {
  [N in B extends [infer K extends string, any] ? K : never]: Narrow<B extends [N, infer V] ? V : never>
}
type IsUnion<T, U = T> = [T] extends [never] ? false : T extends unknown ? ([U] extends [T] ? false : true) : false
type Conflict<E> = { [N in keyof E]: number extends E[N] ? never : IsUnion<E[N]> extends true ? N : never }[keyof E]
type Format<V> = V extends Dim ? `${V}` : V extends Shape ? Show<V> : never
type Describe<E, N extends keyof E> = N extends `=${infer D}`
  ? `expected dim ${D}, got ${Exclude<Format<E[N]>, D>}`
  : `dim '${N & string}' is ${Listed<Format<E[N]>>}`
type LastOf<U> = (U extends unknown ? (x: () => U) => void : never) extends (x: infer I) => void
  ? I extends () => infer L
    ? L
    : never
  : never
type Listed<U, L = LastOf<U>> = [U] extends [never]
  ? ''
  : Exclude<U, L> extends infer R
    ? [R] extends [never]
      ? `${L & string}`
      : `${Listed<R>} and ${L & string}`
    : ''

// The result with names replaced by what the call bound them to.
type SubstDim<D, E> = D extends keyof E
  ? E[D]
  : D extends `(${infer X})`
    ? SubstDim<X, E>
    : D extends `${infer X extends number}`
      ? X
      : D extends `${infer X}+${infer Y}`
        ? Substituted<X, Y, E> extends [infer A, infer B]
          ? AddDim<A, B>
          : never
        : D extends `${infer X}*${infer Y}`
          ? Substituted<X, Y, E> extends [infer A, infer B]
            ? MulDim<A, B>
            : never
          : D extends `${infer X}/${infer Y}`
            ? Substituted<X, Y, E> extends [infer A, infer B]
              ? DivDim<A, B>
              : never
            : D
type Substituted<X, Y, E> = [SubstDim<X, E>, SubstDim<Y, E>]
type SubstShape<S, E, O extends readonly unknown[] = []> =
  IsAny<S> extends true
    ? any
    : S extends readonly [infer H, ...infer T]
      ? H extends `...${infer R}`
        ? SubstShape<T, E, [...O, ...(R extends keyof E ? (E[R] extends readonly unknown[] ? E[R] : []) : [])]>
        : SubstShape<T, E, [...O, SubstDim<H, E>]>
      : number extends (S & Shape)['length']
        ? S
        : O
export type Subst<R, E> =
  R extends Tensor<infer S, infer D>
    ? Tensor<SubstShape<S, E>, D>
    : R extends AnyFunction
      ? R
      : R extends object
        ? { [K in keyof R]: Subst<R[K], E> }
        : R

/** A function over named dims: a call binds the names and gets the result with them replaced. */
export type Poly<P extends readonly unknown[], R> = <const A extends Loose<P>>(
  ...args: PolyArgs<A, EnvOf<BindList<P, A>>>
) => Eq<A, Loose<P>> extends true ? AnyShape<R> : PolyResult<R, EnvOf<BindList<P, A>>>
type PolyArgs<A, E> = [Conflict<E>] extends [never] ? A : [ShapeError<Describe<E, Conflict<E>>>, ...unknown[]]
type PolyResult<R, E> = [Conflict<E>] extends [never] ? Subst<R, E> : AnyShape<R>
/** The result after an error. */
type AnyShape<R> =
  R extends Tensor<any, infer D>
    ? Tensor<any, D>
    : R extends AnyFunction
      ? R
      : R extends object
        ? { [K in keyof R]: AnyShape<R[K]> }
        : R
