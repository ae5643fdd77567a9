import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { FoveaError } from '../../index.js'
import { whole } from './options.js'
import { embedding } from './pictures.js'
import { Ended, exit } from './report.js'

export const embedCommand = (): Command =>
  new Command('embed')
    .description('Writes embeddings of pictures and texts to a file, by a CLIP model.')
    .argument('[paths...]', 'picture files, and folders of them')
    .requiredOption('--model <dir>', "a run's folder, or any CLIP folder in Hugging Face's layout")
    .requiredOption('--out <file>', '.npy (with names beside it), .safetensors or .jsonl')
    .option('--texts <file>', "texts, one a line; their rows follow the pictures'")
    .option('--max-unreadable <n>', 'pictures that may be unreadable', whole(0), 100)
    .option('--json', 'print one JSON object', false)
    .addHelpText(
      'after',
      `
A run that was stopped goes on when it is started again: rows wait in FILE.partial.jsonl until all are written.
Pictures that can't be read are named, left out, and make the exit status 1.

Example:
  fovea embed --model runs/shapes --out shapes.npy shapes/images`,
    )
    .action(async (paths: string[], options: Options, command: Command) => {
      if (!paths.length && !options.texts) command.error('error: expected pictures, folders or --texts')
      const { embedToFile } = await import('../clip/files.js')
      const { openModel } = await import('./model.js')
      const texts = options.texts ? await lines(options.texts) : []
      const model = await openModel(options.model)
      const began = performance.now()
      const result = await embedding(options.maxUnreadable, (shown) =>
        embedToFile(model, paths, options.out, { ...shown, texts }),
      )
      const seconds = Number(((performance.now() - began) / 1000).toFixed(2))
      const { images, width, kept, unreadable } = result
      if (options.json) process.stdout.write(`${JSON.stringify({ out: options.out, ...result, seconds })}\n`)
      else {
        const before = kept > 0 ? `, ${kept} from a run before` : ''
        const without = unreadable.length > 0 ? `, ${unreadable.length} unreadable` : ''
        process.stdout.write(
          `${images} pictures${before}${without} and ${texts.length} texts, ${width} numbers each: ${options.out}\n`,
        )
      }
      if (unreadable.length > 0) throw new Ended(exit.error)
    })

interface Options {
  readonly model: string
  readonly out: string
  readonly texts?: string
  readonly maxUnreadable: number
  readonly json: boolean
}

async function lines(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch((err: Error) => {
    throw new FoveaError('input', `cannot read texts from ${file}: ${err.message}; check the path`)
  })
  const found = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  if (found.length === 0) throw new FoveaError('input', `${file} holds no texts: write one a line`)
  return found
}
