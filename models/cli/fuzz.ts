import { Command, InvalidArgumentError, Option } from 'commander'
import { type DeviceName, deviceNames } from '../../runtime/choose.js'
import { list, positive, whole } from './options.js'
import { Ended, exit } from './report.js'

interface FuzzCommandOptions {
  readonly seconds: number
  readonly count?: number
  readonly seed?: number
  readonly device: readonly DeviceName[]
}

export const fuzzCommand = (): Command =>
  new Command('fuzz')
    .description('Looks for faults of the compiler: runs random programs of all ops, and holds them to laws.')
    .addOption(new Option('--seconds <n>', 'how long').default(60).argParser(positive))
    .option('--count <n>', 'how many programs, however long it takes', whole(1))
    .option('--seed <n>', 'of the first program; the next has the next seed (default: drawn)', whole(0))
    .addOption(
      new Option('--device <names>', `what to compile for: ${deviceNames.join(', ')}, or none`)
        .default(['cpu'], 'cpu')
        .argParser(devices),
    )
    .addHelpText(
      'after',
      `
The laws: the text of a program is the program; passes keep what it computes; vmap is a loop; derivatives are slopes, and
reverse mode is the adjoint of forward mode; compiled, it gives what it gives in the reference interpreter. The same for its
derivatives and its vmap. A finding is shown as a program of few lines with the command that replays it.

Exit status: 0 if there is no finding, else 1.

Example:
  fovea fuzz --seconds 600 --device cpu,swiftshader`,
    )
    .action(async (options: FuzzCommandOptions) => {
      const { runFuzz } = await import('./fuzzing.js')
      const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31)
      if (!(await runFuzz({ ...options, seed }))) throw new Ended(exit.error)
    })

function devices(text: string): DeviceName[] {
  const names = list(text)
  if (names.join() === 'none') return []
  return names.map((name) => {
    const known = deviceNames.find((n) => n === name)
    if (!known) throw new InvalidArgumentError(`Expected ${deviceNames.join(', ')} or none.`)
    return known
  })
}
