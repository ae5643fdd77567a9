import { arrayBytes } from '../compiler/ir/dtype.js'
import { type DType, size } from '../compiler/ir/types.js'
import type { TypedArray } from '../compiler/trace/tensor.js'
import { bfloatToFloat, halfToFloat } from './half.js'

/** Bytes of an array on a device: whole words of 4 bytes; bool is a u32 of 0 or 1. */
export const byteLength = (shape: readonly number[], dtype: DType): number => arrayBytes(size(shape), dtype)

/** Elements in host memory: f16 and bf16 as their bits, bool as 0 or 1. */
export type HostData = TypedArray | Uint16Array

/** Host elements as the device stores them. Memory is shared where the two are alike. */
export function toDeviceBytes(data: HostData, dtype: DType): Uint8Array<ArrayBuffer> {
  const wide = dtype === 'bool' ? Uint32Array.from(data) : data
  const bytes = new Uint8Array(wide.buffer, wide.byteOffset, wide.byteLength)
  if (bytes.length % 4 !== 0) {
    const whole = new Uint8Array(Math.ceil(bytes.length / 4) * 4)
    whole.set(bytes)
    return whole
  }
  // Node 20's native calls refuse views of shared memory.
  return isShared(bytes) ? new Uint8Array(bytes) : (bytes as Uint8Array<ArrayBuffer>)
}

const isShared = (bytes: Uint8Array): boolean =>
  typeof SharedArrayBuffer !== 'undefined' && bytes.buffer instanceof SharedArrayBuffer

/** Host elements as they are read; a fresh copy. */
export function readable(data: HostData, dtype: DType): TypedArray {
  if (dtype === 'f16') return halfToFloat(data as Uint16Array)
  if (dtype === 'bf16') return bfloatToFloat(data as Uint16Array)
  return (data as TypedArray).slice()
}

/** Device bytes, which the result may share, as `n` elements to read. */
export function fromDeviceBytes(bytes: ArrayBuffer, n: number, dtype: DType): TypedArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(bytes)
    case 'f16':
    case 'bf16':
      return readable(new Uint16Array(bytes, 0, n), dtype)
    case 'i32':
      return new Int32Array(bytes)
    case 'u32':
      return new Uint32Array(bytes)
    case 'i8':
      return new Int8Array(bytes, 0, n)
    case 'u8':
      return new Uint8Array(bytes, 0, n)
    case 'bool':
      return Uint8Array.from(new Uint32Array(bytes))
  }
}

/** '1.5 GiB': for messages. */
export function showBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10))
  return `${power === 0 ? bytes : (bytes / 2 ** (10 * power)).toFixed(1)} ${units[power]}`
}
