import { join } from 'node:path'
import {
  fromStateDict,
  readWeights,
  recoverFolder,
  type ShardOptions,
  toStateDict,
  writeWeights,
} from '../../stdlib/checkpoint/index.js'
import type { PreprocessorConfig } from '../../stdlib/image/index.js'
import { loadTokenizer, type Tokenizer, writeTokenizer } from '../../stdlib/text/index.js'
import { hostToParams, readJson, writeJson } from '../parts/folder.js'
import { parseSiglipConfig, type SiglipConfig } from './siglip-config.js'
import { type SiglipParams, siglipTemplate } from './siglip-params.js'

/** SigLIP with what it takes to use it. */
export interface Siglip {
  readonly config: SiglipConfig
  readonly params: SiglipParams
  /** Texts must be padded to `text_config.max_position_embeddings`, which `padding: 'max_length'` does. */
  readonly tokenizer: Tokenizer
  readonly preprocessor: PreprocessorConfig
}

/**
 * Opens a Hugging Face folder of a SiglipModel: config.json, weights (safetensors, shards or pytorch_model.bin), tokenizer.json and
 * tokenizer_config.json, preprocessor_config.json. Throws FoveaError 'input' for a missing or unreadable file, and 'checkpoint' naming every
 * missing, unexpected and mis-shaped tensor.
 *
 * @example
 * const { params, config } = await loadSiglip('checkpoints/siglip')
 */
export async function loadSiglip(folder: string): Promise<Siglip> {
  await recoverFolder(folder)
  const file = join(folder, 'config.json')
  const config = parseSiglipConfig(await readJson(file), file)
  const found = fromStateDict(siglipTemplate(config), await readWeights(folder), { ignore: [/\.position_ids$/] })
  const tokenizer = await loadTokenizer(folder)
  const preprocessor = (await readJson(join(folder, 'preprocessor_config.json'))) as PreprocessorConfig
  return { config, params: hostToParams<SiglipParams>(found), tokenizer, preprocessor }
}

/** Writes SigLIP's files into a folder, in the layout that `loadSiglip` and `transformers` open. Throws FoveaError 'save' when a file can't be written. */
export async function saveSiglip(
  folder: string,
  { config, params, tokenizer, preprocessor }: Siglip,
  options: ShardOptions = {},
): Promise<void> {
  await writeWeights(folder, await toStateDict(params), options)
  await writeJson(join(folder, 'config.json'), config)
  await writeJson(join(folder, 'preprocessor_config.json'), preprocessor)
  await writeTokenizer(folder, tokenizer)
}
