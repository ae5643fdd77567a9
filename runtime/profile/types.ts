import type { Loc } from '../../compiler/ir/types.js'
import type { Part } from '../../compiler/kernel/work.js'
import type { DeviceInfo } from '../device.js'

/** What a call of a function costs, as `profile` measures it. Times are in ms, sizes in bytes. Plain data. */
export interface Profile {
  readonly name: string
  readonly device: Pick<DeviceInfo, 'kind' | 'description' | 'backend'>
  readonly rounds: number
  /** Calls as they are made, from submitted to finished. */
  readonly call: Spread
  /** The sum of all dispatches in calls that run one after another and note times. */
  readonly parts: Spread
  /** What the device reaches in small kernels, measured at the same time: operations and bytes a second. */
  readonly limits: { readonly flops: number; readonly bytes: number }
  /** What is done once: tracing, compiling to kernels, making these ready, and moving arguments and results. */
  readonly once: {
    readonly trace: number
    readonly compile: number
    readonly load: number
    readonly upload: number
    readonly read: number
  }
  /** In the order of the program. */
  readonly dispatches: readonly ProfiledDispatch[]
  /** Which dispatch reads what another wrote. */
  readonly edges: readonly Edge[]
  /** The same time by named scope ('' : none) and by line, the longest first. */
  readonly scopes: readonly Place[]
  readonly lines: readonly Place[]
  readonly memory: MemoryProfile
}

export interface Spread {
  readonly min: number
  readonly median: number
}

export interface ProfiledDispatch {
  readonly number: number
  /** The kernel's name, and what it is in words. */
  readonly kernel: string
  readonly label: string
  readonly scope: string
  readonly loc?: Loc
  readonly ops: readonly string[]
  /** How often it runs in a call: more than once in a loop, perhaps never in a branch. */
  readonly runs: number
  /** Of all runs of a call: the median of the rounds, and the least. */
  readonly ms: number
  readonly min: number
  /** When the first run began, after the call's first dispatch did. */
  readonly begin: number
  /** Of all runs of a call. */
  readonly flops: number
  readonly bytes: number
  /** What is short: operations or bytes, by the device's limits. */
  readonly bound: 'compute' | 'memory'
  /** The time that the limits allow, over the time it takes. More than 1 for data that stays in caches. */
  readonly ofLimit: number
  readonly parts: readonly Part[]
}

export interface Edge {
  readonly from: number
  readonly to: number
  readonly bytes: number
}

export interface Place {
  readonly name: string
  readonly loc?: Loc
  readonly ms: number
}

export interface MemoryProfile {
  readonly arguments: number
  /** Most that temporaries and results take at once, and the dispatch at which they do. */
  readonly peak: number
  readonly at: number
  /** Bytes of temporaries and results at each dispatch, in the order of the program. */
  readonly live: readonly { readonly dispatch: number; readonly bytes: number }[]
  /** Who holds the memory at the peak, the largest first: each by the dispatch that first writes it. */
  readonly holders: readonly { readonly bytes: number; readonly dispatch: number; readonly kind: 'temp' | 'output' }[]
}
