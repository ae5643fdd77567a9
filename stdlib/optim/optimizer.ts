/** A rule for updating parameters of the tree `P`: pure functions, so that they are part of the jitted step. */
export interface Optimizer<P, S> {
  init(params: P): S
  /** New parameters and state. */
  update(grads: P, state: S, params: P): [params: P, state: S]
}
