import { expect } from 'vitest'
import { compile } from '../../compiler/compile.js'
import { interpret } from '../../compiler/interpret/interpret.js'
import type { Target } from '../../compiler/ir/program.js'
import type { AnyTensor, RefArray } from '../../compiler/ops/op.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { inputTensor } from '../../compiler/trace/tensor.js'
import { hostArray } from '../../runtime/array.js'
import { getDevice } from '../../runtime/device.js'
import { load } from '../../runtime/executable.js'
import { hostData } from '../../runtime/tensor.js'
import { assertClose, type Tolerance } from '../../stdlib/testing/assert-close.js'

/** Kernels for each class of adapter, run on whatever adapter there is: for another class they are slow here, not wrong. */
const adapters: Record<string, (own: Target) => Target> = {
  'software with subgroups': (own) => ({ ...own, class: 'software' }),
  software: (own) => ({ ...own, class: 'software', subgroupSize: undefined }),
  gpu: (own) => ({ ...own, class: 'gpu', subgroupSize: undefined }),
  'few workgroups': (own) => ({ ...own, maxComputeWorkgroupsPerDimension: 3 }),
}
/** On the CPU: with fused multiply-add, where the engine has it, and without. */
const cpus: Record<string, (own: Target) => Target> = {
  cpu: (own) => own,
  'cpu, plain SIMD': (own) => ({ ...own, wasm: { ...own.wasm!, relaxed: false } }),
}
export const classes = process.env.FOVEA_DEVICE === 'cpu' ? cpus : adapters

/** `f`, compiled for a class and run, against the reference; a second run must give the same bits. */
export async function checkOn(
  name: string,
  f: (...xs: AnyTensor[]) => AnyTensor[],
  inputs: readonly RefArray[],
  tolerance: Tolerance,
): Promise<void> {
  const device = await getDevice()
  const { fn } = traceFn(
    f,
    inputs.map(({ shape, dtype }, i) => inputTensor({ shape, dtype }, String(i))),
  )
  const executable = await load(device, compile(fn, classes[name](device.target), { verify: true }))
  const run = async () => {
    const outputs = await executable.run(
      inputs.map(({ shape, dtype, data }) => hostArray(hostData(data, dtype), shape, dtype)),
    )
    return Promise.all(outputs.map((y) => y.read()))
  }
  const [outputs, again] = [await run(), await run()]
  executable.dispose()
  const wanted = interpret(fn, inputs)
  for (const [i, y] of outputs.entries()) {
    await assertClose(y, wanted[i].data, tolerance)
    expect(bytesOf(again[i]).equals(bytesOf(y)), 'the same bits again').toBe(true)
  }
}

const bytesOf = (x: ArrayBufferView): Buffer => Buffer.from(x.buffer, x.byteOffset, x.byteLength)
