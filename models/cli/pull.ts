import { Command } from 'commander'
import { showBytes } from '../../runtime/bytes.js'
import type { PullProgress } from '../../stdlib/checkpoint/index.js'

interface Options {
  readonly dir?: string
  readonly revision: string
  readonly json: boolean
}

export const pullCommand = (): Command =>
  new Command('pull')
    .description(
      "Fetches a model of the Hugging Face hub: its configs, tokenizer and weights, each file held to the hub's hash.",
    )
    .argument('<name>', 'the model, as ORG/NAME')
    .option('--dir <dir>', 'where to put it (default: NAME)')
    .option('--revision <name>', 'branch, tag or commit', 'main')
    .option('--json', 'print one JSON object', false)
    .addHelpText(
      'after',
      `
A download that was stopped goes on when it is started again; files that are there and whole are kept.
HF_TOKEN is sent if it is set, for models that need one; HF_ENDPOINT names another hub.

Example:
  fovea pull openai/clip-vit-base-patch32 --dir checkpoints/clip`,
    )
    .action(async (name: string, { dir = name.split('/').pop()!, revision, json }: Options) => {
      const { pull } = await import('../../stdlib/checkpoint/index.js')
      const { HF_TOKEN: token, HF_ENDPOINT: endpoint } = process.env
      const result = await pull(name, dir, { revision, token, endpoint, onProgress: showProgress() })
      if (json) process.stdout.write(`${JSON.stringify({ dir, ...result })}\n`)
      else
        process.stdout.write(
          `${dir}: ${result.files.length} files, ${result.kept.length} of them there before, ${showBytes(result.bytes)} fetched\n`,
        )
    })

/** A line per file on stderr; on a terminal it is written over as bytes arrive. */
function showProgress(): (progress: PullProgress) => void {
  let last = 0
  return ({ file, done, size }) => {
    const whole = done === size
    if (!whole && (!process.stderr.isTTY || performance.now() - last < 200)) return
    last = performance.now()
    const line = `${file}  ${showBytes(done)} of ${showBytes(size)}`
    process.stderr.write(process.stderr.isTTY ? `\r${line}\x1b[K${whole ? '\n' : ''}` : `${line}\n`)
  }
}
