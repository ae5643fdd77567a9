import { brief, duration } from './text.js'

export interface ProgressOptions {
  /** Steps in all. */
  readonly total: number
  /** The step the run starts at, when it goes on from a checkpoint. 0 by default. */
  readonly start?: number
  /** What is counted, 'step' by default. */
  readonly unit?: string
  /** Where the line goes, the standard error output by default. */
  readonly stream?: { readonly isTTY?: boolean; write(text: string): unknown }
}

export interface Step {
  /** Steps done, this one included. */
  readonly step: number
  readonly loss?: number
  readonly lr?: number
  /** Pictures in this step. */
  readonly images?: number
  /** Seconds that the step waited for its data. */
  readonly stall?: number
}

const secondsBetweenLines = 5

/**
 * Shows how training goes: loss, learning rate, pictures a second, time left. On a terminal it is one line that is
 * written over; elsewhere, a line every five seconds.
 *
 * @example
 * const show = progress({ total: 1000 })
 * show.update({ step: 1, loss: 4.16, lr: 1e-3, images: 64 }) // step 1/1000  loss 4.16  lr 0.001  812 images/s  5 min 3 s left
 * show.done()
 */
export function progress({ total, start = 0, unit = 'step', stream = process.stderr }: ProgressOptions): {
  update(step: Step): void
  done(): void
} {
  const began = performance.now()
  let images = 0
  let stalled = 0
  let written = Number.NEGATIVE_INFINITY
  let unwritten = ''
  const write = (line: string): void => {
    stream.write(stream.isTTY ? `\r${line}\x1b[K` : `${line}\n`)
    written = performance.now()
    unwritten = ''
  }
  return {
    update({ step, loss, lr, images: fresh = 0, stall = 0 }) {
      images += fresh
      stalled += stall
      const now = performance.now()
      const seconds = (now - began) / 1000
      const left = (seconds / Math.max(1, step - start)) * (total - step)
      unwritten = [
        `${unit} ${step}/${total}`,
        ...(loss === undefined ? [] : [`loss ${brief(loss)}`]),
        ...(lr === undefined ? [] : [`lr ${brief(lr)}`]),
        ...(images === 0 ? [] : [`${brief(Math.round(images / seconds))} images/s`]),
        // Less than a hundredth of the time is no matter.
        ...(stalled <= seconds / 100 ? [] : [`${duration(stalled)} waiting for data`]),
        step < total ? `${duration(left)} left` : `${duration(seconds)} in all`,
      ].join('  ')
      // A terminal's line is written at most 20 times a second: more can't be read.
      const pause = stream.isTTY ? 50 : secondsBetweenLines * 1000
      if (now - written >= pause || step === total) write(unwritten)
    },
    done() {
      if (unwritten) write(unwritten)
      if (stream.isTTY) stream.write('\n')
    },
  }
}
