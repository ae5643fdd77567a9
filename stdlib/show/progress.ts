import { brief, duration } from './text.js'

export interface ProgressOptions {
  /** Steps in all. */
  readonly total: number
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
 * written over; elsewhere, a line every five seconds. The time left is that of the pace after the first steps, which
 * warm up, and is not said before that pace is known.
 *
 * @example
 * const show = progress({ total: 1000 })
 * show.update({ step: 1, loss: 4.16, lr: 1e-3, images: 64 }) // step 1/1000  loss 4.16  lr 0.001  812 images/s
 * show.done()
 */
export function progress({ total, unit = 'step', stream = process.stderr }: ProgressOptions): {
  update(step: Step): void
  done(): void
} {
  const began = performance.now()
  let images = 0
  let stalled = 0
  const secondsAStep = pace()
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
      const each = secondsAStep(step, now / 1000)
      unwritten = [
        `${unit} ${step}/${total}`,
        ...(loss === undefined ? [] : [`loss ${brief(loss)}`]),
        ...(lr === undefined ? [] : [`lr ${brief(lr)}`]),
        ...(images === 0 ? [] : [`${brief(Math.round(images / seconds))} images/s`]),
        // Less than a hundredth of the time is no matter.
        ...(stalled <= seconds / 100 ? [] : [`${duration(stalled)} waiting for data`]),
        ...(step < total
          ? each === undefined
            ? []
            : [`${duration(each * (total - step))} left`]
          : [`${duration(seconds)} in all`]),
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

/** Updates nearer to each other than this came together: losses are read in groups. */
const together = 0.01
/** Groups that never end are taken as ended after so many seconds. */
const longest = 1

/** Seconds a step, between the ends of groups of updates; undefined until a group after the first has ended. */
function pace(): (step: number, now: number) => number | undefined {
  interface Moment {
    readonly step: number
    readonly at: number
  }
  let first: Moment | undefined
  let end: Moment | undefined
  let last: Moment | undefined
  let since = Number.POSITIVE_INFINITY
  return (step, now) => {
    if (last && (now - last.at > together || now - since > longest)) {
      end = last
      first ??= last
      since = now
    }
    since = Math.min(since, now)
    last = { step, at: now }
    return first && end && end.step > first.step ? (end.at - first.at) / (end.step - first.step) : undefined
  }
}
