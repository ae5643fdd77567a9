import { showAval } from '../../compiler/ir/types.js'
import {
  add,
  bitwiseXor,
  cast,
  iota,
  less,
  log,
  maximum,
  mul,
  neg,
  reshape,
  rightShift,
  slice,
  sqrt,
  stack,
  sub,
  where,
  zerosLike,
} from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { where as here } from '../../compiler/trace/source.js'
import { Tensor } from '../../compiler/trace/tensor.js'
import { tensor } from '../../runtime/tensor.js'
import { threefry2x32 } from './threefry.js'

/**
 * Explicit randomness: a key is two u32 words; the same key gives the same numbers, bit for bit those of `jax.random` with
 * threefry2x32 in its partitionable form (JAX's default).
 */
export type Key = Tensor<[2], 'u32'>

/** What random functions return: of the asked shape. */
type Of<N extends readonly number[], D> = Tensor<{ -readonly [K in keyof N]: N[K] }, D>
type Any = Tensor<any, any>

/**
 * A key from a seed, an integer of up to 53 bits. Throws FoveaError 'input' otherwise.
 *
 * @example
 * const k = key(42)
 */
export function key(seed: number): Key {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new FoveaError('input', `key: expected a non-negative integer seed, got ${seed}`)
  return tensor(new Uint32Array([Math.floor(seed / 2 ** 32), seed % 2 ** 32]), [2], 'u32') as Key
}

function words(k: Key): [Any, Any] {
  if (!(k instanceof Tensor) || k.aval.dtype !== 'u32' || k.aval.shape.join() !== '2')
    throw new FoveaError(
      'input',
      `random: expected a key, made by key(seed), split or foldIn, got ${k instanceof Tensor ? showAval(k.aval) : `a ${typeof k}`}`,
      here()(),
    )
  return [reshape(slice(k as Any, [0], [1]) as Any, []) as Any, reshape(slice(k as Any, [1], [2]) as Any, []) as Any]
}

/** Counters 0, 1, … of a shape, encrypted: two words for each element. */
function encrypt(k: Key, shape: readonly number[]): [Any, Any] {
  const n = shape.reduce((a, b) => a * b, 1)
  const [k0, k1] = words(k)
  const low = iota([n], 0, 'u32') as Any
  return threefry2x32(k0, k1, zerosLike(low), low)
}

/**
 * `n` new independent keys.
 *
 * @example
 * const [a, b] = split(key(0))
 */
export function split(k: Key, n = 2): Key[] {
  const [a, b] = encrypt(k, [n])
  const rows = stack([a, b], 1) as Any
  return Array.from({ length: n }, (_, i) => reshape(slice(rows, [i, 0], [i + 1, 2]) as Any, [2]) as Any as Key)
}

/**
 * A new key from a key and a number, such as a step or a layer.
 *
 * @example
 * const stepKey = foldIn(key(0), 7)
 */
export function foldIn(k: Key, data: number | Tensor<[], 'u32'>): Key {
  const [k0, k1] = words(k)
  const x = (typeof data === 'number' ? tensor(new Uint32Array([data]), [], 'u32') : data) as Any
  const [a, b] = threefry2x32(k0, k1, zerosLike(x), x)
  return stack([a, b], 0) as Any as Key
}

/**
 * Uniform 32-bit words.
 *
 * @example
 * const words = bits(key(0), [4])
 */
export function bits<const N extends readonly number[]>(k: Key, shape: N): Of<N, 'u32'> {
  const [a, b] = encrypt(k, shape)
  return reshape(bitwiseXor(a, b) as Any, shape) as Any
}

/**
 * Uniform f32 in [low, high): 23 random bits.
 *
 * @example
 * const u = uniform(key(0), [2, 3])
 */
export function uniform<const N extends readonly number[]>(k: Key, shape: N, low = 0, high = 1): Of<N, 'f32'> {
  const unit = mul(cast(rightShift(bits(k, shape) as Any, 9) as Any, 'f32') as Any, 2 ** -23) as Any
  if (low === 0 && high === 1) return unit
  const [from, to] = [Math.fround(low), Math.fround(high)]
  return maximum(add(mul(unit, Math.fround(to - from)) as Any, from) as Any, from) as Any
}

const belowMinusOne = -0.99999994
/**
 * Standard normal f32: √2·erf⁻¹(u) for u uniform in (-1, 1).
 *
 * @example
 * const z = normal(key(0), [2, 3])
 */
export function normal<const N extends readonly number[]>(k: Key, shape: N): Of<N, 'f32'> {
  return mul(erfInv(uniform(k, shape, belowMinusOne, 1) as Any), Math.SQRT2) as Any
}

// Source: Giles 2010, "Approximating the erfinv function", single precision.
const central = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941,
]
const tail = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
  1.00167406, 2.83297682,
]
const horner = (coefficients: readonly number[], x: Any): Any =>
  coefficients
    .slice(1)
    .reduce<Any>((sum, c) => add(mul(sum, x) as Any, c) as Any, add(zerosLike(x), coefficients[0]) as Any)

function erfInv(x: Any): Any {
  const w = neg(log(mul(sub(1, x) as Any, add(1, x) as Any) as Any)) as Any
  const near = horner(central, sub(w, 2.5) as Any)
  const far = horner(tail, sub(sqrt(maximum(w, 5) as Any), 3) as Any)
  return mul(where(less(w, 5) as Any, near, far) as Any, x) as Any
}
