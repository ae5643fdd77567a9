import { describeCounts } from '../../stdlib/data/index.js'
import { progress } from '../../stdlib/show/index.js'
import { type Trained, type TrainOptions, trainClip } from '../clip/train.js'
import { deviceLine } from './device.js'
import { Ended, exit } from './report.js'

/** A terminal sends Ctrl-C to every process of a group, and some wrappers pass it on again: within this time it is one. */
const samePress = 1000

/**
 * Trains with a line of progress. Ctrl-C (or SIGTERM) stops after the step under way, saves, and ends the command; a
 * second one ends the process at once.
 */
export async function trainWithProgress(options: TrainOptions): Promise<Trained> {
  const stop = new AbortController()
  let pressed = 0
  const onSignal = (): void => {
    if (pressed === 0) {
      pressed = performance.now()
      process.stderr.write('\nstopping: this step is finished and saved; Ctrl-C again stops at once\n')
      stop.abort()
    } else if (performance.now() - pressed > samePress) process.exit(exit.interrupted)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  let show: ReturnType<typeof progress> | undefined
  try {
    process.stderr.write(`${await deviceLine()}\n`)
    const trained = await trainClip({
      ...options,
      signal: stop.signal,
      onStart({ steps }) {
        show = progress({ total: steps })
      },
      onStep({ step, loss, lr, stall_s }, { batchSize }) {
        show?.update({ step, loss, lr, images: batchSize, stall: stall_s })
      },
      onEvaluation({ step, ...recalls }, best) {
        const values = Object.entries(recalls).map(([name, value]) => `${name} ${value.toFixed(3)}`)
        process.stderr.write(`step ${step}: ${values.join('  ')}${best ? '  (the best so far)' : ''}\n`)
      },
      onCorrupt(kind, what) {
        process.stderr.write(`skipping: ${kind}, such as ${what}\n`)
      },
    })
    show?.done()
    show = undefined
    const { step, steps, checkpoint, corrupt } = trained
    const skipped = describeCounts(corrupt)
    if (skipped) process.stderr.write(`skipped records that can't be used: ${skipped}\n`)
    process.stderr.write(`saved step ${step} of ${steps}: ${checkpoint}\n`)
    if (step < steps) throw new Ended(exit.interrupted)
    return trained
  } finally {
    show?.done()
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}
