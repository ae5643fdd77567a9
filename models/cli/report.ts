import { type Command, CommanderError } from 'commander'
import { destroyDevice, FoveaError } from '../../index.js'

/** Exit statuses: done; an error; a command line that can't be understood; stopped by Ctrl-C (128 + SIGINT). */
export const exit = { ok: 0, error: 1, usage: 2, interrupted: 130 } as const

/** A command that ended, but not as asked for, and has said so itself. */
export class Ended extends Error {
  constructor(readonly status: number) {
    super(`ended with status ${status}`)
  }
}

/** Runs a command line, prints its error if it has one, and returns the exit status. */
export async function runProgram(command: Command, args: readonly string[]): Promise<number> {
  strict(command)
  try {
    await command.parseAsync([...args], { from: 'user' })
    return exit.ok
  } catch (err) {
    if (err instanceof Ended) return err.status
    // Commander has printed its message.
    if (err instanceof CommanderError) return err.exitCode === 0 ? exit.ok : exit.usage
    process.stderr.write(`${describe(err)}\n`)
    return exit.error
  } finally {
    await destroyDevice()
  }
}

/** Commander's errors come here instead of ending the process, from subcommands too. */
function strict(command: Command): void {
  command.exitOverride().showHelpAfterError('(--help shows what there is)')
  for (const sub of command.commands) strict(sub)
}

/** What the user reads: the message of an error of theirs; more for one of ours. */
function describe(err: unknown): string {
  if (process.env.FOVEA_DEBUG === '1' && err instanceof Error) return `error: ${err.stack}${cause(err)}`
  if (err instanceof FoveaError) return `error: ${err.message}`
  const message = err instanceof Error ? err.message : String(err)
  // An error of the system, such as a folder without permission, speaks for itself.
  if (err instanceof Error && 'syscall' in err) return `error: ${message}`
  return `error: ${message}\nThis is a fault of Fovea, not yours: FOVEA_DEBUG=1 shows where, please report it.`
}

const cause = (err: Error): string => (err.cause instanceof Error ? `\ncaused by: ${err.cause.stack}` : '')
