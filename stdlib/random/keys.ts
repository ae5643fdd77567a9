import { showAval } from '../../compiler/ir/types.js'
import { bitwiseXor, iota, reshape, slice, stack, zerosLike } from '../../compiler/lang/index.js'
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
export type Of<N extends readonly number[], D> = Tensor<{ -readonly [K in keyof N]: N[K] }, D>
export type Any = Tensor<any, any>

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

/** `n` new independent keys as rows: [n, 2]. */
export const keyRows = (k: Key, n: number): Any => stack(encrypt(k, [n]), 1) as Any

/**
 * `n` new independent keys.
 *
 * @example
 * const [a, b] = split(key(0))
 */
export function split(k: Key, n = 2): Key[] {
  const rows = keyRows(k, n)
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
