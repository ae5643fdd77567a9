import type { DispatchTime } from '../device.js'

/** Notes when each dispatch of a call begins and ends, for profiles. */
export interface Timer {
  /** Dispatches of one submit at most. */
  readonly perSubmit: number
  /** What the pass of a dispatch writes. */
  writes(dispatch: number): GPUComputePassTimestampWrites | undefined
  /** Where the device stamps no times: told when what was submitted last began, and was finished. */
  waited?(begin: number, end: number): void
  /** Adds what a submit needs at its end. */
  resolve(encoder: GPUCommandEncoder): void
  /** Waits for the call. */
  read(dispatches: number): Promise<DispatchTime[]>
  dispose(): void
}

/** The most that a set may have, https://www.w3.org/TR/webgpu/#dom-gpudevice-createqueryset. */
const queries = 4096
const stampBytes = 8
/** Bits of GPUBufferUsage, and GPUMapMode.READ. */
const usage = { mapRead: 0x1, copySrc: 0x4, copyDst: 0x8, queryResolve: 0x200 } as const
const read = 0x1

interface Part {
  readonly set: GPUQuerySet
  readonly dispatches: number[]
  mapped?: GPUBuffer
  resolved?: GPUBuffer
}

/** A timer of one call: by timestamp queries (nanoseconds), or by waiting for each dispatch where the device has none. */
export const createTimer = (gpu: GPUDevice): Timer =>
  gpu.features.has('timestamp-query') ? stampedTimer(gpu) : waitingTimer()

function waitingTimer(): Timer {
  const spans: { readonly dispatch: number; begin: number; end: number }[] = []
  return {
    perSubmit: 1,
    writes(dispatch) {
      spans.push({ dispatch, begin: 0, end: 0 })
      return undefined
    },
    waited(begin, end) {
      Object.assign(spans[spans.length - 1], { begin, end })
    },
    resolve() {},
    async read(dispatches) {
      const times = noTimes(dispatches)
      for (const { dispatch, begin, end } of spans) {
        const time = times[dispatch]
        if (time.runs++ === 0) time.begin = begin - spans[0].begin
        time.ms += end - begin
      }
      return times
    },
    dispose() {},
  }
}

const noTimes = (dispatches: number): { runs: number; ms: number; begin: number }[] =>
  Array.from({ length: dispatches }, () => ({ runs: 0, ms: 0, begin: 0 }))

function stampedTimer(gpu: GPUDevice): Timer {
  const parts: Part[] = []
  let open: Part | undefined
  return {
    perSubmit: queries / 2,
    writes(dispatch) {
      if (!open) parts.push((open = { set: gpu.createQuerySet({ type: 'timestamp', count: queries }), dispatches: [] }))
      const at = 2 * open.dispatches.push(dispatch) - 2
      return { querySet: open.set, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 }
    },
    resolve(encoder) {
      if (!open) return
      const count = 2 * open.dispatches.length
      const size = count * stampBytes
      open.resolved = gpu.createBuffer({ size, usage: usage.queryResolve | usage.copySrc })
      open.mapped = gpu.createBuffer({ size, usage: usage.mapRead | usage.copyDst })
      encoder.resolveQuerySet(open.set, 0, count, open.resolved, 0)
      encoder.copyBufferToBuffer(open.resolved, 0, open.mapped, 0, size)
      open = undefined
    },
    async read(dispatches) {
      const times = noTimes(dispatches)
      let first: bigint | undefined
      for (const { mapped, dispatches: numbers } of parts) {
        if (!mapped) continue
        await mapped.mapAsync(read)
        const stamps = new BigUint64Array(mapped.getMappedRange().slice(0))
        mapped.unmap()
        first ??= stamps[0]
        for (const [i, number] of numbers.entries()) {
          const [begin, end] = [stamps[2 * i], stamps[2 * i + 1]]
          const time = times[number]
          if (time.runs++ === 0) time.begin = Number(begin - first) / 1e6
          // A clock may be set back between passes: https://www.w3.org/TR/webgpu/#timestamp
          time.ms += Math.max(0, Number(end - begin)) / 1e6
        }
      }
      return times
    },
    dispose() {
      for (const { set, mapped, resolved } of parts) {
        set.destroy()
        mapped?.destroy()
        resolved?.destroy()
      }
    },
  }
}
