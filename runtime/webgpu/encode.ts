import type { Program } from '../../compiler/ir/program.js'
import type { Block } from '../device.js'
import type { Pipeline } from './kernels.js'
import { bufferOf, idOf } from './pool.js'
import type { Timer } from './timer.js'

/** By buffer number; undefined for inputs that no dispatch reads. */
export type Blocks = readonly (Block | undefined)[]

/** The bind group of a dispatch over these blocks. */
export type BindGroups = (dispatch: number, blocks: Blocks) => GPUBindGroup

/** Bind groups remembered per dispatch: inputs and outputs go round among few blocks. */
const remembered = 16

/**
 * Bind groups cached by the identity of their buffers: making one costs ten times a dispatch.
 * A binding is a whole number of 16 bytes, so that kernels may read vec4s to the end; blocks are larger.
 */
export function bindGroupCache(gpu: GPUDevice, program: Program, pipelines: readonly Pipeline[]): BindGroups {
  const cache = program.dispatches.map(() => new Map<string, GPUBindGroup>())
  return (dispatch, blocks) => {
    const { buffers, kernel } = program.dispatches[dispatch]
    const key = buffers.map((number) => idOf(blocks[number]!)).join()
    const known = cache[dispatch].get(key)
    if (known) return known
    const made = gpu.createBindGroup({
      layout: pipelines[kernel].layout,
      entries: buffers.map((number, binding) => ({
        binding,
        resource: {
          buffer: bufferOf(blocks[number]!),
          size: Math.max(16, Math.ceil(program.buffers[number].bytes / 16) * 16),
        },
      })),
    })
    if (cache[dispatch].size >= remembered) cache[dispatch].clear()
    cache[dispatch].set(key, made)
    return made
  }
}

/** Commands of a call that are being recorded: one command buffer with one compute pass, until it is taken. */
export interface Recorder {
  copy(from: Block, to: GPUBuffer, bytes: number): void
  dispatch(number: number): void
  /** Dispatches recorded since the last command buffer was taken. */
  readonly count: number
  /** What was recorded, if anything. */
  take(): GPUCommandBuffer[]
}

/** With a `timer` each dispatch has a pass of its own, which notes when it begins and ends. */
export function createRecorder(
  gpu: GPUDevice,
  program: Program,
  pipelines: readonly Pipeline[],
  bindGroups: BindGroups,
  blocks: Blocks,
  timer?: Timer,
): Recorder {
  const label = program.name
  /** Of this call: loops come by again. */
  const groups: GPUBindGroup[] = []
  let encoder: GPUCommandEncoder | undefined
  let pass: GPUComputePassEncoder | undefined
  let kernel = -1
  const recorder = {
    count: 0,
    copy(from: Block, to: GPUBuffer, bytes: number) {
      pass?.end()
      pass = undefined
      encoder ??= gpu.createCommandEncoder({ label })
      encoder.copyBufferToBuffer(bufferOf(from), 0, to, 0, bytes)
    },
    dispatch(number: number) {
      encoder ??= gpu.createCommandEncoder({ label })
      if (!pass) {
        pass = encoder.beginComputePass({ label, timestampWrites: timer?.writes(number) })
        kernel = -1
      }
      const d = program.dispatches[number]
      if (d.kernel !== kernel) pass.setPipeline(pipelines[(kernel = d.kernel)].pipeline)
      groups[number] ??= bindGroups(number, blocks)
      pass.setBindGroup(0, groups[number])
      pass.dispatchWorkgroups(...d.workgroups)
      recorder.count++
      if (timer) {
        pass.end()
        pass = undefined
      }
    },
    take() {
      pass?.end()
      if (encoder) timer?.resolve(encoder)
      const commands = encoder ? [encoder.finish()] : []
      pass = encoder = undefined
      recorder.count = 0
      return commands
    },
  }
  return recorder
}
