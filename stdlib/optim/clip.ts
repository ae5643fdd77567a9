import { add, div, less, mul, sqrt, square, sum, where, zeros } from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { namedScope } from '../../compiler/trace/source.js'
import type { Tensor } from '../../compiler/trace/tensor.js'
import { type AnyTensor, flatten, treeMap } from '../../compiler/trace/tree.js'

type F = Tensor<any, 'f32'>

/**
 * The length of all tensors of a tree as one vector.
 *
 * @example
 * console.log(await globalNorm({ a: tensor([3]), b: tensor([4]) }).item()) // 5
 */
export const globalNorm = (tree: unknown): Tensor<[], 'f32'> =>
  sqrt(
    flatten(tree)
      .leaves.map((x) => sum(square(x) as F) as F)
      .reduce((a, b) => add(a, b) as F, zeros([]) as F),
  ) as Tensor<[], 'f32'>

/**
 * Gradients whose global norm is at most `maxNorm`: those that are longer are scaled down, all by the same factor.
 * Throws FoveaError 'input' when `maxNorm` is not above 0.
 * Source: Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", algorithm 1.
 *
 * @example
 * const { w } = clipByGlobalNorm({ w: tensor([3, 4]) }, 1)
 * console.log((await w.data())[0].toFixed(3)) // 0.600
 */
export function clipByGlobalNorm<P>(grads: P, maxNorm: number): P {
  if (!(maxNorm > 0)) throw new FoveaError('input', `clipByGlobalNorm: expected a norm above 0, got ${maxNorm}`)
  return namedScope('clip', () => {
    const norm = globalNorm(grads)
    const factor = where(less(norm, maxNorm), 1, div(maxNorm, norm)) as F
    return treeMap((x) => mul(x, factor) as AnyTensor, grads)
  })
}
