/** Longest sleep, in milliseconds: what a wait may be late by. */
const nap = 0.2

/**
 * Sleeps a little in every turn of the event loop while a promise is pending, for adapters that run on the CPU.
 * Dawn's Node binding polls the device once per turn and so keeps a whole core busy while it waits, which such an adapter
 * needs for the work that is waited for: on two cores a wait takes 1.4 to 2 times as long without the naps.
 * Timers and I/O still run in every turn.
 */
export function createNaps(): (promise: Promise<unknown>) => void {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  let waiting = 0
  let turning = false
  const turn = (): void => {
    turning = waiting > 0
    if (!turning) return
    Atomics.wait(cell, 0, 0, nap)
    setImmediate(turn)
  }
  return (promise) => {
    waiting++
    if (!turning) setImmediate(turn)
    turning = true
    const done = (): void => {
      waiting--
    }
    promise.then(done, done)
  }
}
