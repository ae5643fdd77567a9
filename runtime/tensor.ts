import { integerRange, isInteger } from '../compiler/ir/dtype.js'
import type { DType } from '../compiler/ir/types.js'
import { showShape, size } from '../compiler/ir/types.js'
import { fail } from '../compiler/lang/fail.js'
import { arrayTensor, type Tensor } from '../compiler/trace/tensor.js'
import type { Dims } from '../compiler/types/dim.js'
import type { Shape } from '../compiler/types/shape.js'
import { hostArray } from './array.js'
import type { HostData } from './bytes.js'
import { toHalf } from './half.js'

/** Any array of numbers that JavaScript has. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | BigInt64Array
export type Nested = number | boolean | readonly Nested[]

/** The shape of nested arrays, as far as their type tells: tuples give numbers. `Depth` bounds the recursion. */
export type ShapeOf<T, Depth extends readonly unknown[] = []> = Depth['length'] extends 8
  ? Shape
  : T extends NumberArray
    ? [number]
    : T extends readonly [infer First, ...unknown[]]
      ? [T['length'], ...ShapeOf<First, [...Depth, 0]>]
      : T extends readonly (infer Item)[]
        ? [T['length'], ...ShapeOf<Item, [...Depth, 0]>]
        : []

/** Int32Array gives i32, Uint32Array u32, BigInt64Array (token ids) i32, booleans bool, everything else f32. */
export type DTypeOf<T> = T extends Int32Array | BigInt64Array
  ? 'i32'
  : T extends Uint32Array
    ? 'u32'
    : T extends NumberArray
      ? 'f32'
      : AllBoolean<T> extends true
        ? 'bool'
        : 'f32'
type AllBoolean<T, Depth extends readonly unknown[] = []> = Depth['length'] extends 8
  ? false
  : T extends boolean
    ? true
    : T extends readonly [infer First, ...unknown[]]
      ? AllBoolean<First, [...Depth, 0]>
      : T extends readonly (infer Item)[]
        ? AllBoolean<Item, [...Depth, 0]>
        : false

/**
 * Makes an array from numbers, booleans, nested arrays of them or a typed array. The data is copied, and uploaded when a
 * device first needs it. Without a shape it is the nesting's; with one, the elements are taken row-major. The dtype
 * follows the data (`DTypeOf`) unless it is given. For f16 and bf16 a Uint16Array holds the elements' bits; numbers are rounded.
 * Throws FoveaError 'shape' for a wrong number of elements or ragged rows, and 'dtype' for a value that the dtype can't hold.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]])                        // Tensor<[2, 2], 'f32'>
 * const ids = tensor(new Int32Array([5, 7, 9, 11]), [2, 2]) // Tensor<[2, 2], 'i32'>
 * const mask = tensor([true, false])                        // Tensor<[2], 'bool'>
 * const half = tensor([1, 0.1], undefined, 'f16')           // Tensor<[2], 'f16'>
 */
export function tensor<const T extends Nested | NumberArray, D extends DType = DTypeOf<T>>(
  data: T,
  shape?: undefined,
  dtype?: D,
): Tensor<ShapeOf<T>, D>
export function tensor<T extends Nested | NumberArray, const S extends readonly number[], D extends DType = DTypeOf<T>>(
  data: T,
  shape: S,
  dtype?: D,
): Tensor<Dims<{ -readonly [K in keyof S]: S[K] }>, D>
export function tensor(data: Nested | NumberArray, shape?: readonly number[], dtype?: DType): Tensor<any, any> {
  const flat = flatten(data)
  const into = dtype ?? flat.dtype
  const dims = shape ?? flat.shape
  const bad = dims.find((d) => !Number.isInteger(d) || d < 0)
  if (bad !== undefined) fail('shape', `tensor: expected a shape of whole numbers, got ${showShape(dims)}`)
  if (size(dims) !== flat.data.length)
    fail('shape', `tensor: shape ${showShape(dims)} has ${size(dims)} elements, the data has ${flat.data.length}`)
  return arrayTensor(hostArray(convert(flat.data, into), [...dims], into))
}

interface Flat {
  readonly data: NumberArray | readonly number[]
  readonly shape: readonly number[]
  readonly dtype: DType
}

function flatten(data: Nested | NumberArray): Flat {
  if (isNumberArray(data)) {
    const wide = data instanceof Int32Array || data instanceof BigInt64Array
    return { data, shape: [data.length], dtype: wide ? 'i32' : data instanceof Uint32Array ? 'u32' : 'f32' }
  }
  const shape: number[] = []
  for (let at: Nested = data; Array.isArray(at); at = at[0]) shape.push(at.length)
  const out: number[] = []
  let booleans = 0
  const walk = (at: Nested, depth: number): void => {
    if (Array.isArray(at)) {
      if (at.length !== shape[depth])
        fail(
          'shape',
          `tensor: rows differ in length: expected ${depth < shape.length ? `${shape[depth]} elements` : 'a number'} at depth ${depth}, got ${at.length}`,
        )
      for (const item of at) walk(item, depth + 1)
    } else if (depth < shape.length)
      fail('shape', `tensor: rows differ in depth: expected an array of ${shape[depth]} at depth ${depth}, got ${at}`)
    else if (typeof at === 'number' || typeof at === 'boolean') {
      if (typeof at === 'boolean') booleans++
      out.push(Number(at))
    } else
      fail(
        'dtype',
        `tensor: expected numbers, booleans, nested arrays of them or a typed array, got ${at === null ? 'null' : typeof at}`,
      )
  }
  walk(data, 0)
  return { data: out, shape, dtype: booleans > 0 && booleans === out.length ? 'bool' : 'f32' }
}

const isNumberArray = (x: unknown): x is NumberArray => ArrayBuffer.isView(x) && !(x instanceof DataView)

const arrays = {
  f32: Float32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  i32: Int32Array,
  i8: Int8Array,
  u32: Uint32Array,
  u8: Uint8Array,
  bool: Uint8Array,
}

/** A copy as the dtype's own array. Integers and booleans must fit: a value that wraps around is an error. */
function convert(data: Flat['data'], dtype: DType): HostData {
  const Result = arrays[dtype]
  if (data.constructor === Result && dtype !== 'bool') return (data as HostData).slice()
  const out = new Result(data.length)
  const range = isInteger(dtype) ? integerRange[dtype] : dtype === 'bool' ? [0, 1] : undefined
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i])
    if (range && (!Number.isInteger(value) || value < range[0] || value > range[1]))
      fail(
        'dtype',
        `tensor: expected whole numbers from ${range[0]} to ${range[1]} for ${dtype}, got ${value} at element ${i}`,
      )
    out[i] = dtype === 'f16' || dtype === 'bf16' ? toHalf(value, dtype) : value
  }
  return out
}

/** Elements of a dtype as a host array has them, rounded to it. Integers and booleans are taken as they are. */
export const hostData = (data: ArrayLike<number>, dtype: DType): HostData =>
  dtype === 'f16' || dtype === 'bf16'
    ? Uint16Array.from(data, (x) => toHalf(x, dtype))
    : (arrays[dtype] as Float32ArrayConstructor).from(data)
