import type { Device } from './device.js'

/** Calls that may be submitted and unfinished: enough to keep a device busy, few enough to bound memory and delay. */
const maxInFlight = 3

/** A device's `inTurn`: calls in the order they were made, at most three of them unfinished. */
export function createTurns(device: Pick<Device, 'failure' | 'stats' | 'finished'>): Device['inTurn'] {
  const { failure, stats } = device
  let last: Promise<unknown> = Promise.resolve()
  const inFlight = new Set<Promise<unknown>>()
  return (call) => {
    const turn = last.then(async () => {
      while (inFlight.size >= maxInFlight) await failure.guard(inFlight.values().next().value!)
      failure.check()
      const before = stats.submits
      const result = await call()
      if (stats.submits > before) {
        const done: Promise<unknown> = device.finished().then(
          () => inFlight.delete(done),
          () => inFlight.delete(done),
        )
        inFlight.add(done)
      }
      return result
    })
    last = turn.catch(() => undefined)
    return turn
  }
}
