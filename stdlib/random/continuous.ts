import {
  abs,
  add,
  clip,
  div,
  erf,
  erfInv,
  full,
  log,
  log1p,
  maximum,
  mul,
  neg,
  sign,
  sub,
  tan,
} from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import type { Any, Key, Of } from './keys.js'
import { uniform, unit } from './uniform.js'

/** The f32 next to -1 and below 1, and the smallest normal f32. */
const aboveMinusOne = -0.99999994
const tiny = 2 ** -126
const root2 = Math.fround(Math.SQRT2)

/**
 * Standard normal f32: √2·erf⁻¹(u) for u uniform in (-1, 1).
 *
 * @example
 * const z = normal(key(0), [2, 3])
 */
export const normal = <const N extends readonly number[]>(k: Key, shape: N): Of<N, 'f32'> =>
  mul(erfInv(uniform(k, shape, aboveMinusOne, 1) as Any) as Any, root2) as Any

/**
 * Standard normal f32 given that it is between `lower` and `upper`, both excluded.
 * Throws FoveaError 'input' when lower is not below upper.
 *
 * @example
 * const w = truncatedNormal(key(0), [2, 3], -2, 2)
 */
export function truncatedNormal<const N extends readonly number[]>(
  k: Key,
  shape: N,
  lower: number,
  upper: number,
): Of<N, 'f32'> {
  if (!(lower < upper))
    throw new FoveaError('input', `truncatedNormal: expected lower < upper, got ${lower} and ${upper}`)
  const [a, b] = [lower, upper].map((x) => erf(div(full([], x) as Any, root2) as Any) as Any)
  const u = maximum(add(mul(unit(k, shape), sub(b, a) as Any) as Any, a) as Any, a) as Any
  return clip(mul(erfInv(u) as Any, root2) as Any, next(lower, 1), next(upper, -1)) as Any
}

/** The f32 next to `x`, above it or below. */
function next(x: number, direction: 1 | -1): number {
  const value = new Float32Array([x])
  const bits = new Int32Array(value.buffer)
  if (value[0] === 0) return direction * 2 ** -149
  if (value[0] !== direction * Number.POSITIVE_INFINITY) bits[0] += value[0] > 0 ? direction : -direction
  return value[0]
}

/**
 * Exponential f32 of rate 1.
 *
 * @example
 * const waits = exponential(key(0), [4])
 */
export const exponential = <const N extends readonly number[]>(k: Key, shape: N): Of<N, 'f32'> =>
  neg(log1p(neg(unit(k, shape)) as Any) as Any) as Any

/**
 * Standard Gumbel f32: -log(-log u). The largest of logits with such noise is a draw from their softmax (Gumbel 1954).
 *
 * @example
 * const noise = gumbel(key(0), [4])
 */
export const gumbel = <const N extends readonly number[]>(k: Key, shape: N): Of<N, 'f32'> =>
  neg(log(neg(log(uniform(k, shape, tiny, 1) as Any)) as Any) as Any) as Any

/**
 * Standard Laplace f32.
 *
 * @example
 * const z = laplace(key(0), [4])
 */
export function laplace<const N extends readonly number[]>(k: Key, shape: N): Of<N, 'f32'> {
  const u = uniform(k, shape, aboveMinusOne, 1) as Any
  return mul(sign(u), log1p(neg(abs(u) as Any) as Any) as Any) as Any
}

/**
 * Standard Cauchy f32.
 *
 * @example
 * const z = cauchy(key(0), [4])
 */
export const cauchy = <const N extends readonly number[]>(k: Key, shape: N): Of<N, 'f32'> =>
  tan(mul(sub(uniform(k, shape, 2 ** -23, 1) as Any, 0.5) as Any, Math.fround(Math.PI)) as Any) as Any

/**
 * Standard logistic f32: log(u / (1 - u)).
 *
 * @example
 * const z = logistic(key(0), [4])
 */
export function logistic<const N extends readonly number[]>(k: Key, shape: N): Of<N, 'f32'> {
  const u = uniform(k, shape, tiny, 1) as Any
  return sub(log(u), log1p(neg(u) as Any) as Any) as Any
}
