import type { Target } from '../../compiler/ir/program.js'
import type { DType } from '../../compiler/ir/types.js'
import type { Kernel } from '../../compiler/kernel/ir.js'
import { encodeModule } from '../../compiler/kernel/wasm/binary.js'
import { scratchBytes } from '../../compiler/kernel/wasm/prepare.js'
import { printWasm } from '../../compiler/kernel/wasm/print.js'

export const cpuTarget: Target = {
  class: 'cpu',
  maxStorageBuffersPerShaderStage: 24,
  maxStorageBufferBindingSize: 2 ** 32 - 2 ** 16,
  maxComputeInvocationsPerWorkgroup: 1,
  maxComputeWorkgroupStorageSize: 0,
  maxComputeWorkgroupsPerDimension: 2 ** 31 - 1,
  wasm: { relaxed: false, shared: false },
}

const arrays = {
  f32: Float32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  i32: Int32Array,
  i8: Int8Array,
  u32: Uint32Array,
  u8: Uint8Array,
  bool: Uint32Array,
}

/** Runs a kernel's items on plain arrays, in the order of its buffers, and returns what is in them afterwards. */
export function runKernel(kernel: Kernel, data: readonly (readonly number[])[], target = cpuTarget): number[][] {
  const f = printWasm(kernel, target)
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 })
  const module = new WebAssembly.Module(encodeModule({ functions: [f], exports: { f: 0 }, shared: false }))
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  let top = 256
  const place = (bytes: number): number => {
    const at = top
    top += Math.ceil((bytes + 64) / 64) * 64
    while (top > memory.buffer.byteLength) memory.grow(1)
    return at
  }
  const at = kernel.buffers.map((b) => place(b.size * 4))
  const scratch = place(scratchBytes(kernel.scratch))
  const view = (dtype: DType, i: number) => new arrays[dtype](memory.buffer, at[i], kernel.buffers[i].size)
  kernel.buffers.forEach((b, i) => {
    view(b.dtype, i).set(data[i] ?? [])
  })
  new Uint32Array(memory.buffer, 64, at.length).set(at)
  ;(exports.f as (from: number, to: number, args: number, scratch: number) => void)(
    0,
    kernel.workgroups[0],
    64,
    scratch,
  )
  return kernel.buffers.map((b, i) => [...view(b.dtype, i)])
}
