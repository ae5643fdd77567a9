import {
  add,
  cast,
  full,
  less,
  lessEqual,
  maximum,
  mul,
  rem,
  rightShift,
  sub,
  where,
} from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { Tensor } from '../../compiler/trace/tensor.js'
import { type Any, bits, type Key, type Of, split } from './keys.js'

/** 23 random bits as f32 in [0, 1). */
export const unit = (k: Key, shape: readonly number[]): Any =>
  mul(cast(rightShift(bits(k, shape) as Any, 9) as Any, 'f32') as Any, 2 ** -23) as Any

/**
 * Uniform f32 in [low, high): 23 random bits.
 *
 * @example
 * const u = uniform(key(0), [2, 3])
 */
export function uniform<const N extends readonly number[]>(k: Key, shape: N, low = 0, high = 1): Of<N, 'f32'> {
  const u = unit(k, shape)
  if (low === 0 && high === 1) return u
  const [from, to] = [Math.fround(low), Math.fround(high)]
  return maximum(add(mul(u, Math.fround(to - from)) as Any, from) as Any, from) as Any
}

/**
 * Uniform i32 in [low, high), numbers or i32 tensors that broadcast to `shape`; `low` where high ≤ low. Of 64 random bits a number the
 * remainder is taken, so that the bias is below high - low in 2⁶⁴.
 * Throws FoveaError 'input' when a number is no i32.
 *
 * @example
 * const dice = randint(key(0), [10], 1, 7)
 */
export function randint<const N extends readonly number[]>(
  k: Key,
  shape: N,
  low: number | Tensor<any, 'i32'>,
  high: number | Tensor<any, 'i32'>,
): Of<N, 'i32'> {
  const [from, to] = [low, high].map((limit) => integer(limit, shape))
  const [above, below] = split(k).map((half) => bits(half, shape) as Any)
  const span = where(
    lessEqual(to, from) as Any,
    full(shape, 1, 'u32') as Any,
    cast(sub(to, from) as Any, 'u32') as Any,
  ) as Any
  // 2³² modulo the span, without leaving 32 bits.
  const half = rem(full(shape, 2 ** 16, 'u32') as Any, span) as Any
  const turn = rem(mul(half, half) as Any, span) as Any
  const offset = add(mul(rem(above, span) as Any, turn) as Any, rem(below, span) as Any) as Any
  return add(from, cast(rem(offset, span) as Any, 'i32') as Any) as Any
}

const integer = (limit: number | Any, shape: readonly number[]): Any => {
  if (limit instanceof Tensor) return add(limit as Any, full(shape, 0, 'i32') as Any) as Any
  if (!Number.isInteger(limit) || (limit | 0) !== limit)
    throw new FoveaError('input', `randint: expected limits that are i32 integers, got ${limit}`)
  return full(shape, limit, 'i32') as Any
}

/**
 * true with probability `p`, a number or an f32 tensor that broadcasts to `shape`.
 *
 * @example
 * const kept = bernoulli(key(0), [2, 3], 0.9)
 */
export const bernoulli = <const N extends readonly number[]>(
  k: Key,
  shape: N,
  p: number | Tensor<any, 'f32'> = 0.5,
): Of<N, 'bool'> => less(unit(k, shape), p as Any) as Any

/**
 * -1 or 1, f32, with equal probability.
 *
 * @example
 * const signs = rademacher(key(0), [4])
 */
export const rademacher = <const N extends readonly number[]>(k: Key, shape: N): Of<N, 'f32'> =>
  sub(mul(cast(bernoulli(k, shape) as Any, 'f32') as Any, 2) as Any, 1) as Any
