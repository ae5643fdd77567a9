import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FoveaError } from '../../compiler/trace/error.js'
import { writeFileAtomic } from '../checkpoint/atomic.js'
import { createTokenizer, type Tokenizer, type TokenizerConfig, type TokenizerJson } from './tokenizer.js'

/**
 * Loads the tokenizer of a Hugging Face folder: `tokenizer.json` and `tokenizer_config.json`.
 *
 * @throws FoveaError 'input' if a file is missing or damaged
 * @example
 * const tokenizer = await loadTokenizer('checkpoints/clip')
 * const { ids, shape } = tokenizer.encode(['a photo of a cat'], { maxLength: 77 })
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const tokenizer = await readJson(join(folder, 'tokenizer.json'))
  const config = await readJson(join(folder, 'tokenizer_config.json'))
  try {
    return createTokenizer({ tokenizer: tokenizer as TokenizerJson, config: config as TokenizerConfig })
  } catch (err) {
    if (err instanceof FoveaError) throw err
    throw new FoveaError(
      'input',
      `cannot use ${join(folder, 'tokenizer.json')}: ${(err as Error).message}. Fetch it again.`,
      undefined,
      { cause: err },
    )
  }
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((err: NodeJS.ErrnoException) => {
    const why = err.code === 'ENOENT' ? 'there is no such file' : err.message
    throw new FoveaError('input', `cannot read tokenizer ${path}: ${why}. Save it with AutoTokenizer (use_fast) first.`)
  })
  try {
    return JSON.parse(text)
  } catch (err) {
    throw new FoveaError(
      'input',
      `cannot read tokenizer ${path}: not JSON (${(err as Error).message}). Fetch it again.`,
    )
  }
}

/**
 * Writes a tokenizer as a Hugging Face folder has it: `tokenizer.json`, `tokenizer_config.json`,
 * `special_tokens_map.json`, and of a byte-pair encoding `vocab.json` and `merges.txt`. Equal tokenizers give equal bytes.
 *
 * @throws FoveaError 'save' if a file can't be written
 */
export async function writeTokenizer(folder: string, { files: { tokenizer, config } }: Tokenizer): Promise<void> {
  const special = Object.fromEntries(
    (['bos_token', 'eos_token', 'unk_token', 'pad_token'] as const).flatMap((key) =>
      config[key] ? [[key, config[key]]] : [],
    ),
  )
  await mkdir(folder, { recursive: true })
  const write = (name: string, text: string): Promise<void> => writeFileAtomic(join(folder, name), `${text}\n`)
  await write('tokenizer.json', JSON.stringify(tokenizer, null, 2))
  await write('tokenizer_config.json', JSON.stringify(config, null, 2))
  await write('special_tokens_map.json', JSON.stringify(special, null, 2))
  const { vocab, merges } = tokenizer.model
  if (!merges) return
  const lines = merges.map((pair) => (Array.isArray(pair) ? pair.join(' ') : String(pair)))
  await write('vocab.json', JSON.stringify(vocab))
  await write('merges.txt', ['#version: 0.2', ...lines].join('\n'))
}
