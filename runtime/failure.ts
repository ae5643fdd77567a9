import { FoveaError } from '../compiler/trace/error.js'

/** Turns what goes wrong on a device into errors of the calls that depend on it. */
export interface Failure {
  /** Set once the device is lost. */
  lost(): FoveaError | undefined
  /** Throws when the device is lost, or when an earlier call was refused (once). */
  check(): void
  /** The promise; it rejects with 'device-lost' as soon as the device is. */
  guard<T>(promise: Promise<T>): Promise<T>
}

/** For the device to report to. */
export interface FailureSource {
  readonly failure: Failure
  /** The device is gone, for the reason given; the first one counts. */
  lose(why: string): void
  /** The device refused a call, and goes on. */
  refuse(why: string): void
}

/** `onLost` runs once, when the device is lost; `nap` is called with everything that is waited for. */
export function createFailure(onLost: () => void, nap: (promise: Promise<unknown>) => void = () => {}): FailureSource {
  let lost: FoveaError | undefined
  let refused: FoveaError | undefined
  const pending = new Set<(err: FoveaError) => void>()

  const failure: Failure = {
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
  return {
    failure,
    lose(why) {
      if (lost) return
      lost = new FoveaError(
        'device-lost',
        `the device was lost: ${why}. Arrays that were only on it are gone; a later call opens a device anew`,
      )
      onLost()
      for (const reject of pending) reject(lost)
      pending.clear()
    },
    refuse(why) {
      refused ??= new FoveaError('device', `the device refused a call: ${why}`)
    },
  }
}
