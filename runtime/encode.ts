import type { Program } from '../compiler/ir/program.js'
import { ArrayStorage } from './array.js'
import type { Device } from './device.js'
import type { Pipeline } from './kernels.js'
import type { Placed } from './place.js'

/** The bind group of a dispatch over these blocks, one per buffer number. */
export type BindGroups = (dispatch: number, blocks: Placed['blocks']) => GPUBindGroup

/** Bind groups remembered per dispatch: inputs and outputs go round among few blocks. */
const remembered = 16

/**
 * Bind groups cached by the identity of their buffers: making one costs ten times a dispatch.
 * A binding is a whole number of 16 bytes, so that kernels may read vec4s to the end; blocks are larger.
 */
export function bindGroupCache({ gpu }: Device, program: Program, pipelines: readonly Pipeline[]): BindGroups {
  const cache = program.dispatches.map(() => new Map<string, GPUBindGroup>())
  return (dispatch, blocks) => {
    const { buffers, kernel } = program.dispatches[dispatch]
    const key = buffers.map((number) => blocks[number]!.id).join()
    const known = cache[dispatch].get(key)
    if (known) return known
    const made = gpu.createBindGroup({
      layout: pipelines[kernel].layout,
      entries: buffers.map((number, binding) => ({
        binding,
        resource: {
          buffer: blocks[number]!.buffer,
          size: Math.max(16, Math.ceil(program.buffers[number].bytes / 16) * 16),
        },
      })),
    })
    if (cache[dispatch].size >= remembered) cache[dispatch].clear()
    cache[dispatch].set(key, made)
    return made
  }
}

/** Records the call as one command buffer, submits it, and wraps its results. */
export function encode(
  device: Device,
  program: Program,
  pipelines: readonly Pipeline[],
  bindGroups: BindGroups,
  { blocks, memories, copies }: Placed,
): ArrayStorage[] {
  if (copies.length + program.dispatches.length > 0) {
    const encoder = device.gpu.createCommandEncoder({ label: program.name })
    for (const { from, to, bytes } of copies) encoder.copyBufferToBuffer(from.buffer, 0, to.buffer, 0, bytes)
    const pass = encoder.beginComputePass({ label: program.name })
    let kernel = -1
    program.dispatches.forEach((dispatch, i) => {
      if (dispatch.kernel !== kernel) pass.setPipeline(pipelines[(kernel = dispatch.kernel)].pipeline)
      pass.setBindGroup(0, bindGroups(i, blocks))
      pass.dispatchWorkgroups(...dispatch.workgroups)
    })
    pass.end()
    device.queue.submit([encoder.finish()])
    device.stats.dispatches += program.dispatches.length
  }
  return program.outputs.map(({ buffer, shape, dtype }) => new ArrayStorage(memories.get(buffer)!, shape, dtype))
}
