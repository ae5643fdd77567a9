import { type AnyTensor, flatten, unflatten } from '../../compiler/trace/tree.js'

type Named = Record<string, AnyTensor>
/** An optimiser of any tree, here of named tensors. */
interface Part<S> {
  init(params: Named): S
  update(grads: Named, state: any, params: Named): [params: Named, state: any]
}

export interface PartitionState<A, B> {
  readonly first: A
  readonly second: B
}

/**
 * Two optimisers for one tree of parameters: `first` has those that `select` takes, by name and tensor, `second` the rest.
 * Each sees its parameters as a flat object from name to tensor.
 *
 * @example
 * const optimizer = partition((name, p) => p.ndim >= 2, muon({ lr: 0.02 }), adamw({ lr: 1e-3 }))
 * const state = optimizer.init({ w: ones([2, 2]), b: ones([2]) })
 */
export function partition<A, B>(select: (name: string, param: AnyTensor) => boolean, first: Part<A>, second: Part<B>) {
  const parts = (tree: unknown, like: unknown): [Named, Named] => {
    const { leaves } = flatten(tree)
    const reference = flatten(like)
    const out: [Named, Named] = [{}, {}]
    reference.leaves.forEach((p, i) => {
      out[select(reference.paths[i], p) ? 0 : 1][reference.paths[i]] = leaves[i]
    })
    return out
  }
  return {
    init: (params: unknown): PartitionState<A, B> => {
      const [a, b] = parts(params, params)
      return { first: first.init(a), second: second.init(b) }
    },
    update: <P>(grads: P, state: PartitionState<A, B>, params: P): [params: P, state: PartitionState<A, B>] => {
      const [[pa, pb], [ga, gb]] = [parts(params, params), parts(grads, params)]
      const [na, sa] = first.update(ga, state.first, pa)
      const [nb, sb] = second.update(gb, state.second, pb)
      const { paths, tree } = flatten(params)
      return [
        unflatten(
          tree,
          paths.map((path) => na[path] ?? nb[path]),
        ) as P,
        { first: sa, second: sb },
      ]
    },
  }
}
