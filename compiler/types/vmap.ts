import type { Tensor } from '../trace/tensor.js'
import type { Dim } from './shape.js'

type AnyFunction = (...args: never[]) => unknown

/** Which axis of a tensor is mapped; null: none. For a tree one for all of its tensors, or a tree of them, down to where they agree. */
export type MapAxis = number | null | { readonly [key: string]: MapAxis } | readonly MapAxis[]
/** Axes of arguments: one for all, or one an argument. */
export type MapAxes = number | null | readonly MapAxis[]

/** What the spec `X` says of the part `K`. */
type AxisAt<X, K> = X extends number | null ? X : K extends keyof X ? X[K] : 0

/** The shape with a dim `N` at axis `X` of the result. */
export type WithAxis<S, N, X> = S extends readonly unknown[]
  ? X extends 0
    ? [N, ...S]
    : X extends -1
      ? [...S, N]
      : number extends X
        ? any
        : `${X & number}` extends `-${infer M extends number}`
          ? FromBack<S, N, M>
          : FromFront<S, N, X>
  : any
type FromFront<S extends readonly unknown[], N, X, O extends readonly unknown[] = []> = O['length'] extends X
  ? [...O, N, ...S]
  : S extends readonly [infer H, ...infer T]
    ? FromFront<T, N, X, [...O, H]>
    : any
type FromBack<S extends readonly unknown[], N, M, O extends readonly unknown[] = [N]> = O['length'] extends M
  ? [...S, ...O]
  : S extends readonly [...infer T, infer H]
    ? FromBack<T, N, M, O extends readonly [infer Axis, ...infer R] ? [Axis, H, ...R] : never>
    : any

/** The tree with a dim `N` on every tensor that the spec `X` maps, where it says. */
export type Batched<T, N extends Dim, X = 0> =
  T extends Tensor<infer S, infer D>
    ? X extends null
      ? T
      : Tensor<WithAxis<S, N, X>, D>
    : T extends AnyFunction
      ? T
      : T extends object
        ? { [K in keyof T]: Batched<T[K], N, AxisAt<X, K>> }
        : T

/** Arguments of a mapped function. */
export type BatchedArgs<A extends readonly unknown[], N extends Dim, Axes> = {
  [K in keyof A]: Batched<A[K], N, AxisAt<Axes, K>>
}
