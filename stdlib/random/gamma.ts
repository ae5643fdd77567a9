import {
  add,
  broadcastTo,
  div,
  equal,
  exp,
  full,
  greaterEqual,
  lessEqual,
  log,
  logicalAnd,
  logicalOr,
  maximum,
  mul,
  pow,
  reshape,
  softmax,
  sqrt,
  sub,
  where,
  whileLoop,
} from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { Tensor } from '../../compiler/trace/tensor.js'
import { customJvp, vmap } from '../../compiler/transform/index.js'
import { exponential, normal } from './continuous.js'
import { type Any, type Key, keyRows, type Of, split } from './keys.js'
import { unit } from './uniform.js'

/**
 * One draw by rejection, with d and c as in the source. A shape below 1 is drawn at shape + 1 and boosted by u^(1/shape), in log space
 * where that would underflow.
 * Source: Marsaglia and Tsang 2000, "A simple method for generating gamma variables".
 */
function drawOne(k: Any, shape: Any, logSpace: boolean): Any {
  const large = greaterEqual(shape, 1) as Any
  const d = sub(where(large, shape, add(shape, 1) as Any) as Any, Math.fround(1 / 3)) as Any
  const c = div(Math.fround(1 / 3), sqrt(d) as Any) as Any
  const [loop, rest] = split(k as Key)
  // Until v is positive; then until x and u accept it.
  const proposal = (start: Any): [x: Any, v: Any] => {
    const [, x, v] = whileLoop(
      ([, , v]: Any[]) => lessEqual(v, 0) as Any,
      ([key]: Any[]) => {
        const [next, now] = split(key as Key) as Any[]
        const x = normal(now as Key, []) as Any
        return [next, x, add(mul(x, c) as Any, 1) as Any]
      },
      [start, full([], 0) as Any, full([], -1) as Any],
    )
    return [x, v]
  }
  const rejected = ([, x2, v, u]: Any[]): Any =>
    logicalAnd(
      greaterEqual(u, sub(1, mul(mul(x2, x2) as Any, Math.fround(0.0331)) as Any) as Any) as Any,
      greaterEqual(
        log(u) as Any,
        add(mul(x2, 0.5) as Any, mul(d, add(sub(1, v) as Any, log(v) as Any) as Any) as Any) as Any,
      ) as Any,
    ) as Any
  const [, , v] = whileLoop(
    rejected,
    ([key]: Any[]) => {
      const [next, forX, forU] = split(key as Key, 3) as Any[]
      const [x, v] = proposal(forX)
      return [next, mul(x, x) as Any, mul(mul(v, v) as Any, v) as Any, unit(forU as Key, [])]
    },
    [loop as Any, full([], 0) as Any, full([], 1) as Any, full([], 2) as Any],
  )
  if (logSpace) {
    const logU = sub(0, exponential(rest, []) as Any) as Any
    const none = logicalOr(large, equal(logU, 0) as Any) as Any
    return add(add(log(d) as Any, log(v) as Any) as Any, where(none, 0, div(logU, shape) as Any) as Any) as Any
  }
  const boost = where(large, 1, pow(sub(1, unit(rest, [])) as Any, div(1, shape) as Any) as Any)
  return mul(mul(d, v) as Any, boost as Any) as Any
}

/** Draws for a tensor of shapes, each with a key of its own. */
function draw(name: string, k: Key, a: number | Any, shape: readonly number[] | undefined, logSpace: boolean): Any {
  const given = a instanceof Tensor ? a : (full([], a) as Any)
  const to = shape ?? given.shape
  const alphas = reshape(broadcastTo(given, to as any) as Any, [-1]) as Any
  const drawn = customJvp(
    (keys: Any, each: Any) => vmap((key: Any, one: Any) => drawOne(key, one, logSpace))(keys, each) as Any,
    () => {
      throw new FoveaError('trace', `${name}: draws have no derivative by the shape parameter: put it in stopGradient`)
    },
  )
  return reshape(drawn(keyRows(k, alphas.shape[0]), alphas), to as any) as Any
}

/**
 * Gamma f32 of scale 1 and shape parameter `a`, positive, a number or an f32 tensor that broadcasts to `shape` (its own shape when absent).
 * Throws FoveaError 'trace' when differentiated by `a`.
 *
 * @example
 * const g = gamma(key(0), 2.5, [4])
 */
export const gamma = <const N extends readonly number[]>(
  k: Key,
  a: number | Tensor<any, 'f32'>,
  shape?: N,
): Of<N, 'f32'> => draw('gamma', k, a as Any, shape, false)

/**
 * The logarithm of a gamma draw, which doesn't underflow for small `a`; otherwise like `gamma`.
 *
 * @example
 * const g = loggamma(key(0), 0.001, [4])
 */
export const loggamma = <const N extends readonly number[]>(
  k: Key,
  a: number | Tensor<any, 'f32'>,
  shape?: N,
): Of<N, 'f32'> => draw('loggamma', k, a as Any, shape, true)

/**
 * Beta f32 of parameters `a` and `b`, positive, numbers or f32 tensors that broadcast to `shape`.
 *
 * @example
 * const p = beta(key(0), 2, 3, [4])
 */
export function beta<const N extends readonly number[]>(
  k: Key,
  a: number | Tensor<any, 'f32'>,
  b: number | Tensor<any, 'f32'>,
  shape: N,
): Of<N, 'f32'> {
  const [forA, forB] = split(k)
  const [x, y] = [loggamma(forA, a, shape) as Any, loggamma(forB, b, shape) as Any]
  const top = maximum(x, y) as Any
  const [u, v] = [exp(sub(x, top) as Any) as Any, exp(sub(y, top) as Any) as Any]
  return div(u, add(u, v) as Any) as Any
}

/**
 * Dirichlet f32: points on the simplex, [...shape, n] for parameters `alpha` [n], positive.
 *
 * @example
 * const mixtures = dirichlet(key(0), ones([3]), [2]) // two points of three coordinates
 */
export const dirichlet = <const N extends readonly number[], M extends number>(
  k: Key,
  alpha: Tensor<readonly [M], 'f32'>,
  shape: N,
): Of<[...N, M], 'f32'> => softmax(loggamma(k, alpha, [...shape, (alpha as Any).shape[0]]) as Any, -1) as Any
