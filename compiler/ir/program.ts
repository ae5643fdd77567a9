import type { DType, Loc } from './types.js'

/**
 * What the compiler hands to a runtime: plain data that can be printed, cached and run by another host.
 * Buffers are numbered; each has one origin. A dispatch names its buffers in the order of its kernel's bindings.
 */
export interface Program {
  readonly name: string
  readonly kernels: readonly CompiledKernel[]
  readonly buffers: readonly ProgramBuffer[]
  /** Each distinct kernel over distinct buffers, once. */
  readonly dispatches: readonly Dispatch[]
  /** What is run, in order, where that is more than all dispatches one after another. */
  readonly steps?: readonly Step[]
  /** Buffer of each input of the function, in order; -1: not read. */
  readonly inputs: readonly number[]
  readonly outputs: readonly OutputSpec[]
  /** For a CPU: the kernels, in order, as one WebAssembly module, and the bytes of scratch memory that a thread needs. */
  readonly wasm?: Uint8Array<ArrayBuffer>
  readonly scratchBytes?: number
  /** Largest number of bytes of `temp` and output buffers alive at once, and what the slots take. */
  readonly memory: { readonly peakBytes: number; readonly tempBytes: number }
}

/** One distinct kernel: equal texts are one entry, so they compile once. */
export interface CompiledKernel {
  readonly name: string
  /** '' for a CPU, whose code is the program's `wasm`. */
  readonly wgsl: string
  /** Access of each binding, in order @binding(0), @binding(1), … of @group(0). */
  readonly bindings: readonly ('read' | 'read_write')[]
}

export type ProgramBuffer =
  /** The caller's array. A donated input may be written. */
  | { readonly kind: 'input'; readonly index: number; readonly bytes: number }
  /** Scratch: `slot` says which allocation; buffers that share a slot are never alive together. */
  | { readonly kind: 'temp'; readonly slot: number; readonly bytes: number }
  /** Fresh memory that becomes output `index`. */
  | { readonly kind: 'output'; readonly index: number; readonly bytes: number }

export interface Dispatch {
  readonly kernel: number
  /**
   * On a GPU a kernel in a while's body or a conditional's branch reads the flag or index itself, and does nothing unless it is
   * to run: the flags of the steps around it may be among its buffers.
   */
  readonly buffers: readonly number[]
  readonly workgroups: readonly [number, number, number]
  /** For a CPU: workgroups that a thread takes at a time. */
  readonly grain?: number
  readonly scope: string
  readonly loc?: Loc
  /** Names of the IR ops that this dispatch computes, for errors and profiles. */
  readonly ops: readonly string[]
}

/** A dispatch by number, or control flow over steps. */
export type Step =
  | number
  /** The body, `count` times. */
  | { readonly kind: 'loop'; readonly count: number; readonly body: readonly Step[] }
  /** `cond`, which writes buffer `flag`, a bool; while that is true, the body and `cond` again. */
  | { readonly kind: 'while'; readonly cond: readonly Step[]; readonly flag: number; readonly body: readonly Step[] }
  /** The branch that the i32 in buffer `index` names. */
  | { readonly kind: 'cond'; readonly index: number; readonly branches: readonly (readonly Step[])[] }

export interface OutputSpec {
  readonly shape: readonly number[]
  readonly dtype: DType
  /** Where the value is: an 'output' buffer; or an 'input' buffer, donated (its array's memory moves to the output) or passed through (an alias). */
  readonly buffer: number
  readonly donated: boolean
}

/** What the compiler must know of a device: plain data, made by the runtime. */
export interface Target {
  /** 'software' for CPU-run adapters (SwiftShader, lavapipe), 'gpu' for hardware; 'cpu' runs WebAssembly without an adapter. */
  readonly class: 'software' | 'gpu' | 'cpu'
  readonly maxStorageBuffersPerShaderStage: number
  readonly maxStorageBufferBindingSize: number
  readonly maxComputeInvocationsPerWorkgroup: number
  readonly maxComputeWorkgroupStorageSize: number
  readonly maxComputeWorkgroupsPerDimension: number
  /** Invocations of a subgroup, when kernels may use subgroups and all have this size. */
  readonly subgroupSize?: number
  /** For a CPU: whether the engine has relaxed SIMD (fused multiply-add), and whether threads share the memory. */
  readonly wasm?: { readonly relaxed: boolean; readonly shared: boolean }
  /** Parameters of kernels that were measured on this device, by the name of what they are for; the rest have the rules'. */
  readonly tuned?: Readonly<Record<string, unknown>>
}
