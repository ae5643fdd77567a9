import type { Program } from '../../compiler/ir/program.js'
import type { Block, Copy } from '../device.js'
import type { Pipeline } from './kernels.js'
import { bufferOf, idOf } from './pool.js'

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

/** Records a call as one command buffer with one compute pass. */
export function encode(
  gpu: GPUDevice,
  program: Program,
  pipelines: readonly Pipeline[],
  bindGroups: BindGroups,
  blocks: Blocks,
  copies: readonly Copy[],
): GPUCommandBuffer {
  const encoder = gpu.createCommandEncoder({ label: program.name })
  for (const { from, to, bytes } of copies) encoder.copyBufferToBuffer(bufferOf(from), 0, bufferOf(to), 0, bytes)
  const pass = encoder.beginComputePass({ label: program.name })
  let kernel = -1
  program.dispatches.forEach((dispatch, i) => {
    if (dispatch.kernel !== kernel) pass.setPipeline(pipelines[(kernel = dispatch.kernel)].pipeline)
    pass.setBindGroup(0, bindGroups(i, blocks))
    pass.dispatchWorkgroups(...dispatch.workgroups)
  })
  pass.end()
  return encoder.finish()
}
