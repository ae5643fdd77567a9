import { Command } from 'commander'
import { checkCommand } from './check.js'
import { classifyCommand } from './classify.js'
import { dataCommand } from './data.js'
import { doctorCommand } from './doctor.js'
import { embedCommand } from './embed.js'
import { evalCommand } from './eval.js'
import { fuzzCommand } from './fuzz.js'
import { profileCommand } from './profile.js'
import { pullCommand } from './pull.js'
import { saliencyCommand } from './saliency.js'
import { searchCommand } from './search.js'
import { trainCommand } from './train.js'
import { typesCommand } from './types.js'

/** The command line `fovea`, a command a file. Commands load what they need when they run, so that help is quick. */
export const program = (): Command =>
  new Command('fovea')
    .description('Trains and runs vision-language models on a GPU or on the CPU.')
    .addCommand(trainCommand())
    .addCommand(classifyCommand())
    .addCommand(embedCommand())
    .addCommand(saliencyCommand())
    .addCommand(searchCommand())
    .addCommand(evalCommand())
    .addCommand(pullCommand())
    .addCommand(typesCommand())
    .addCommand(dataCommand())
    .addCommand(checkCommand())
    .addCommand(profileCommand())
    .addCommand(doctorCommand())
    .addCommand(fuzzCommand())
    .addHelpText(
      'after',
      `
Environment:
  FOVEA_DEVICE   gpu, cpu, lavapipe or swiftshader; unset, a GPU if there is one, else the CPU
  FOVEA_THREADS  threads on the CPU; unset, one for each core
  FOVEA_CACHE    folder where compiled programs are kept, or 'off'; unset, the user's cache
  FOVEA_DEBUG=1  prints the stack of an error
  FOVEA_SHOW     stages of compilation to print: ir,passes,kernels,plan

Example:
  fovea data shapes shapes && fovea train clip --data shapes --out runs/shapes`,
    )
