import { Argument, Command, Option } from 'commander'
import { deviceNames } from '../../runtime/choose.js'
import { whole } from './options.js'
import type { ProfilingOptions } from './profiling.js'

export const profileCommand = (): Command =>
  new Command('profile')
    .description('Measures a function kernel by kernel: time, memory, and how near each is to what the device can do.')
    .addArgument(
      new Argument(
        '<file>',
        "a module that exports what to profile; 'clip': a training step of the CLIP of `npm start`",
      ),
    )
    .option('--export <name>', "the module's export", 'default')
    .addOption(new Option('--rounds <n>', 'calls that are measured').default(10).argParser(whole(1)))
    .addOption(new Option('--top <n>', 'kernels, scopes and lines that are shown').default(20).argParser(whole(1)))
    .addOption(new Option('--batch <n>', "of 'clip': captioned pictures of a step").default(64).argParser(whole(1)))
    .addOption(new Option('--device <name>', 'instead of FOVEA_DEVICE').choices([...deviceNames]))
    .option('--json', 'print one JSON object instead of tables', false)
    .option('--trace <file>', 'write a trace for ui.perfetto.dev or chrome://tracing')
    .option('--html <file>', 'write a page that opens in a browser: tables, graph of kernels, memory, scopes')
    .addHelpText(
      'after',
      `
The export is an object { fn, args }: the function, or what jit made of it, and its arguments, a list or a function (async too)
that returns the list; 'donate' and 'name' beside them are those of jit.

  export default { fn: step, args: () => [init(), ones([64, 32])], donate: [0] }

Node reads TypeScript with a loader: node --import tsx node_modules/.bin/fovea profile step.ts

Exit status: 0; 1 for an error; 2 if the command line is wrong.

Example:
  fovea profile clip --rounds 20 --html clip.html`,
    )
    .action(async (file: string, options: ProfilingOptions) => {
      const { runProfile } = await import('./profiling.js')
      await runProfile(file, options)
    })
