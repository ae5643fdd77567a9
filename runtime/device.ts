import type { Target } from '../compiler/ir/program.js'
import { usage } from './bytes.js'
import { type Choice, chooseDevice, type DeviceKind, isNode } from './choose.js'
import { type Failure, watchFailure } from './failure.js'
import type { PipelineCache } from './kernels.js'
import { createNaps } from './nap.js'
import { createPool, type Pool } from './pool.js'
import { createQueue, type Queue } from './queue.js'

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

/** An open device and what the runtime keeps for it. */
export interface Device {
  readonly gpu: GPUDevice
  readonly target: Target
  readonly info: DeviceInfo
  /** Memory of arrays and scratch. */
  readonly pool: Pool
  /** Memory that the host reads through. */
  readonly staging: Pool
  readonly queue: Queue
  readonly failure: Failure
  readonly pipelines: PipelineCache
  readonly stats: DeviceStats
  /** Waits for submitted work, then frees everything. Arrays that were only here are lost. */
  destroy(): Promise<void>
}

/** Programs are the same on every machine whose adapter binds this many buffers. */
const storageBuffers = 10
/** Unused memory that is kept for reuse. */
const keepBytes = 512 * 2 ** 20
const keepStagingBytes = 64 * 2 ** 20

const limitNames = [
  'maxStorageBuffersPerShaderStage',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
] as const

const featureNames = ['shader-f16', 'subgroups', 'timestamp-query'] as const

let shared: Promise<Device> | undefined

/**
 * The device that everything runs on, opened on the first call and again after it was lost or destroyed.
 * Throws FoveaError 'no-adapter' when the machine has none, and 'input' for a FOVEA_DEVICE that names none.
 *
 * @example
 * const { info, stats } = await getDevice()
 */
export function getDevice(): Promise<Device> {
  const opening: Promise<Device> = (shared ??= open(forget))
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

async function open(onLost: () => void): Promise<Device> {
  const choice = await chooseDevice()
  const { adapter } = choice
  const requiredLimits: Record<string, number> = {}
  for (const name of limitNames) requiredLimits[name] = adapter.limits[name]
  requiredLimits.maxStorageBuffersPerShaderStage = Math.min(
    storageBuffers,
    adapter.limits.maxStorageBuffersPerShaderStage,
  )
  const requiredFeatures = featureNames.filter((name) => adapter.features.has(name)) as GPUFeatureName[]
  const gpu = await adapter.requestDevice({ requiredLimits, requiredFeatures })

  const stats: DeviceStats = { bytesAllocated: 0, bytesInUse: 0, submits: 0, dispatches: 0 }
  const failure = watchFailure(gpu, onLost, choice.kind !== 'hardware' && isNode() ? createNaps() : undefined)
  const queue = createQueue(gpu, failure, stats)
  const largest = largestArray(gpu.limits)
  const shape = { gpu, failure, stats }
  return {
    gpu,
    target: targetOf(gpu, adapter.info, choice.kind, largest),
    info: infoOf(choice, gpu),
    pool: createPool({
      ...shape,
      usage: usage.storage | usage.copySrc | usage.copyDst,
      keep: keepBytes,
      largest,
    }),
    staging: createPool({
      ...shape,
      stats: { bytesAllocated: 0, bytesInUse: 0 },
      usage: usage.mapRead | usage.copyDst,
      keep: keepStagingBytes,
      largest,
    }),
    queue,
    failure,
    pipelines: new Map(),
    stats,
    async destroy() {
      onLost()
      if (failure.lost()) return
      // Data written but never submitted would leak with the device.
      queue.submit([])
      await failure.guard(gpu.queue.onSubmittedWorkDone())
      gpu.destroy()
      await gpu.lost
    },
  }
}

/** In whole bindings. SwiftShader offers 1 GiB and then can't make a buffer of quite that size. */
const largestArray = ({ maxBufferSize, maxStorageBufferBindingSize }: GPUSupportedLimits): number =>
  Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / 256) * 256 - 256

function targetOf(gpu: GPUDevice, info: GPUAdapterInfo, kind: DeviceKind, largest: number): Target {
  const { maxStorageBuffersPerShaderStage, maxComputeInvocationsPerWorkgroup } = gpu.limits
  const { maxComputeWorkgroupStorageSize, maxComputeWorkgroupsPerDimension } = gpu.limits
  const { subgroupMinSize, subgroupMaxSize } = info
  return {
    class: kind === 'hardware' ? 'gpu' : 'software',
    maxStorageBuffersPerShaderStage,
    maxStorageBufferBindingSize: largest,
    maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupStorageSize,
    maxComputeWorkgroupsPerDimension,
    subgroupSize: gpu.features.has('subgroups') && subgroupMinSize === subgroupMaxSize ? subgroupMinSize : undefined,
  }
}

/** Plain data about a chosen adapter and the limits and features in force. */
export function infoOf({ adapter, kind, backend }: Choice, has: Pick<GPUDevice, 'limits' | 'features'>): DeviceInfo {
  const { vendor, architecture, description, device } = adapter.info
  return {
    kind,
    vendor,
    architecture,
    description: description || device,
    backend,
    limits: Object.fromEntries(limitNames.map((name) => [name, has.limits[name]])),
    features: [...has.features].sort(),
  }
}
