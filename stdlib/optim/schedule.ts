import { add, cast, cos, div, less, minimum, mul, sub, where } from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import type { Tensor } from '../../compiler/trace/tensor.js'

/** The learning rate at a step (i32 scalar, 0 for the first update), as a tensor: the schedule is part of the program. */
export type Schedule = (step: Tensor<[], 'i32'>) => Tensor<[], 'f32'>

/**
 * Linear warmup from peak / warmup to `peak` over `warmup` steps, then half a cosine that would reach `end` at step `total`.
 * Source: Loshchilov & Hutter 2017, "SGDR", as used for CLIP.
 *
 * @example
 * const lr = warmupCosine({ peak: 1e-3, warmup: 100, total: 1000 })
 */
export function warmupCosine(options: {
  readonly peak: number
  readonly warmup: number
  readonly total: number
  readonly end?: number
}): Schedule {
  const { peak, warmup, total, end = 0 } = options
  if (!(warmup >= 0 && total > warmup))
    throw new FoveaError('input', `warmupCosine: expected 0 <= warmup < total, got warmup ${warmup} and total ${total}`)
  return (step) => {
    const t = cast(step, 'f32') as Tensor<[], 'f32'>
    const progress = minimum(div(sub(t, warmup) as Tensor<[], 'f32'>, total - warmup), 1) as Tensor<[], 'f32'>
    const decayed = add(
      mul(add(cos(mul(progress, Math.PI) as Tensor<[], 'f32'>), 1) as Tensor<[], 'f32'>, (peak - end) / 2),
      end,
    )
    if (warmup === 0) return decayed as Tensor<[], 'f32'>
    return where(less(step, warmup), mul(add(t, 1), peak / warmup), decayed) as Tensor<[], 'f32'>
  }
}
