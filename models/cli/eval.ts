import { Command, InvalidArgumentError, Option } from 'commander'
import { brief, table } from '../../stdlib/show/text.js'
import type { Evaluation } from '../clip/evaluation.js'
import { list, whole } from './options.js'
import { embedding } from './pictures.js'
import { Ended, exit } from './report.js'

export const evalCommand = (): Command =>
  new Command('eval').description('Measures a model.').addCommand(evalClipCommand())

const evalClipCommand = (): Command =>
  new Command('clip')
    .description('Measures a CLIP: zero-shot, by retrieval, or by linear probes of its embeddings.')
    .requiredOption('--model <dir>', "a run's folder, or any CLIP folder in Hugging Face's layout")
    .requiredOption('--data <dir>', 'a folder for each class; for retrieval, pictures with captions.jsonl or .csv')
    .addOption(
      new Option('--task <task>', 'what to measure')
        .choices(['zeroshot', 'retrieval', 'probe', 'fewshot'])
        .makeOptionMandatory(),
    )
    .option('--templates <file>', "prompts, one a line, with {} where the class' name goes")
    .option('--classes <file>', "folders' names, one a line, and after a tab what prompts call them")
    .option('--shots <n,n>', 'pictures of each class that a few-shot probe learns from (default: 1,2,4,8,16)', numbers)
    .option('--seed <n>', 'of the split and the draw of shots', whole(0), 0)
    .option('--report <dir>', 'where index.html, pictures of matrices and result.json go')
    .option('--max-unreadable <n>', 'pictures that may be unreadable', whole(0), 100)
    .option('--json', 'print one JSON object', false)
    .addHelpText(
      'after',
      `
Of each class a fifth of the pictures tests a probe, a fifth chooses its penalty, and the rest trains it.
Pictures that can't be read are named, left out, and make the exit status 1.

Example:
  fovea eval clip --model runs/shapes --data shapes --task retrieval --report report`,
    )
    .action(async (options: Options) => {
      const { data: folder, task, classes, seed, shots, report } = options
      const tasks = await import('../clip/evaluation.js')
      const { makeReportFolder, writeReport } = await import('../clip/report.js')
      const { readTemplates } = await import('../clip/zeroshot.js')
      const { openModel } = await import('./model.js')
      const templates = options.templates === undefined ? undefined : await readTemplates(options.templates)
      const model = await openModel(options.model)
      if (report !== undefined) await makeReportFolder(report)
      const result = await embedding(options.maxUnreadable, (shown): Promise<Evaluation> => {
        const settings = { ...shown, templates, classes, seed, shots }
        switch (task) {
          case 'zeroshot':
            return tasks.evaluateZeroShot(model, folder, settings)
          case 'retrieval':
            return tasks.evaluateRetrieval(model, folder, settings)
          case 'probe':
            return tasks.evaluateProbe(model, folder, settings)
          case 'fewshot':
            return tasks.evaluateFewShot(model, folder, settings)
        }
      })
      if (report !== undefined) await writeReport(report, result)
      const { images, unreadable, metrics } = result
      const rows = Object.entries(metrics).map(([name, value]) => [name, brief(value)])
      if (options.json) process.stdout.write(`${JSON.stringify({ task, images, unreadable, metrics })}\n`)
      else process.stdout.write(`${table([[task, `${images} pictures`], ...rows])}\n`)
      if (unreadable.length > 0) throw new Ended(exit.error)
    })

interface Options {
  readonly model: string
  readonly data: string
  readonly task: Evaluation['task']
  readonly templates?: string
  readonly classes?: string
  readonly shots?: readonly number[]
  readonly seed: number
  readonly report?: string
  readonly maxUnreadable: number
  readonly json: boolean
}

function numbers(text: string): number[] {
  const values = list(text).map(whole(1))
  if (values.length === 0) throw new InvalidArgumentError('Expected whole numbers, separated by commas.')
  return values
}
