import type { DType } from '../../compiler/ir/types.js'
import { size } from '../../compiler/ir/types.js'
import type { AnyTensor, RefArray } from '../../compiler/ops/op.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { arrayTensor, Tensor, type TypedArray } from '../../compiler/trace/tensor.js'
import { hostArray } from '../../runtime/array.js'
import { hostData } from '../../runtime/tensor.js'

/** Numbers to any depth: `1`, `[1, 2]`, `[[1, 2], [3, 4]]`. */
export type Nested = number | readonly Nested[]
/** What the assertions accept as an array of numbers. */
export type Values = AnyTensor | RefArray | TypedArray | Float64Array | Nested

export interface Flat {
  /** Undefined for a typed array, which may stand for any shape of its size. */
  readonly shape: readonly number[] | undefined
  readonly dtype: DType | undefined
  readonly data: ArrayLike<number>
}

/** The elements of `values`, row-major, with what is known of shape and dtype. Throws FoveaError 'input' for ragged lists. */
export async function flat(values: Values): Promise<Flat> {
  if (values instanceof Tensor) return refOf(values)
  if (ArrayBuffer.isView(values)) return { shape: undefined, dtype: undefined, data: values as ArrayLike<number> }
  if (typeof values === 'object' && 'data' in values) return values
  const nested = values as Nested
  const shape: number[] = []
  for (let level: Nested = nested; Array.isArray(level); level = level[0]) shape.push(level.length)
  const data = Array.isArray(nested) ? (nested.flat(Number.POSITIVE_INFINITY) as number[]) : [nested as number]
  if (!rectangular(nested, shape))
    throw new FoveaError(
      'input',
      `expected lists of one length at each level, like shape [${shape.join(', ')}], got ragged lists`,
    )
  return { shape, dtype: undefined, data }
}

const rectangular = (x: Nested, [n, ...rest]: readonly number[]): boolean =>
  Array.isArray(x) ? x.length === n && x.every((y) => rectangular(y, rest)) : n === undefined

/** A tensor's elements in f64. An array that exists is read as it is: no device is needed. */
export async function refOf(x: AnyTensor): Promise<RefArray> {
  const data = x.node.kind === 'array' ? await x.node.storage.read() : ((await x.data()) as TypedArray)
  return { ...x.aval, data: Float64Array.from(data) }
}

/** A tensor over host memory. Its elements are rounded to its dtype. */
export function hostTensor({ shape, dtype, data }: RefArray): AnyTensor {
  if (data.length !== size(shape))
    throw new FoveaError(
      'shape',
      `expected ${size(shape)} elements for shape [${shape.join(', ')}], got ${data.length}`,
    )
  return arrayTensor(hostArray(hostData(data, dtype), shape, dtype))
}
