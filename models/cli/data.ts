import { Command } from 'commander'
import { recipe } from '../clip/recipe.js'
import { whole } from './options.js'

export const dataCommand = (): Command =>
  new Command('data').description('Makes data to learn from.').addCommand(shapesCommand())

const shapesCommand = (): Command =>
  new Command('shapes')
    .description('Draws a small world of coloured shapes: PNG files and captions.jsonl.')
    .argument('<dir>', 'a new folder, or one that holds this very world')
    .option('--count <n>', 'pictures', whole(1), recipe.trainImages)
    .option('--seed <n>', 'another seed draws another world', whole(0), recipe.seed)
    .option('--size <pixels>', 'width and height', whole(16), recipe.imageSize)
    .addHelpText('after', '\nExample:\n  fovea data shapes shapes/test --count 480 --seed 2')
    .action(async (folder: string, options: { count: number; seed: number; size: number }) => {
      const { drawShapes } = await import('../../stdlib/data/index.js')
      const { captions, reused } = await drawShapes(folder, options)
      process.stdout.write(`${reused ? 'already there' : `drew ${options.count} pictures`}: ${captions}\n`)
    })
