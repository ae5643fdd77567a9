import type { Block, Pool } from '../device.js'
import type { Failure } from '../failure.js'
import { arrayTooLarge, outOfMemory } from '../shortage.js'

/** `bytes` is a size class. `id` is unique in the process. */
export interface Buffer extends Block {
  readonly buffer: GPUBuffer
  readonly id: number
}

export interface BufferPool extends Pool {
  acquire(sizes: readonly number[]): Promise<Buffer[]>
  release(block: Buffer): void
}

/** The blocks of a device are its own pool's. */
export const bufferOf = (block: Block): GPUBuffer => (block as Buffer).buffer
export const idOf = (block: Block): number => (block as Buffer).id

/** Sizes grow by an eighth of a power of two from 256 bytes: at most 12.5 % is wasted. */
export function sizeClass(bytes: number): number {
  if (bytes <= 2048) return Math.max(256, Math.ceil(bytes / 256) * 256)
  const step = 2 ** (Math.floor(Math.log2(bytes - 1)) - 3)
  return Math.ceil(bytes / step) * step
}

let nextId = 0

export interface PoolOptions {
  readonly gpu: GPUDevice
  readonly failure: Failure
  readonly usage: number
  /** Bytes of unused blocks to keep, or as many as are in use. */
  readonly keep: number
  /** Largest block that can be bound. */
  readonly largest: number
  /** Shared by the pools of a device. */
  readonly stats: { bytesAllocated: number; bytesInUse: number }
}

/** A pool of buffers of one usage. */
export function createPool({ gpu, failure, usage, keep, largest, stats }: PoolOptions): BufferPool {
  const free = new Map<number, Buffer[]>()
  const reclaimers = new Set<() => void>()
  let freeBytes = 0

  const put = (block: Buffer): void => {
    const same = free.get(block.bytes)
    if (same) same.push(block)
    else free.set(block.bytes, [block])
    freeBytes += block.bytes
  }
  const take = (bytes: number): Buffer | undefined => {
    const block = free.get(bytes)?.pop()
    if (block) freeBytes -= bytes
    return block
  }
  const create = async (classes: readonly number[]): Promise<Buffer[] | GPUError> => {
    gpu.pushErrorScope('out-of-memory')
    const made = classes.map((bytes) => ({ buffer: gpu.createBuffer({ size: bytes, usage }), bytes, id: nextId++ }))
    const err = await failure.guard(gpu.popErrorScope())
    if (!err) {
      for (const { bytes } of made) stats.bytesAllocated += bytes
      return made
    }
    for (const { buffer } of made) buffer.destroy()
    return err
  }

  /** Destroys unused blocks, oldest first, until at most `limit` bytes of them remain. */
  const trim = (limit: number): void => {
    const unused = [...free.values()].flat().sort((a, b) => a.id - b.id)
    for (const block of unused) {
      if (freeBytes <= limit) return
      free.set(
        block.bytes,
        free.get(block.bytes)!.filter((b) => b !== block),
      )
      freeBytes -= block.bytes
      stats.bytesAllocated -= block.bytes
      block.buffer.destroy()
    }
  }

  return {
    async acquire(sizes) {
      for (const bytes of sizes) {
        if (bytes > largest) throw arrayTooLarge(bytes, largest)
      }
      const classes = sizes.map((bytes) => Math.min(sizeClass(bytes), largest))
      const blocks = classes.map(take)
      const missing = classes.filter((_, i) => !blocks[i])
      if (missing.length > 0) {
        let made = await create(missing)
        if (!Array.isArray(made)) {
          for (const reclaim of reclaimers) reclaim()
          trim(0)
          made = await create(missing)
        }
        if (!Array.isArray(made)) {
          for (const block of blocks) if (block) put(block)
          throw outOfMemory(missing, stats, made.message.split('\n')[0], made)
        }
        const fresh = made.values()
        for (let i = 0; i < blocks.length; i++) blocks[i] ??= fresh.next().value
      }
      const all = blocks as Buffer[]
      for (const { bytes } of all) stats.bytesInUse += bytes
      return all
    },
    release(block) {
      stats.bytesInUse -= block.bytes
      put(block)
      const limit = Math.max(keep, stats.bytesInUse)
      if (freeBytes > limit) trim(limit / 2)
    },
    onShortage(reclaim) {
      reclaimers.add(reclaim)
      return () => reclaimers.delete(reclaim)
    },
  }
}
