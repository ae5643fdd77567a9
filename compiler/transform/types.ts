import type { Tensor } from '../trace/tensor.js'
import type { ShapeError } from '../types/shape.js'

/** The gradient of a tree: float leaves keep their type, everything else becomes null. */
export type Grads<P> =
  P extends Tensor<any, infer D>
    ? D extends 'f32'
      ? P
      : null
    : P extends (...a: never[]) => unknown
      ? null
      : P extends readonly unknown[] | object
        ? { [K in keyof P]: Grads<P[K]> }
        : P
/** Keeps the user's own type name when all leaves are float. */
type Keep<P> = Grads<P> extends infer G ? ([P] extends [G] ? P : G) : never

export type GradOf<A extends readonly unknown[], N> = N extends readonly number[]
  ? { -readonly [K in keyof N]: Keep<A[N[K] & keyof A]> }
  : Keep<A[N & keyof A]>

/** What a loss function must return: a float scalar, or [scalar, aux] with hasAux. */
export type CheckLoss<R, Aux> = Aux extends true
  ? R extends readonly [infer L, unknown]
    ? CheckLoss<L, false>
    : ShapeError<'grad with hasAux: expected f to return [loss, aux]'>
  : R extends Tensor<infer S, infer D>
    ? S extends readonly []
      ? D extends 'f32'
        ? unknown
        : ShapeError<`grad: expected a float loss, got ${D & string}`>
      : ShapeError<'grad: expected a scalar loss; reduce it with sum() or mean()'>
    : ShapeError<'grad: expected f to return a tensor'>
export type AuxOf<R> = R extends readonly [unknown, infer X] ? X : never

export interface GradOptions<N, Aux> {
  /** Which arguments to differentiate: a position, or several. Default 0. */
  readonly argnums?: N
  /** f returns [loss, aux]; aux is passed through. */
  readonly hasAux?: Aux
}
