import type { CompiledKernel, Dispatch } from '../compiler/ir/program.js'
import { FoveaError } from '../compiler/trace/error.js'

/** A kernel as the user knows it: what it computes, and where in the model. */
export const describeKernel = ({ name }: CompiledKernel, dispatch: Dispatch | undefined): string =>
  `kernel '${name}'${dispatch ? ` (ops ${dispatch.ops.join(', ')}${dispatch.scope ? ` in ${dispatch.scope}` : ''})` : ''}`

/** A kernel that a device's compiler did not take. */
export const kernelRefused = (
  kernel: CompiledKernel,
  dispatch: Dispatch | undefined,
  reason: string,
  cause: unknown,
): FoveaError =>
  new FoveaError(
    'kernel',
    `${describeKernel(kernel, dispatch)} did not compile on this device: ${reason}\nThis is a fault of Fovea or of the driver, not of your program: please report it with this text`,
    dispatch?.loc,
    { cause },
  )
