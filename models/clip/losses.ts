import { FoveaError, stack, type Tensor } from '../../index.js'
import type { StepRecord } from './run.js'

/** Steps between two looks at the loss. A look waits for the device, so it comes late and seldom. */
const group = 8

/**
 * Reads losses in groups while later steps run, so that training never waits for a number. `take` gets every step's loss
 * and gives it free; `settle` waits until all that were taken are read.
 * Both throw FoveaError 'diverged' for a loss that is not finite, with the step that gave it.
 */
export function lossReader(options: {
  readonly rates: Float32Array
  readonly batchSize: number
  readonly read: (records: readonly StepRecord[]) => Promise<void>
}): { take(step: number, loss: Tensor<[], 'f32'>, stall: number): Promise<void>; settle(): Promise<void> } {
  const { rates, batchSize, read } = options
  let waiting: { step: number; loss: Tensor<[], 'f32'>; stall: number }[] = []
  let reading = Promise.resolve()
  let since: number | undefined

  const readGroup = async (taken: typeof waiting): Promise<void> => {
    const all = stack(taken.map(({ loss }) => loss))
    const values = await all.data()
    for (const x of [all, ...taken.map(({ loss }) => loss)]) x.dispose()
    const now = performance.now()
    const rate = (taken.length * batchSize * 1000) / (now - since!)
    since = now
    const records = taken.map(({ step, stall }, i) => ({
      step,
      loss: values[i],
      lr: rates[step - 1],
      images_per_s: Number(rate.toPrecision(4)),
      stall_s: Number(stall.toFixed(4)),
    }))
    const bad = records.findIndex(({ loss }) => !Number.isFinite(loss))
    await read(bad < 0 ? records : records.slice(0, bad))
    if (bad >= 0) throw diverged(`the loss of step ${records[bad].step} is ${records[bad].loss}`, records[bad].lr)
  }
  const settle = async (): Promise<void> => {
    await reading
    const taken = waiting
    waiting = []
    if (taken.length > 0) await readGroup(taken)
  }
  return {
    settle,
    async take(step, loss, stall) {
      since ??= performance.now()
      waiting.push({ step, loss, stall })
      if (waiting.length < group) return
      await reading
      reading = readGroup(waiting)
      reading.catch(() => {}) // thrown where it is awaited
      waiting = []
    },
  }
}

export const diverged = (what: string, lr: number): FoveaError =>
  new FoveaError(
    'diverged',
    `training stopped: ${what} (learning rate ${lr}). The checkpoint saved before is untouched. ` +
      'Take a smaller learning rate or a longer warm-up, and look for odd pictures or captions in the data.',
  )
