import { FoveaError } from '../compiler/trace/error.js'
import { showBytes } from './bytes.js'
import type { Failure } from './failure.js'

/** Memory on the device. `bytes` is its size class, at least what was asked. `id` is unique in the process. */
export interface Block {
  readonly buffer: GPUBuffer
  readonly bytes: number
  readonly id: number
}

export interface Pool {
  /** Blocks of at least these sizes, contents undefined. Throws FoveaError 'out-of-memory'. */
  acquire(sizes: readonly number[]): Promise<Block[]>
  /** Back for reuse. Work already submitted may still use the block: the queue keeps order. */
  release(block: Block): void
  /** Destroys unused blocks, oldest first, until at most `keep` bytes of them remain. */
  trim(keep: number): void
  /** Called when memory is short: gives back what can be made again. Returns its own removal. */
  onShortage(reclaim: () => void): () => void
}

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
export function createPool({ gpu, failure, usage, keep, largest, stats }: PoolOptions): Pool {
  const free = new Map<number, Block[]>()
  const reclaimers = new Set<() => void>()
  let freeBytes = 0

  const put = (block: Block): void => {
    const same = free.get(block.bytes)
    if (same) same.push(block)
    else free.set(block.bytes, [block])
    freeBytes += block.bytes
  }
  const take = (bytes: number): Block | undefined => {
    const block = free.get(bytes)?.pop()
    if (block) freeBytes -= bytes
    return block
  }
  const create = async (classes: readonly number[]): Promise<Block[] | GPUError> => {
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

  const pool: Pool = {
    async acquire(sizes) {
      for (const bytes of sizes) {
        if (bytes > largest)
          throw new FoveaError(
            'out-of-memory',
            `out of memory: one array needs ${showBytes(bytes)}, this device holds at most ${showBytes(largest)} in one array. Use a smaller batch, or split the array`,
          )
      }
      const classes = sizes.map((bytes) => Math.min(sizeClass(bytes), largest))
      const blocks = classes.map(take)
      const missing = classes.filter((_, i) => !blocks[i])
      if (missing.length > 0) {
        let made = await create(missing)
        if (!Array.isArray(made)) {
          for (const reclaim of reclaimers) reclaim()
          pool.trim(0)
          made = await create(missing)
        }
        if (!Array.isArray(made)) {
          for (const block of blocks) if (block) put(block)
          throw outOfMemory(missing, stats, made)
        }
        const fresh = made.values()
        for (let i = 0; i < blocks.length; i++) blocks[i] ??= fresh.next().value
      }
      const all = blocks as Block[]
      for (const { bytes } of all) stats.bytesInUse += bytes
      return all
    },
    release(block) {
      stats.bytesInUse -= block.bytes
      put(block)
      const limit = Math.max(keep, stats.bytesInUse)
      if (freeBytes > limit) pool.trim(limit / 2)
    },
    trim(limit) {
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
    },
    onShortage(reclaim) {
      reclaimers.add(reclaim)
      return () => reclaimers.delete(reclaim)
    },
  }
  return pool
}

function outOfMemory(missing: readonly number[], stats: PoolOptions['stats'], cause: GPUError): FoveaError {
  const asked = missing.reduce((a, b) => a + b, 0)
  const { bytesInUse, bytesAllocated } = stats
  return new FoveaError(
    'out-of-memory',
    `out of memory: asked for ${showBytes(asked)} in ${missing.length} arrays, with ${showBytes(bytesInUse)} in use and ${showBytes(bytesAllocated)} allocated. ` +
      `Free arrays with x.dispose() or 'using', reuse inputs' memory with jit's donate, or use a smaller batch (${cause.message.split('\n')[0]})`,
    undefined,
    { cause },
  )
}
