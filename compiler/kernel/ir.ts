import type { DType } from '../ir/types.js'
import type { Expr, ExprType } from './expr.js'

/**
 * The kernel IR: a loop nest over buffers, neutral of the target. Invocations are a grid of workgroups of lanes;
 * printers spell it for a device. For a CPU a workgroup is an item of one lane: `group_x` numbers it, buffers have width 1,
 * and loads and stores of four take four elements from any address.
 */
export interface Kernel {
  readonly name: string
  readonly buffers: readonly KernelBuffer[]
  /** Arrays that end with the kernel. Buffer `scratchBase + i` in loads and stores. */
  readonly scratch: readonly Scratch[]
  readonly lanes: readonly [number, number]
  readonly workgroups: readonly [number, number, number]
  readonly body: readonly Stmt[]
}

export interface Scratch {
  readonly t: ExprType
  readonly size: number
  /** Whose array it is: one for all lanes of a workgroup, or one for each invocation. */
  readonly per: 'workgroup' | 'invocation'
}

export interface KernelBuffer {
  readonly dtype: DType
  /** Elements. */
  readonly size: number
  /** 4: elements are read and written as groups of four. */
  readonly width: 1 | 4
  readonly access: 'read' | 'read_write'
}

export type Stmt =
  | { readonly k: 'let'; readonly name: string; readonly value: Expr }
  /** A register that `set` changes. */
  | { readonly k: 'mutable'; readonly name: string; readonly t: ExprType; readonly value: Expr }
  | { readonly k: 'set'; readonly name: string; readonly value: Expr }
  | { readonly k: 'store'; readonly buffer: number; readonly at: Expr; readonly value: Expr }
  /** `index` counts from `from` (0 when it isn't given) while it is less than `count`. */
  | {
      readonly k: 'loop'
      readonly index: string
      readonly from?: Expr
      readonly count: number | Expr
      readonly body: readonly Stmt[]
    }
  /** Over mutable registers. */
  | { readonly k: 'while'; readonly cond: Expr; readonly body: readonly Stmt[] }
  | { readonly k: 'if'; readonly cond: Expr; readonly body: readonly Stmt[] }
  /** Ends the invocation; only in kernels without barriers. */
  | { readonly k: 'exit'; readonly cond: Expr }
  | { readonly k: 'barrier' }

export const scratchBase = 1000
/** Names of the index variables that every kernel has; `subgroup_lane` numbers the invocations of a subgroup. */
export const builtins = ['group_x', 'group_y', 'group_z', 'lane_x', 'lane_y', 'subgroup_lane'] as const
/** Registers named so are mutable: expressions over them stay where they are. */
export const isMutable = (name: string): boolean => name.startsWith('acc')
