import { Command } from 'commander'
import { table } from '../../stdlib/show/text.js'
import type { Classified } from '../clip/classify.js'
import { list } from './options.js'
import { Ended, exit } from './report.js'

export const classifyCommand = (): Command =>
  new Command('classify')
    .description('Says which of some texts fits each picture best (PNG, JPEG, WebP, …), by a CLIP model.')
    .argument('<image...>', 'picture files')
    .requiredOption('--model <dir>', "a run's folder, or any CLIP folder in Hugging Face's layout")
    .requiredOption('--labels <a,b,c>', 'the texts, separated by commas', list)
    .option('--json', 'print one JSON object a line', false)
    .addHelpText(
      'after',
      `
Pictures that can't be read are named, left out, and make the exit status 1.

Example:
  fovea classify --model runs/shapes --labels 'a red circle,a blue square' a.png b.png`,
    )
    .action(async (images: string[], options: { model: string; labels: string[]; json: boolean }) => {
      const { classify } = await import('../clip/classify.js')
      const { openModel } = await import('./model.js')
      let unreadable = 0
      const onUnreadable = (error: Error): void => {
        unreadable++
        process.stderr.write(`error: ${error.message}\n`)
      }
      const results: Classified[] = []
      for await (const result of classify(await openModel(options.model), images, options.labels, { onUnreadable })) {
        if (options.json) process.stdout.write(`${jsonLine(result)}\n`)
        else results.push(result)
      }
      if (results.length > 0) process.stdout.write(`${probabilityTable(results)}\n`)
      if (unreadable > 0) throw new Ended(exit.error)
    })

/** {"image": "a.png", "label": "a red circle", "probabilities": {"a red circle": 0.93, …}} */
export function jsonLine({ image, label, probabilities }: Classified): string {
  const entries = Object.entries(probabilities).map(
    ([name, p]) => `${JSON.stringify(name)}: ${Number(p.toPrecision(6))}`,
  )
  return `{"image": ${JSON.stringify(image)}, "label": ${JSON.stringify(label)}, "probabilities": {${entries.join(', ')}}}`
}

/** A row a picture: all labels if they are few, else the three likeliest. */
export function probabilityTable(results: readonly Classified[]): string {
  const labels = Object.keys(results[0].probabilities)
  const percent = (p: number): string => `${(100 * p).toFixed(1)} %`.padStart(7)
  if (labels.length <= 5)
    return table([
      ['image', ...labels],
      ...results.map(({ image, probabilities }) => [image, ...labels.map((label) => percent(probabilities[label]))]),
    ])
  return table([
    ['image', 'likeliest', '', 'then', '', '', ''],
    ...results.map(({ image, probabilities }) => {
      const ranked = Object.entries(probabilities).sort(([, p], [, q]) => q - p)
      return [image, ...ranked.slice(0, 3).flatMap(([label, p]) => [label, percent(p)])]
    }),
  ])
}
