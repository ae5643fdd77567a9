import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FoveaError, tensor } from '../../index.js'
import {
  fromStateDict,
  type HostTensor,
  readWeights,
  recoverFolder,
  toStateDict,
  writeSafetensors,
} from '../../stdlib/checkpoint/index.js'
import type { PreprocessorConfig } from '../../stdlib/image/index.js'
import { loadTokenizer, type Tokenizer, writeTokenizer } from '../../stdlib/text/index.js'
import { type ClipConfig, parseConfig } from './config.js'
import { type ClipParams, clipTemplate } from './params.js'

/** A model with what it takes to use it. */
export interface Clip {
  readonly config: ClipConfig
  readonly params: ClipParams
  readonly tokenizer: Tokenizer
  readonly preprocessor: PreprocessorConfig
}

/** Buffers that released checkpoints carry and that are not parameters. */
const ignored = [/\.position_ids$/]

/**
 * Opens a Hugging Face CLIP folder: config.json, model.safetensors (or shards), tokenizer files, preprocessor_config.json.
 * Throws FoveaError 'input' for a missing or unreadable file, and 'checkpoint' naming every missing, unexpected and
 * mis-shaped tensor.
 *
 * @example
 * const { params, config } = await loadClip('checkpoints/clip')
 */
export async function loadClip(folder: string): Promise<Clip> {
  await recoverFolder(folder)
  const file = join(folder, 'config.json')
  const config = parseConfig(await readJson(file), file)
  const params = hostToParams(fromStateDict(clipTemplate(config), await readWeights(folder), { ignore: ignored }))
  const tokenizer = await loadTokenizer(folder)
  const preprocessor = (await readJson(join(folder, 'preprocessor_config.json'))) as PreprocessorConfig
  return { config, params, tokenizer, preprocessor }
}

/** Writes a model's files into an existing folder, in the layout that `loadClip` and `transformers` open. */
export async function saveClip(folder: string, { config, params, tokenizer, preprocessor }: Clip): Promise<void> {
  await writeSafetensors(join(folder, 'model.safetensors'), await toStateDict(params))
  await writeFile(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
  await writeFile(join(folder, 'preprocessor_config.json'), `${JSON.stringify(preprocessor, null, 2)}\n`)
  await writeTokenizer(folder, tokenizer)
}

/** A tree of host tensors as a tree of tensors. */
export function hostToParams<T>(tree: T): ClipParams {
  const build = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(build)
    const host = node as HostTensor
    if (ArrayBuffer.isView(host.data)) return tensor(host.data, host.shape, host.dtype === 'u8' ? 'u32' : host.dtype)
    return Object.fromEntries(Object.entries(node as object).map(([name, x]) => [name, build(x)]))
  }
  return build(tree) as ClipParams
}

async function readJson(file: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (err) {
    throw new FoveaError(
      'input',
      `cannot read ${file}: ${(err as Error).message}; expected a Hugging Face CLIP folder`,
      undefined,
      { cause: err },
    )
  }
  try {
    return JSON.parse(text)
  } catch (err) {
    throw new FoveaError('input', `${file} is not JSON: ${(err as Error).message}`, undefined, { cause: err })
  }
}
