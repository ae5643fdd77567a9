import { add, matmul, mul, reshape, zeros } from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { namedScope } from '../../compiler/trace/source.js'
import type { Tensor } from '../../compiler/trace/tensor.js'
import { flatten, unflatten } from '../../compiler/trace/tree.js'
import { foldIn, key, uniform } from '../random/index.js'

type F = Tensor<any, 'f32'>

export interface LoraOptions {
  /** Rank of what is added to a weight. */
  readonly rank: number
  /** The product is scaled by alpha / rank. */
  readonly alpha: number
  /** Names of the weights that get adapters. */
  readonly targets: RegExp
  readonly seed: number
}

/** What is added to one weight [out, in]: scale · B·A. */
export interface Adapter {
  /** [rank, in]. */
  readonly lora_A: F
  /** [out, rank]. */
  readonly lora_B: F
  /** alpha / rank: a number of the tree's structure, and so not trained. */
  readonly scale: number
}
/** Adapters by the name of their weight. */
export type LoraParams = Readonly<Record<string, Adapter>>

/**
 * Adapters of low rank for the weights whose names `targets` matches: A is drawn, uniform in ±1/√in, and B is 0, so that the
 * merged model starts as the given one. Weights are [out, in]; more dims are taken as [out, rest].
 * Throws FoveaError 'input' when the rank is no whole number above 0 or nothing matches, and 'shape' for a target of fewer than
 * two dims.
 * Source: Hu et al. 2021, "LoRA: Low-rank adaptation of large language models".
 *
 * @example
 * const model = { q_proj: { weight: ones([4, 4]) }, bias: ones([4]) }
 * const adapters = lora(model, { rank: 2, alpha: 4, targets: /q_proj\.weight$/, seed: 0 })
 * const slopes = grad((a) => sum(mergeLora(model, a).q_proj.weight))(adapters)
 */
export function lora(params: unknown, { rank, alpha, targets, seed }: LoraOptions): LoraParams {
  if (!Number.isSafeInteger(rank) || rank < 1)
    throw new FoveaError('input', `lora: expected a rank that is a whole number above 0, got ${rank}`)
  const { leaves, paths } = flatten(params)
  const start = key(seed)
  const adapters = paths.flatMap((name, i): [string, Adapter][] => {
    if (name.search(targets) < 0) return []
    const [out, ...rest] = leaves[i].shape as readonly number[]
    if (!rest.length)
      throw new FoveaError(
        'shape',
        `lora: expected targets of two or more dims, got [${leaves[i].shape.join(', ')}] at '${name}'`,
      )
    const from = rest.reduce((a, b) => a * b, 1)
    const bound = 1 / Math.sqrt(from)
    return [
      [
        name,
        {
          lora_A: uniform(foldIn(start, i), [rank, from], -bound, bound) as F,
          lora_B: zeros([out, rank]) as F,
          scale: alpha / rank,
        },
      ],
    ]
  })
  if (!adapters.length) throw new FoveaError('input', `lora: no parameter's name matches ${targets}`)
  return Object.fromEntries(adapters)
}

/**
 * Parameters with their adapters' products added: W + scale · B·A. A pure function, to be used in the loss, differentiated by the
 * adapters alone, or once, to save an ordinary checkpoint.
 * Throws FoveaError 'tree' for an adapter of a parameter that isn't there.
 *
 * @example
 * const model = { q_proj: { weight: ones([4, 4]) } }
 * const merged = mergeLora(model, lora(model, { rank: 2, alpha: 4, targets: /q_proj/, seed: 0 }))
 */
export function mergeLora<P>(params: P, adapters: LoraParams): P {
  const { leaves, paths, tree } = flatten(params)
  const lost = Object.keys(adapters).find((name) => !paths.includes(name))
  if (lost !== undefined) throw new FoveaError('tree', `mergeLora: the parameters have nothing at '${lost}'`)
  return namedScope('lora', () =>
    unflatten(
      tree,
      leaves.map((x, i) => {
        const adapter = adapters[paths[i]]
        if (!adapter) return x
        const product = matmul(adapter.lora_B, adapter.lora_A) as F
        return add(x as F, reshape(mul(product, adapter.scale) as F, x.shape as number[]) as F)
      }),
    ),
  ) as P
}
