import type { DType } from '../compiler/ir/types.js'
import { size } from '../compiler/ir/types.js'
import type { TypedArray } from '../compiler/trace/tensor.js'

/** On a device every element takes 4 bytes; bool is a u32 of 0 or 1. */
export const byteLength = (shape: readonly number[]): number => size(shape) * 4

/** Host elements as the device stores them. Memory is shared where the two are alike. */
export function toDeviceBytes(data: TypedArray, dtype: DType): Uint8Array<ArrayBuffer> {
  const wide = dtype === 'bool' ? Uint32Array.from(data) : data
  const bytes = new Uint8Array(wide.buffer, wide.byteOffset, wide.byteLength)
  // Node 20's native calls refuse views of shared memory.
  return isShared(bytes) ? new Uint8Array(bytes) : (bytes as Uint8Array<ArrayBuffer>)
}

const isShared = (bytes: Uint8Array): boolean =>
  typeof SharedArrayBuffer !== 'undefined' && bytes.buffer instanceof SharedArrayBuffer

/** The inverse: device bytes, which the result may share, as host elements. */
export function fromDeviceBytes(bytes: ArrayBuffer, dtype: DType): TypedArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(bytes)
    case 'i32':
      return new Int32Array(bytes)
    case 'u32':
      return new Uint32Array(bytes)
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
