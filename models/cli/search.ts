import { Command, Option } from 'commander'
import { table } from '../../stdlib/show/text.js'
import { whole } from './options.js'
import { embedding } from './pictures.js'
import { Ended, exit } from './report.js'

export const searchCommand = (): Command =>
  new Command('search')
    .description('Finds the pictures of an index that fit a text, or are like a picture, by a CLIP model.')
    .requiredOption('--model <dir>', "a run's folder, or any CLIP folder in Hugging Face's layout")
    .requiredOption('--index <dir>', 'where the embeddings are kept')
    .option('--add <folder>', 'first take in its pictures that are new or have changed, and drop those that are gone')
    .option('--text <text>', 'what to look for')
    .addOption(new Option('--image <file>', 'a picture to look for others like it').conflicts('text'))
    .option('--top <n>', 'how many to show', whole(1), 10)
    .option('--max-unreadable <n>', 'pictures that may be unreadable', whole(0), 100)
    .option('--json', 'print one JSON object', false)
    .addHelpText(
      'after',
      `
An index belongs to the model that made it. It is replaced whole or not at all; an --add that was stopped goes on.
Pictures that can't be read are named, left out, and make the exit status 1.

Example:
  fovea search --model runs/shapes --index shapes.index --add shapes/images --text 'a red circle'`,
    )
    .action(async (options: Options, command: Command) => {
      const { index: folder, add, text, image } = options
      if (add === undefined && text === undefined && image === undefined)
        command.error('error: expected --text or --image to search for, or --add')
      const { openIndex, searchIndex, updateIndex } = await import('../clip/search.js')
      const { openModel } = await import('./model.js')
      const model = await openModel(options.model)
      const updated =
        add === undefined
          ? undefined
          : await embedding(options.maxUnreadable, (shown) => updateIndex(folder, model, [add], shown))
      const index = updated ?? (await openIndex(folder, model))
      const query = text !== undefined ? { text } : image !== undefined ? { image } : undefined
      const hits = query && (await searchIndex(index, model, query, options.top))
      if (updated && !options.json) {
        const { pictures, embedded, dropped } = updated
        process.stderr.write(`${pictures.length} pictures (${embedded} embedded, ${dropped} dropped): ${folder}\n`)
      }
      if (options.json) {
        const { embedded, dropped, unreadable } = updated ?? {}
        const pictures = index.pictures.length
        process.stdout.write(`${JSON.stringify({ pictures, embedded, dropped, unreadable, hits })}\n`)
      } else if (hits)
        process.stdout.write(
          `${table([['similarity', 'image'], ...hits.map(({ image, score }) => [score.toFixed(3), image])])}\n`,
        )
      if (updated && updated.unreadable.length > 0) throw new Ended(exit.error)
    })

interface Options {
  readonly model: string
  readonly index: string
  readonly add?: string
  readonly text?: string
  readonly image?: string
  readonly top: number
  readonly maxUnreadable: number
  readonly json: boolean
}
