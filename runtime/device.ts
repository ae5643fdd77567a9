import type { Program, Target } from '../compiler/ir/program.js'
import { chooseDevice, type DeviceKind } from './choose.js'
import type { Failure } from './failure.js'

export interface DeviceInfo {
  readonly kind: DeviceKind
  readonly vendor: string
  readonly architecture: string
  readonly description: string
  readonly backend: string
  readonly limits: Readonly<Record<string, number>>
  readonly features: readonly string[]
}

/** Counters since the device was opened. Bytes are those of arrays and scratch memory on the device. */
export interface DeviceStats {
  bytesAllocated: number
  bytesInUse: number
  submits: number
  dispatches: number
}

/** Memory on a device, made by its pool. `bytes` is at least what was asked. */
export interface Block {
  readonly bytes: number
}

export interface Pool {
  /** Blocks of at least these sizes, contents undefined. Throws FoveaError 'out-of-memory'. */
  acquire(sizes: readonly number[]): Promise<Block[]>
  /** Back for reuse. Work already submitted may still use the block. */
  release(block: Block): void
  /** `reclaim` is called when memory is short: it gives back what can be made again. Returns its own removal. */
  onShortage(reclaim: () => void): () => void
}

export interface Copy {
  readonly from: Block
  readonly to: Block
  readonly bytes: number
}

/** How long a dispatch took in a call: `runs` times in all, `ms` together, the first of them begun at `begin` after the call's first. */
export interface DispatchTime {
  readonly runs: number
  readonly ms: number
  readonly begin: number
}

/** A program whose kernels are compiled. */
export interface Prepared {
  /** Submits one run: the copies, then the dispatches over `blocks`, which are given by buffer number. Resolves when submitted. */
  submit(blocks: readonly (Block | undefined)[], copies: readonly Copy[]): Promise<void>
  /** Where it was prepared to be timed: what the last call's dispatches took, by their numbers, once they are finished. */
  times(): Promise<DispatchTime[]>
  dispose(): void
}

/** An open device. What is submitted to it takes effect in order. */
export interface Device {
  readonly target: Target
  readonly info: DeviceInfo
  readonly stats: DeviceStats
  readonly failure: Failure
  /** Memory of arrays and scratch. */
  readonly pool: Pool
  /** A new block that begins with these bytes. */
  upload(bytes: Uint8Array<ArrayBuffer>): Promise<Block>
  /** The first bytes of a block as what was submitted before leaves them. The block must be held until they are here. */
  read(block: Block, bytes: number): Promise<ArrayBuffer>
  /**
   * Compiles a program's kernels, shared with other programs where they are equal. `timed`: its calls run one dispatch after
   * another and note how long each takes. Throws FoveaError 'kernel'.
   */
  prepare(program: Program, timed?: boolean): Promise<Prepared>
  /** Runs calls one after another in the order they were made, and holds each back while too many are unfinished. */
  inTurn<T>(call: () => Promise<T>): Promise<T>
  /** Resolves when all that was submitted is finished. */
  finished(): Promise<void>
  /** Waits for submitted work, then frees everything. Arrays that were only here are lost. */
  destroy(): Promise<void>
}

let shared: Promise<Device> | undefined

/**
 * The device that everything runs on, opened on the first call and again after it was lost or destroyed.
 * Throws FoveaError 'no-adapter' when the machine has none, and 'input' for a FOVEA_DEVICE that names none.
 *
 * @example
 * const { info, stats } = await getDevice()
 */
export function getDevice(): Promise<Device> {
  const opening: Promise<Device> = (shared ??= chooseDevice().then((found) => found.open(forget)))
  function forget(): void {
    if (shared === opening) shared = undefined
  }
  opening.catch(forget)
  return opening
}

/** Closes the device that `getDevice` opened, if any. A later `getDevice` opens a new one. */
export async function destroyDevice(): Promise<void> {
  const open = shared
  shared = undefined
  await (await open?.catch(() => undefined))?.destroy()
}
