import { FoveaError } from '../compiler/trace/error.js'

/** Turns what goes wrong on a device into errors of the calls that depend on it. */
export interface Failure {
  /** Set once the device is lost. */
  lost(): FoveaError | undefined
  /** Throws when the device is lost, or when an earlier GPU call was refused (once). */
  check(): void
  /** The promise; it rejects with 'device-lost' as soon as the device is. */
  guard<T>(promise: Promise<T>): Promise<T>
}

/**
 * Watches a device for loss and for errors that no scope caught. `onLost` runs once; `nap` is called with everything that
 * is waited for.
 */
export function watchFailure(
  gpu: GPUDevice,
  onLost: () => void,
  nap: (promise: Promise<unknown>) => void = () => {},
): Failure {
  let lost: FoveaError | undefined
  let refused: FoveaError | undefined
  const pending = new Set<(err: FoveaError) => void>()

  void gpu.lost.then(({ reason, message }) => {
    const why = `${message || 'no reason was given'}${reason ? ` (${reason})` : ''}`
    lost = new FoveaError(
      'device-lost',
      `the device was lost: ${why}. Arrays that were only on it are gone; a later call opens a device anew`,
    )
    onLost()
    for (const reject of pending) reject(lost)
    pending.clear()
  })
  gpu.addEventListener('uncapturederror', (event) => {
    event.preventDefault()
    refused ??= new FoveaError('device', `the device refused a call: ${event.error.message}`)
  })

  return {
    lost: () => lost,
    check() {
      if (lost) throw lost
      const err = refused
      refused = undefined
      if (err) throw err
    },
    guard<T>(promise: Promise<T>) {
      const guarded = new Promise<T>((resolve, reject) => {
        if (lost) return reject(lost)
        pending.add(reject)
        promise.then(
          (value) => {
            pending.delete(reject)
            resolve(value)
          },
          // A map that was cut short may report before the loss does: give the loss a turn.
          (err) => setTimeout(() => (pending.delete(reject) ? reject(err) : undefined), 0),
        )
      })
      nap(guarded)
      return guarded
    },
  }
}
