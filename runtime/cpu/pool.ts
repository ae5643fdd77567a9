import { showBytes } from '../bytes.js'
import type { Block, DeviceStats, Pool } from '../device.js'
import { arrayTooLarge, outOfMemory } from '../shortage.js'
import { reserved } from './control.js'
import { type Engine, initialPages, pageBytes } from './engine.js'
import { createHeap } from './heap.js'

/** The blocks of a device are its own pool's. */
export const addressOf = (block: Block): number => (block as Placed).address
interface Placed extends Block {
  readonly address: number
}

interface Shortage {
  readonly missing: readonly number[]
  readonly short: number
}

export interface MemoryPool extends Pool {
  /** A block that no unfinished call uses. */
  acquireIdle(bytes: number): Promise<Block>
  /** Memory for the device's own use, not counted as in use, and idle. Given back by `free`, when no call uses it any more. */
  allocate(bytes: number): Promise<number>
  free(address: number, bytes: number): void
  /** Calls have ended: what they kept busy may be. */
  settle(): void
}

/** Kernels read past the end of an array by less than a vector of 16 bytes; cache lines are not shared between blocks. */
export const paddedBytes = (bytes: number): number => Math.ceil((bytes + 16) / 64) * 64
/** The memory grows by at least this much: growing costs a system call. */
const growBytes = 16 * 2 ** 20

/**
 * A pool of blocks of an engine's memory. A released block is busy until the calls submitted before are finished: a later
 * call may have it at once, since it runs after them, but not the host's writes, nor its neighbours, to join with it.
 */
export function createPool(
  { calls, limit, grow }: Engine,
  stats: DeviceStats,
  finished: () => Promise<void>,
): MemoryPool {
  const heap = createHeap()
  heap.give(reserved, initialPages * pageBytes - reserved)
  stats.bytesAllocated = initialPages * pageBytes
  /** By size; the longest released first. `after`: how many calls must be finished. */
  const busy = new Map<number, { readonly block: Placed; readonly after: number }[]>()
  const reclaimers = new Set<() => void>()
  const largest = limit - pageBytes

  const settle = (): void => {
    for (const [bytes, list] of busy) {
      let n = 0
      while (n < list.length && list[n].after <= calls.completed) heap.give(list[n++].block.address, bytes)
      if (n === list.length) busy.delete(bytes)
      else list.splice(0, n)
    }
  }
  const place = (bytes: number, idle: boolean): Placed | undefined => {
    const list = idle ? undefined : busy.get(bytes)
    if (list) {
      const { block } = list.pop()!
      if (list.length === 0) busy.delete(bytes)
      return block
    }
    const address = heap.take(bytes)
    return address === undefined ? undefined : { address, bytes }
  }
  const put = (block: Placed): void => {
    const after = calls.submitted
    const list = busy.get(block.bytes)
    if (after === calls.completed) heap.give(block.address, block.bytes)
    else if (list) list.push({ block, after })
    else busy.set(block.bytes, [{ block, after }])
  }
  /** All of them, or none; then what is missing, and the bytes that the memory would have to grow by. */
  const placeAll = (sizes: readonly number[], idle: boolean): Placed[] | Shortage => {
    const blocks = sizes.map((bytes) => place(bytes, idle))
    if (blocks.every((block) => block !== undefined)) return blocks
    const missing = sizes.filter((_, i) => !blocks[i])
    const short = missing.reduce((a, b) => a + b, 0) - heap.tail()
    for (const block of blocks) if (block) put(block)
    return { missing, short: Math.ceil(short / pageBytes) * pageBytes }
  }
  const extend = async ({ short }: Shortage): Promise<boolean> => {
    const left = limit - stats.bytesAllocated
    if (short > left) return false
    const more = Math.min(left, Math.max(short, growBytes, Math.ceil(stats.bytesAllocated / 8 / pageBytes) * pageBytes))
    for (const added of more > short ? [more, short] : [short]) {
      const from = stats.bytesAllocated
      if (!(await grow(added))) continue
      stats.bytesAllocated += added
      heap.give(from, added)
      return true
    }
    return false
  }

  const find = async (asked: readonly number[], idle: boolean): Promise<Placed[]> => {
    const tooLarge = asked.find((bytes) => bytes > largest)
    if (tooLarge !== undefined) throw arrayTooLarge(tooLarge, largest)
    const sizes = asked.map(paddedBytes)
    const found = placeAll(sizes, idle)
    if (Array.isArray(found)) return found
    // One after another: each counts on what is there after the one before.
    const search = searches.then(() => findMore(sizes, idle))
    searches = search.catch(() => undefined)
    return search
  }
  let searches: Promise<unknown> = Promise.resolve()
  const findMore = async (sizes: readonly number[], idle: boolean): Promise<Placed[]> => {
    let found = placeAll(sizes, idle)
    if (!Array.isArray(found) && (await extend(found))) found = placeAll(sizes, idle)
    if (Array.isArray(found)) return found
    for (const reclaim of reclaimers) reclaim()
    await finished()
    found = placeAll(sizes, idle)
    if (!Array.isArray(found) && (await extend(found))) found = placeAll(sizes, idle)
    if (Array.isArray(found)) return found
    throw outOfMemory(found.missing, stats, `the CPU's memory of arrays ends at ${showBytes(limit)}`)
  }

  return {
    async acquire(sizes) {
      const blocks = await find(sizes, false)
      for (const { bytes } of blocks) stats.bytesInUse += bytes
      return blocks
    },
    async acquireIdle(bytes) {
      const [block] = await find([bytes], true)
      stats.bytesInUse += block.bytes
      return block
    },
    release(block) {
      stats.bytesInUse -= block.bytes
      put(block as Placed)
    },
    onShortage(reclaim) {
      reclaimers.add(reclaim)
      return () => reclaimers.delete(reclaim)
    },
    allocate: async (bytes) => (await find([bytes], true))[0].address,
    free: (address, bytes) => put({ address, bytes: paddedBytes(bytes) }),
    settle,
  }
}
