import type { Program, Step } from '../../compiler/ir/program.js'
import type { Recorder } from './encode.js'

/** What running steps takes of a device. */
export interface Run {
  readonly recorder: Recorder
  /** Dispatches of one submit at most. */
  readonly perSubmit?: number
  /** Submits what was recorded. Resolves at once unless much is unfinished. */
  flush(): Promise<void>
  /** Submits what was recorded, and reads the 32 bits at the start of a buffer as they are then. */
  read(buffer: number): Promise<number>
}

/** Recording goes on while the device works, and other programs get a turn. */
const mostPerSubmit = 4096
/** Turns of a while that are recorded before it is known whether they are run, at most. */
const mostAhead = 128

/**
 * Records a program's steps. Loops of a known count are recorded as often. A while is recorded ahead, 1, 2, 4, … turns at a
 * time, whose kernels do nothing once the flag is false, and the flag is read in between. What decides whether a while inside
 * runs is read first.
 */
export async function runSteps(program: Program, run: Run): Promise<void> {
  const { recorder, perSubmit = mostPerSubmit } = run
  const steps = program.steps ?? program.dispatches.map((_, i) => i)
  const all = async (list: readonly Step[]): Promise<void> => {
    for (const step of list) {
      // Most are dispatches: a wait apiece would cost more than they do.
      if (typeof step !== 'number') await one(step)
      else {
        recorder.dispatch(step)
        if (recorder.count >= perSubmit) await run.flush()
      }
    }
  }
  const one = async (step: Exclude<Step, number>): Promise<void> => {
    switch (step.kind) {
      case 'loop': {
        for (let i = 0; i < step.count; i++) await all(step.body)
        return
      }
      case 'while': {
        await all(step.cond)
        const most = hasWhile(step.body) ? 1 : mostAhead
        // Inside another while or branch the flag is only right where that runs; a while in the body must know before.
        if (most === 1 && !(await run.read(step.flag))) return
        for (let ahead = 1; ; ahead = Math.min(most, 2 * ahead)) {
          for (let i = 0; i < ahead; i++) {
            await all(step.body)
            await all(step.cond)
          }
          if (!(await run.read(step.flag))) return
        }
      }
      case 'cond': {
        if (!step.branches.some(hasWhile)) for (const branch of step.branches) await all(branch)
        else await all(step.branches[await run.read(step.index)])
      }
    }
  }
  await all(steps)
}

/** Nothing of what is run depends on a value that has to be read. */
export const isStatic = ({ steps = [] }: Program): boolean => !hasWhile(steps)

const hasWhile = (steps: readonly Step[]): boolean =>
  steps.some(
    (step) =>
      typeof step !== 'number' &&
      (step.kind === 'while' || (step.kind === 'loop' ? hasWhile(step.body) : step.branches.some(hasWhile))),
  )
