import type { DType } from '../compiler/ir/types.js'
import { showAval, size } from '../compiler/ir/types.js'
import { FoveaError } from '../compiler/trace/error.js'
import type { Storage, TypedArray } from '../compiler/trace/tensor.js'
import { byteLength, fromDeviceBytes, type HostData, readable, toDeviceBytes } from './bytes.js'
import type { Block, Device } from './device.js'

/** Elements in host memory, in a block of a device, or in both. Handles that alias each other share it. */
export interface Memory {
  host?: { readonly data: HostData; readonly dtype: DType }
  device?: { readonly device: Device; readonly block: Block }
  handles: number
}

/** One handle more, for the length of a call: `releaseMemory` must follow. */
export function holdMemory(memory: Memory): Memory {
  memory.handles++
  return memory
}

/** A block is given back when its last handle is disposed or collected. */
export function releaseMemory(memory: Memory): void {
  if (--memory.handles > 0) return
  memory.device?.device.pool.release(memory.device.block)
  memory.device = undefined
  memory.host = undefined
}

const collected = new FinalizationRegistry(releaseMemory)

/** A handle on an array's memory, and what a tensor holds. */
export class ArrayStorage implements Storage {
  #memory: Memory | undefined
  #gone = 'disposed'

  constructor(
    memory: Memory,
    readonly shape: readonly number[],
    readonly dtype: DType,
  ) {
    this.#hold(memory)
  }

  #hold(memory: Memory): void {
    memory.handles++
    this.#memory = memory
    collected.register(this, memory, this)
  }

  /** The memory. Throws FoveaError 'disposed' after dispose() or donation. */
  get memory(): Memory {
    if (!this.#memory)
      throw new FoveaError(
        'disposed',
        `the array ${showAval(this)} was ${this.#gone} and can't be used any more: keep what you still need, or use the call's result`,
      )
    return this.#memory
  }
  get disposed(): boolean {
    return this.#memory === undefined
  }

  /** A second handle on the same memory; the bits are read as `dtype`. */
  alias(shape: readonly number[] = this.shape, dtype: DType = this.dtype): ArrayStorage {
    return new ArrayStorage(this.memory, shape, dtype)
  }

  dispose(): void {
    this.#drop('disposed')
  }
  [Symbol.dispose](): void {
    this.dispose()
  }

  /**
   * Gives the array up to a call. The returned function takes it back, for calls that fail before they begin; until
   * then the call must hold the memory.
   */
  donate(call: string): () => void {
    const memory = this.memory
    this.#drop(`donated to '${call}'`)
    return () => this.#hold(memory)
  }

  #drop(how: string): void {
    if (!this.#memory) return
    collected.unregister(this)
    releaseMemory(this.#memory)
    this.#memory = undefined
    this.#gone = how
  }

  /** A fresh copy of the elements. Throws FoveaError 'disposed', or 'device-lost' when they were on a device that is gone. */
  async read(): Promise<TypedArray> {
    const { host, device } = this.memory
    const n = size(this.shape)
    if (host?.dtype === this.dtype) return readable(host.data, this.dtype)
    if (host) return fromDeviceBytes(toDeviceBytes(host.data, host.dtype).slice().buffer, n, this.dtype)
    const held = this.alias()
    try {
      const bytes = await device!.device.read(device!.block, byteLength(this.shape, this.dtype))
      return fromDeviceBytes(bytes, n, this.dtype)
    } finally {
      held.dispose()
    }
  }
}

/**
 * An array over host data that is not copied (f16 and bf16: their bits): the data must not change afterwards. It is uploaded when a device
 * first needs it. The length is the caller's to get right.
 */
export const hostArray = (data: HostData, shape: readonly number[], dtype: DType): ArrayStorage =>
  new ArrayStorage({ host: { data, dtype }, handles: 0 }, shape, dtype)

/** The block that holds the memory on this device, if one does. */
export const residentOn = (device: Device, memory: Memory): Block | undefined =>
  memory.device?.device === device ? memory.device.block : undefined

/** Brings memory that is on the host to this device. */
export async function upload(device: Device, memory: Memory): Promise<Block> {
  if (!memory.host)
    throw (
      memory.device?.device.failure.lost() ??
      new FoveaError('input', 'the array is on another device: read it there and make a new one with tensor()')
    )
  const bytes = toDeviceBytes(memory.host.data, memory.host.dtype)
  const block = await device.upload(bytes)
  memory.device?.device.pool.release(memory.device.block)
  memory.device = { device, block }
  return block
}
