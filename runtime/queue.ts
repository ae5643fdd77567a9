import type { Failure } from './failure.js'

export interface Queue {
  submit(commands: readonly GPUCommandBuffer[]): void
  /** Copies host bytes into a buffer, after everything submitted before and before everything submitted later. */
  write(buffer: GPUBuffer, bytes: Uint8Array<ArrayBuffer>): void
  /** Runs calls one after another in the order they were made, and holds each back while too many are unfinished. */
  inTurn<T>(call: () => Promise<T>): Promise<T>
}

/** Calls that may be submitted and unfinished: enough to keep a device busy, few enough to bound memory and delay. */
const maxInFlight = 3
/** A write is staged in host memory until the next submit: larger arrays go in parts of this many bytes. */
const writePart = 32 * 2 ** 20

/** The device's queue with its order, its bound on unfinished calls, and its counters. */
export function createQueue(gpu: GPUDevice, failure: Failure, stats: { submits: number }): Queue {
  let last: Promise<unknown> = Promise.resolve()
  const inFlight = new Set<Promise<unknown>>()

  const submit = (commands: readonly GPUCommandBuffer[]): void => {
    gpu.queue.submit(commands)
    stats.submits++
  }

  return {
    submit,
    write(buffer, bytes) {
      for (let at = 0; at < bytes.length; at += writePart) {
        gpu.queue.writeBuffer(buffer, at, bytes, at, Math.min(writePart, bytes.length - at))
        if (bytes.length > writePart) submit([])
      }
    },
    inTurn(call) {
      const turn = last.then(async () => {
        while (inFlight.size >= maxInFlight) await failure.guard(inFlight.values().next().value!)
        failure.check()
        const before = stats.submits
        const result = await call()
        if (stats.submits > before) {
          const done: Promise<unknown> = gpu.queue.onSubmittedWorkDone().then(
            () => inFlight.delete(done),
            () => inFlight.delete(done),
          )
          inFlight.add(done)
        }
        return result
      })
      last = turn.catch(() => undefined)
      return turn
    },
  }
}
