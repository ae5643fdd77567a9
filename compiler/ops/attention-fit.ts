import type { Target } from '../ir/program.js'
import type { Aval, Params } from '../ir/types.js'
import { size } from '../ir/types.js'
import { attentionDims, attentionParams, type Differentiated } from './attention-dims.js'

/** Which sizes attention has kernels for, and how many of them its gradients take. */

/** Heads of keys, over the batch, from which an item of a CPU may make all gradients of one; and the numbers it keeps of queries at most. */
const [manyHeads, mostKept] = [8, 2 ** 20]

/** Fewer queries have few scores, and leave most of a block or workgroup idle. */
const fewQueries = 4
/**
 * Scores of a head from which making them block by block pays: below, products of their own are as fast or faster, and the scores take
 * little memory (docs/performance.md). Software adapters are slow at it, and do it to save memory.
 */
const fewScores: Record<Target['class'], number> = { cpu: 128 * 128, software: 512 * 512, gpu: 0 }
/** Width of heads up to which adapters keep lines in registers. */
const widest = 128

export function fitsAttention(ins: readonly Aval[], params: Params, target: Target): boolean {
  if (ins.some((x) => size(x.shape) === 0)) return false
  const { T, S, H } = attentionDims('attention', ins, attentionParams(params))
  if (T < fewQueries || T * S < fewScores[target.class]) return false
  if (target.class === 'cpu') return true
  // Lines are in registers, four numbers in each.
  return H % 4 === 0 && H <= widest && ins.length + 2 <= target.maxStorageBuffersPerShaderStage
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
  const together = target.class === 'cpu' && B * K >= manyHeads && (N / K) * T * (H + 8) <= mostKept
  const kernels = together ? [products] : [products.filter((n) => n === 'q'), products.filter((n) => n !== 'q')]
  return [...kernels, q.of.filter((name) => name === 'bias')].filter((of) => of.length)
}
