import type { CompiledKernel, Dispatch, Program } from '../../compiler/ir/program.js'
import { FoveaError } from '../../compiler/trace/error.js'
import type { Failure } from '../failure.js'
import { kernelRefused } from '../kernel-error.js'

/** Pipelines by WGSL text and bindings: programs share them. */
export type PipelineCache = Map<string, Promise<Pipeline>>

export interface Pipeline {
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
}

export interface Compiler {
  readonly gpu: GPUDevice
  readonly failure: Failure
  readonly pipelines: PipelineCache
}

/** GPUShaderStage.COMPUTE, https://www.w3.org/TR/webgpu/#typedefdef-gpushaderstageflags */
const compute = 0x4

/**
 * The pipelines of a program's kernels, made together. Throws FoveaError 'kernel' with the kernel's name, ops, scope,
 * the user's line and the place in the WGSL when one doesn't compile.
 */
export function loadPipelines(device: Compiler, program: Program): Promise<Pipeline[]> {
  return Promise.all(
    program.kernels.map((kernel, i) => {
      const key = `${kernel.bindings.join()}\n${kernel.wgsl}`
      const cached = device.pipelines.get(key) ?? createPipeline(device, kernel)
      device.pipelines.set(key, cached)
      return cached.catch((err) => {
        if (err instanceof FoveaError) throw err
        throw kernelError(
          kernel,
          program.dispatches.find((d) => d.kernel === i),
          err,
        )
      })
    }),
  )
}

async function createPipeline({ gpu, failure }: Compiler, kernel: CompiledKernel): Promise<Pipeline> {
  gpu.pushErrorScope('validation')
  const module = gpu.createShaderModule({ label: kernel.name, code: kernel.wgsl })
  const layout = gpu.createBindGroupLayout({
    label: kernel.name,
    entries: kernel.bindings.map((access, binding) => ({
      binding,
      visibility: compute,
      buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
    })),
  })
  const pending = gpu.createComputePipelineAsync({
    label: kernel.name,
    layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: 'main' },
  })
  const scope = gpu.popErrorScope()
  try {
    return { pipeline: await failure.guard(pending), layout }
  } catch (err) {
    const refused = await failure.guard(scope)
    if (err instanceof FoveaError) throw err
    const { messages } = await failure.guard(module.getCompilationInfo())
    throw { err, refused, messages: messages.filter((m) => m.type === 'error') } satisfies CompileFailure
  }
}

interface CompileFailure {
  readonly err: unknown
  readonly refused: GPUError | null
  readonly messages: readonly GPUCompilationMessage[]
}

function kernelError(kernel: CompiledKernel, dispatch: Dispatch | undefined, failure: CompileFailure): FoveaError {
  const { err, refused, messages } = failure
  const reason = messages.length
    ? messages.map((m) => `${m.message}\n${excerpt(kernel.wgsl, m.lineNum)}`).join('\n')
    : (refused?.message ?? (err instanceof Error ? err.message : String(err)))
  return kernelRefused(kernel, dispatch, reason, err)
}

/** The line with its neighbours, numbered, the line marked. */
function excerpt(wgsl: string, line: number): string {
  const lines = wgsl.split('\n')
  const from = Math.max(0, line - 3)
  return lines
    .slice(from, line + 2)
    .map((text, i) => `${from + i + 1 === line ? '>' : ' '} ${String(from + i + 1).padStart(4)} | ${text}`)
    .join('\n')
}
