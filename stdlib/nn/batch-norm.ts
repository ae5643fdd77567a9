import { add, mean, mul, rsqrt, sub, variance } from '../../compiler/lang/index.js'
import type { Tensor } from '../../compiler/trace/tensor.js'

type F<S> = Tensor<S, 'f32'>
type Any = F<any>

/** Scale and shift of each feature. */
export interface BatchNormParams {
  readonly weight: F<['d']>
  readonly bias: F<['d']>
}
/** What training has seen of each feature: it is no parameter, and changes by averaging, not by a gradient. */
export interface BatchNormStats {
  readonly running_mean: F<['d']>
  readonly running_var: F<['d']>
}

const normalise = <X>(x: X, mu: Any, sigma2: Any, p: BatchNormParams, eps: number): X =>
  add(
    mul(sub(x as Any, mu) as Any, mul(rsqrt(add(sigma2, eps) as Any) as Any, p.weight as Any) as Any) as Any,
    p.bias as Any,
  ) as X

/**
 * Batch normalisation over all axes but the last, by the running statistics: what a trained model does.
 * Source: Ioffe and Szegedy 2015, "Batch normalization", algorithm 2.
 *
 * @example
 * const p = { weight: ones([8]), bias: zeros([8]) }
 * const y = batchNorm(ones([4, 8]), p, { running_mean: zeros([8]), running_var: ones([8]) }) // [4, 8]
 */
export const batchNorm = <S>(x: F<S>, p: BatchNormParams, stats: BatchNormStats, eps = 1e-5): F<S> =>
  normalise(x, stats.running_mean as Any, stats.running_var as Any, p, eps)

/**
 * Batch normalisation by the batch's own mean and variance, in training, and the running statistics after it: they move by `momentum`
 * towards the batch's mean and unbiased variance (PyTorch's rule).
 * Source: Ioffe and Szegedy 2015, algorithm 1.
 *
 * @example
 * const p = { weight: ones([8]), bias: zeros([8]) }
 * const [y, stats] = batchNormTrain(ones([4, 8]), p, { running_mean: zeros([8]), running_var: ones([8]) })
 */
export function batchNormTrain<S>(
  x: F<S>,
  p: BatchNormParams,
  stats: BatchNormStats,
  { eps = 1e-5, momentum = 0.1 }: { readonly eps?: number; readonly momentum?: number } = {},
): [y: F<S>, stats: BatchNormStats] {
  const all = x as Any
  const rows = all.size / (all.shape as readonly number[])[all.ndim - 1]
  const axes = Array.from({ length: all.ndim - 1 }, (_, i) => i)
  const mu = mean(all, axes) as Any
  const sigma2 = variance(all, axes) as Any
  const moved = (from: Any, to: Any): any => add(mul(from, 1 - momentum) as Any, mul(to, momentum) as Any)
  return [
    normalise(x, mu, sigma2, p, eps),
    {
      running_mean: moved(stats.running_mean as Any, mu),
      running_var: moved(stats.running_var as Any, mul(sigma2, rows / Math.max(1, rows - 1)) as Any),
    },
  ]
}
