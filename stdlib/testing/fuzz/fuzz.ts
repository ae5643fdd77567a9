import { FoveaError } from '../../../compiler/trace/error.js'
import { batching, type Check, derivatives, passes, text } from './checks.js'
import { seeded } from './draw.js'
import { type GenerateOptions, generate } from './generate.js'
import { type RandomProgram, show } from './program.js'
import { shrink } from './shrink.js'

export interface FuzzOptions extends GenerateOptions {
  /** Program i is that of seed + i. */
  readonly seed: number
  /** Default: until `until` says so. */
  readonly count?: number
  /** Asked before each program whether it is time to stop. */
  readonly until?: () => boolean
  /** Default: those that need no device. */
  readonly checks?: readonly Check[]
  readonly onProgram?: (done: number) => void
}

/** A program that breaks a law, made as small as it goes. */
export interface Finding {
  /** Of the program as it was drawn. */
  readonly seed: number
  readonly check: string
  readonly message: string
  readonly program: RandomProgram
}

export interface FuzzResult {
  readonly programs: number
  readonly finding?: Finding
}

export const checksWithoutDevice: readonly Check[] = [text, ...passes(), batching, derivatives]

/** Draws programs and holds each to every check, until one fails. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { seed, count = Number.POSITIVE_INFINITY, until = () => false, checks = checksWithoutDevice } = options
  let programs = 0
  while (programs < count && !until()) {
    const own = seed + programs++
    const program = generate(seeded(own), options)
    for (const check of checks) {
      if ((await problemOf(check, program)) === undefined) continue
      const small = await shrink(program, async (p) => (await problemOf(check, p)) !== undefined)
      const message = (await problemOf(check, small))!
      return { programs, finding: { seed: own, check: check.name, message, program: small } }
    }
    options.onProgram?.(programs)
  }
  return { programs }
}

/** What throws is a problem too: programs are well-typed. */
async function problemOf(check: Check, program: RandomProgram): Promise<string | undefined> {
  try {
    return await check.run(program)
  } catch (err) {
    if (err instanceof FoveaError && err.code === 'too-large') return undefined
    return `throws ${err instanceof Error ? err.stack : err}`
  }
}

/** The finding as text: the law, the program, and what is wrong. */
export const showFinding = ({ seed, check, message, program }: Finding): string =>
  `finding: program ${seed} fails the check '${check}'; made small, it is\n\n${show(program)}\n${message}`
