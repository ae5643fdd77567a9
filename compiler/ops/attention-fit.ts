import type { Target } from '../ir/program.js'
import type { Aval, Params } from '../ir/types.js'
import { size } from '../ir/types.js'
import { attentionDims, attentionParams, type Differentiated } from './attention-dims.js'

/** Which sizes attention has kernels for, and how many of them its gradients take. */

/** Heads of keys, over the batch, from which an item of a CPU may make all gradients of one; and the numbers it keeps of queries at most. */
const [manyHeads, mostKept] = [8, 2 ** 20]

/**
 * Few queries, or few scores for a head: separate products are as fast or faster there (docs/performance.md), and the scores take little
 * memory.
 */
const [fewQueries, fewScores] = [4, 64 * 64]

export function fitsAttention(ins: readonly Aval[], params: Params, target: Target): boolean {
  if (target.class !== 'cpu' || ins.some((x) => size(x.shape) === 0)) return false
  const { T, S } = attentionDims('attention', ins, attentionParams(params))
  return T >= fewQueries && T * S >= fewScores
}

/** Gradients that one kernel makes together. */
export function gradKernels(
  ins: readonly Aval[],
  params: Params,
  target: Target,
): readonly (readonly Differentiated[])[] {
  const q = attentionParams(params)
  if (!fitsAttention(ins, params, target)) return []
  const { B, T, N, K, H } = attentionDims('attentionGrad', ins, q)
  const products = q.of.filter((name) => name !== 'bias')
  const together = B * K >= manyHeads && (N / K) * T * (H + 8) <= mostKept
  const kernels = together ? [products] : [products.filter((n) => n === 'q'), products.filter((n) => n !== 'q')]
  return [...kernels, q.of.filter((name) => name === 'bias')].filter((of) => of.length)
}
