import type { DType } from '../ir/types.js'
import type { Tensor } from '../trace/tensor.js'
import type { Float } from './operand.js'
import type { Dim, IsAny, ShapeError, Show, Unknown } from './shape.js'

type AnyFunction = (...args: never[]) => unknown

/** What a loss returns. */
export type Scalar = Tensor<readonly [], Float>

/** The gradient of a pytree: leaves of floats keep their type, other tensors become null, what is not a tensor stays. */
export type Grads<P> = Leaves<P> extends infer G ? ([P] extends [G] ? P : G) : never
type Leaves<P> =
  IsAny<P> extends true
    ? any
    : P extends Tensor<any, infer D>
      ? D extends Float
        ? P
        : null
      : P extends object
        ? { [K in keyof P]: Leaves<P[K]> }
        : P

/** Gradients of the arguments `N` names: one, or a list. */
export type GradsOf<A extends readonly unknown[], N> = N extends readonly number[]
  ? { -readonly [K in keyof N]: Grads<A[N[K] & keyof A]> }
  : Grads<A[N & keyof A]>

/** unknown when `R` may be differentiated: an f32 scalar, or [scalar, aux] with `hasAux`. */
export type CheckLoss<R, Aux> =
  IsAny<R> extends true
    ? unknown
    : Aux extends true
      ? R extends readonly [infer L, unknown]
        ? CheckLoss<L, false>
        : ShapeError<'grad: with hasAux the function must return [loss, aux]'>
      : R extends Tensor<infer S, infer D>
        ? IsAny<D> extends true
          ? unknown
          : D extends Float
            ? [Unknown<S>] extends [never]
              ? S extends readonly []
                ? unknown
                : ShapeError<`grad: the loss must be a scalar, got ${Show<S>}; reduce it with sum or mean`>
              : unknown
            : ShapeError<`grad: the loss must be a float, got ${D & DType}`>
        : ShapeError<'grad: the function must return a tensor'>
export type AuxOf<R> = R extends readonly [unknown, infer X] ? X : never

export interface GradOptions<N, Aux> {
  /** Which arguments to differentiate, 0 when absent. */
  readonly argnums?: N
  /** The function returns [loss, aux]; aux is passed through. */
  readonly hasAux?: Aux
}
export type Grad = <
  A extends readonly any[],
  R,
  const N extends number | readonly number[] = 0,
  const Aux extends boolean = false,
>(
  f: ((...args: A) => R) & CheckLoss<R, Aux>,
  options?: GradOptions<N, Aux>,
) => (...args: A) => Aux extends true ? [grads: GradsOf<A, N>, aux: AuxOf<R>] : GradsOf<A, N>
export type ValueAndGrad = <
  A extends readonly any[],
  R,
  const N extends number | readonly number[] = 0,
  const Aux extends boolean = false,
>(
  f: ((...args: A) => R) & CheckLoss<R, Aux>,
  options?: GradOptions<N, Aux>,
) => (...args: A) => [value: R, grads: GradsOf<A, N>]

/** Derivatives of a tree of tensors by a tree of f32 tensors: the first's tree of the second's, shapes joined. */
export type Jacobian<R, P> =
  IsAny<R> extends true
    ? any
    : R extends Tensor<infer S, any>
      ? DerivativesOf<S, P>
      : R extends object
        ? { [K in keyof R]: Jacobian<R[K], P> }
        : R
type DerivativesOf<S, P> =
  IsAny<P> extends true
    ? any
    : P extends Tensor<infer T, infer D>
      ? Tensor<S extends readonly unknown[] ? (T extends readonly unknown[] ? [...S, ...T] : any) : any, D>
      : P extends object
        ? { [K in keyof P]: DerivativesOf<S, P[K]> }
        : P

export type JacobianOf = <A extends readonly any[], R, const N extends number = 0>(
  f: (...args: A) => R,
  options?: { readonly argnums?: N },
) => (...args: A) => Jacobian<R, A[N & keyof A]>
export type Hessian = <A extends readonly any[], R, const N extends number = 0>(
  f: (...args: A) => R,
  options?: { readonly argnums?: N },
) => (...args: A) => Jacobian<Jacobian<R, A[N & keyof A]>, A[N & keyof A]>

export type CustomVjp = <A extends readonly any[], R, Residuals>(
  f: (...args: A) => R,
  forward: (...args: A) => readonly [value: R, residuals: Residuals],
  backward: (residuals: Residuals, cotangent: R) => { readonly [K in keyof A]: Grads<A[K]> | null },
) => (...args: A) => R

/** The tree without the leading dim of every tensor. */
export type Unbatched<T> =
  T extends Tensor<infer S, infer D>
    ? Tensor<S extends readonly [any, ...infer R] ? R : any, D>
    : T extends AnyFunction
      ? T
      : T extends object
        ? { [K in keyof T]: Unbatched<T[K]> }
        : T
/** The common leading dim of a tree's tensors. */
export type LeadingDim<T> = LeadingDims<T> extends infer N extends Dim ? ([N] extends [never] ? number : N) : number
type LeadingDims<T> =
  T extends Tensor<infer S, any>
    ? S extends readonly [infer N, ...any[]]
      ? N
      : never
    : T extends object
      ? { [K in keyof T]: LeadingDims<T[K]> }[keyof T]
      : never

/** A tensor's shape and dtype without its elements. */
export interface ShapeOnly<S, D> {
  readonly shape: S
  readonly dtype: D
}
/** The tree with shapes and dtypes in place of tensors; with `Either` tensors may stay. */
export type ShapesOf<T, Either = false> =
  IsAny<T> extends true
    ? any
    : T extends Tensor<infer S, infer D>
      ? ShapeOnly<Sizes<S>, D> | (Either extends true ? T : never)
      : T extends AnyFunction
        ? T
        : T extends object
          ? { [K in keyof T]: ShapesOf<T[K], Either> }
          : T
/** A named dim has a size that only tracing knows. */
type Sizes<S> = IsAny<S> extends true ? readonly number[] : { [K in keyof S]: S[K] extends number ? S[K] : number }
