import type { Target } from '../../compiler/ir/program.js'
import type { DeviceKind } from '../choose.js'
import type { Device, DeviceStats } from '../device.js'
import { createFailure } from '../failure.js'
import { createTurns } from '../turns.js'
import { type Adapter, infoOf, limitNames } from './adapter.js'
import { bindGroupCache, createRecorder } from './encode.js'
import { loadPipelines } from './kernels.js'
import { type Buffer, bufferOf, createPool } from './pool.js'
import { createQueue } from './queue.js'
import { isStatic, runSteps } from './steps.js'
import { createTimer, type Timer } from './timer.js'

export interface WebgpuDevice extends Device {
  readonly gpu: GPUDevice
}

/** Programs are the same on every machine whose adapter binds this many buffers. */
const storageBuffers = 10
/** Unused memory that is kept for reuse. */
const keepBytes = 512 * 2 ** 20
const keepStagingBytes = 64 * 2 ** 20
/** Submits of one call that may be unfinished while it goes on. */
const mostSubmits = 2

/** Bits of GPUBufferUsage, https://www.w3.org/TR/webgpu/#buffer-usage; Node has no such global. */
const usage = { mapRead: 0x1, copySrc: 0x4, copyDst: 0x8, storage: 0x80 } as const

const featureNames = ['shader-f16', 'subgroups', 'timestamp-query'] as const

/** Opens a device of this adapter. `onLost` runs when it is lost or destroyed. */
export async function openWebgpu(chosen: Adapter, onLost: () => void): Promise<WebgpuDevice> {
  const { adapter, kind, nap } = chosen
  const requiredLimits: Record<string, number> = {}
  for (const name of limitNames) requiredLimits[name] = adapter.limits[name]
  requiredLimits.maxStorageBuffersPerShaderStage = Math.min(
    storageBuffers,
    adapter.limits.maxStorageBuffersPerShaderStage,
  )
  const requiredFeatures = featureNames.filter((name) => adapter.features.has(name)) as GPUFeatureName[]
  const gpu = await adapter.requestDevice({ requiredLimits, requiredFeatures })

  const stats: DeviceStats = { bytesAllocated: 0, bytesInUse: 0, submits: 0, dispatches: 0 }
  const { failure, lose, refuse } = createFailure(onLost, nap)
  void gpu.lost.then(({ reason, message }) =>
    lose(`${message || 'no reason was given'}${reason ? ` (${reason})` : ''}`),
  )
  gpu.addEventListener('uncapturederror', (event) => {
    event.preventDefault()
    refuse(event.error.message)
  })

  const queue = createQueue(gpu, stats)
  const largest = largestArray(gpu.limits)
  const pool = createPool({
    gpu,
    failure,
    stats,
    usage: usage.storage | usage.copySrc | usage.copyDst,
    keep: keepBytes,
    largest,
  })
  /** Memory that the host reads through. */
  const staging = createPool({
    gpu,
    failure,
    stats: { bytesAllocated: 0, bytesInUse: 0 },
    usage: usage.mapRead | usage.copyDst,
    keep: keepStagingBytes,
    largest,
  })
  const readMapped = async ({ buffer }: Buffer, bytes: number): Promise<ArrayBuffer> => {
    const mapRead = 0x1 // GPUMapMode.READ
    try {
      await failure.guard(buffer.mapAsync(mapRead, 0, bytes))
      return buffer.getMappedRange(0, bytes).slice(0)
    } finally {
      buffer.unmap()
    }
  }
  const finished = (): Promise<void> => gpu.queue.onSubmittedWorkDone().then(() => undefined)
  const compiler = { gpu, failure, pipelines: new Map() }
  return {
    gpu,
    target: targetOf(gpu, adapter.info, kind, largest),
    info: infoOf(chosen, gpu),
    stats,
    failure,
    pool,
    async upload(bytes) {
      const [block] = await pool.acquire([bytes.length])
      queue.write(block.buffer, bytes)
      return block
    },
    async read(block, bytes) {
      failure.check()
      if (bytes === 0) return new ArrayBuffer(0)
      const [host] = await staging.acquire([bytes])
      try {
        const encoder = gpu.createCommandEncoder()
        encoder.copyBufferToBuffer(bufferOf(block), 0, host.buffer, 0, bytes)
        queue.submit([encoder.finish()])
        const data = await readMapped(host, bytes)
        failure.check()
        return data
      } finally {
        staging.release(host)
      }
    },
    async prepare(program, timed = false) {
      failure.check()
      const pipelines = await loadPipelines(compiler, program)
      const bindGroups = bindGroupCache(gpu, program, pipelines)
      let timer: Timer | undefined
      return {
        async submit(blocks, copies) {
          timer?.dispose()
          timer = timed ? createTimer(gpu) : undefined
          const recorder = createRecorder(gpu, program, pipelines, bindGroups, blocks, timer)
          // Before anything is submitted: what fails later would leave donated memory half overwritten.
          const host = isStatic(program) ? undefined : (await staging.acquire([4]))[0]
          for (const { from, to, bytes } of copies) recorder.copy(from, bufferOf(to), bytes)
          const underway: Promise<unknown>[] = []
          const submit = (): void => {
            stats.dispatches += recorder.count
            const commands = recorder.take()
            if (commands.length > 0) queue.submit(commands)
          }
          try {
            await runSteps(program, {
              recorder,
              perSubmit: timer?.perSubmit,
              async flush() {
                const begin = performance.now()
                submit()
                if (timer?.waited) {
                  await failure.guard(finished())
                  timer.waited(begin, performance.now())
                  return
                }
                underway.push(gpu.queue.onSubmittedWorkDone())
                if (underway.length > mostSubmits) await failure.guard(underway.shift()!)
              },
              async read(buffer) {
                recorder.copy(blocks[buffer]!, host!.buffer, 4)
                submit()
                return new Uint32Array(await readMapped(host!, 4))[0]
              },
            })
            submit()
          } finally {
            if (host) staging.release(host)
          }
        },
        async times() {
          return timer ? failure.guard(timer.read(program.dispatches.length)) : []
        },
        dispose() {
          timer?.dispose()
        },
      }
    },
    inTurn: createTurns({ failure, stats, finished }),
    finished: () => failure.guard(finished()),
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
