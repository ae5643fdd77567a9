import type { Program } from '../../compiler/ir/program.js'
import { encodeModule } from '../../compiler/kernel/wasm/binary.js'
import { withRun } from '../../compiler/kernel/wasm/run.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { describeKernel, kernelRefused } from '../kernel-error.js'

/** A program's module. Throws FoveaError 'kernel' when the engine does not take it. */
export async function compileModule(program: Program, shared: boolean): Promise<WebAssembly.Module> {
  const { name, kernels, dispatches } = program
  if (!program.wasm && dispatches.length > 0)
    throw new FoveaError(
      'input',
      `'${name}' was compiled for a GPU: compile it for the target of the device that runs it`,
    )
  try {
    // Without kernels there may be copies still.
    return await WebAssembly.compile(dispatches.length > 0 ? program.wasm! : encodeModule({ ...withRun([]), shared }))
  } catch (err) {
    // 'Compiling function #3 failed: …'
    const message = err instanceof Error ? err.message : String(err)
    const at = Number(message.match(/#(\d+)/)?.[1] ?? Number.NaN)
    const kernel = kernels[at] ?? { name, wgsl: '', bindings: [] }
    throw kernelRefused(
      kernel,
      dispatches.find((d) => d.kernel === at),
      message,
      err,
    )
  }
}

/** Which kernel failed, by the stack of its error: the innermost function of the module. */
export function failedKernel({ kernels, dispatches }: Program, stack: string): string {
  const at = Number(stack.match(/wasm-function\[(\d+)\]/)?.[1] ?? Number.NaN)
  if (!kernels[at]) return 'a kernel failed'
  return `${describeKernel(
    kernels[at],
    dispatches.find((d) => d.kernel === at),
  )} failed`
}
