import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { FoveaError } from '../../index.js'
import {
  fromStateDict,
  type HostTensor,
  readWeights,
  recoverFolder,
  type ShardOptions,
  toStateDict,
  writeWeights,
} from '../../stdlib/checkpoint/index.js'
import type { PreprocessorConfig } from '../../stdlib/image/index.js'
import { loadTokenizer, type Tokenizer, writeTokenizer } from '../../stdlib/text/index.js'
import { hostToParams, readJson, writeJson } from '../parts/folder.js'
import { checkPooling, ignored } from './checkpoint.js'
import { type ClipTextConfig, type ClipVisionConfig, parseTextConfig, parseVisionConfig } from './config.js'
import { openClipConfig } from './open-clip.js'
import { fromOpenAi, isOpenAi } from './openai.js'
import { type ClipParams, textTemplate, visionTemplate } from './params.js'

/** One tower by itself, as Hugging Face's CLIPTextModel, CLIPVisionModel and their forms with a projection. */

/** A text tower, with its tokenizer if the folder has one. */
export interface ClipText<P = Pick<ClipParams, 'text_model'>> {
  readonly config: ClipTextConfig
  readonly params: P
  readonly tokenizer?: Tokenizer
}
export type ClipTextWithProjection = ClipText<Pick<ClipParams, 'text_model' | 'text_projection'>>

/** An image tower, with its preprocessing if the folder has it. */
export interface ClipVision<P = Pick<ClipParams, 'vision_model'>> {
  readonly config: ClipVisionConfig
  readonly params: P
  readonly preprocessor?: PreprocessorConfig
}
export type ClipVisionWithProjection = ClipVision<Pick<ClipParams, 'vision_model' | 'visual_projection'>>

/** What a folder may hold besides a tower: the projection that isn't asked for, and the rest of a whole CLIP. */
const besideText = [...ignored, /^vision_model\./, /^visual(_projection)?\./, /^logit_scale$/]
const besideVision = [...ignored, /^text_model\./, /^text_projection\./, /^logit_scale$/]

/**
 * Opens the text tower of a folder of CLIPTextModel, CLIPTextModelWithProjection or a whole CLIP: use it with `textTower`
 * (`pooler_output`) and `textStates` (`last_hidden_state`). Throws FoveaError 'input' for a missing or unreadable file, and 'checkpoint' naming
 * every missing, unexpected and mis-shaped tensor.
 *
 * @example
 * const { params, config } = await loadClipText('checkpoints/clip')
 */
export async function loadClipText(folder: string): Promise<ClipText> {
  const { config, tensors, ...rest } = await openText(folder)
  const { text_model } = textTemplate(config)
  const found = fromStateDict({ text_model }, tensors, { ignore: [...besideText, /^text_projection\./] })
  return { ...rest, config, params: hostToParams<ClipText['params']>(found) }
}

/**
 * The same with its projection: use it with `textFeatures` (`text_embeds`). Throws like `loadClipText`.
 *
 * @example
 * const { params, config } = await loadClipTextWithProjection('checkpoints/clip')
 */
export async function loadClipTextWithProjection(folder: string): Promise<ClipTextWithProjection> {
  const { config, tensors, ...rest } = await openText(folder)
  const found = fromStateDict(textTemplate(config), tensors, { ignore: besideText })
  return { ...rest, config, params: hostToParams<ClipTextWithProjection['params']>(found) }
}

/**
 * Opens the image tower of a folder of CLIPVisionModel, CLIPVisionModelWithProjection or a whole CLIP: use it with `visionTower`
 * (`pooler_output`) and `visionStates` (`last_hidden_state`). Throws like `loadClipText`.
 *
 * @example
 * const { params, config } = await loadClipVision('checkpoints/clip')
 */
export async function loadClipVision(folder: string): Promise<ClipVision> {
  const { config, tensors, ...rest } = await openVision(folder)
  const { vision_model } = visionTemplate(config)
  const found = fromStateDict({ vision_model }, tensors, { ignore: [...besideVision, /^visual_projection\./] })
  return { ...rest, config, params: hostToParams<ClipVision['params']>(found) }
}

/**
 * The same with its projection: use it with `imageFeatures` (`image_embeds`). Throws like `loadClipText`.
 *
 * @example
 * const { params, config } = await loadClipVisionWithProjection('checkpoints/clip')
 */
export async function loadClipVisionWithProjection(folder: string): Promise<ClipVisionWithProjection> {
  const { config, tensors, ...rest } = await openVision(folder)
  const found = fromStateDict(visionTemplate(config), tensors, { ignore: besideVision })
  return { ...rest, config, params: hostToParams<ClipVisionWithProjection['params']>(found) }
}

/**
 * Writes a text tower into a folder: as CLIPTextModelWithProjection if its parameters have the projection, else as
 * CLIPTextModel. Throws FoveaError 'save' when a file can't be written.
 */
export async function saveClipText(
  folder: string,
  { config, params, tokenizer }: ClipText | ClipTextWithProjection,
  options: ShardOptions = {},
): Promise<void> {
  const name = 'text_projection' in params ? 'CLIPTextModelWithProjection' : 'CLIPTextModel'
  await writeWeights(folder, await toStateDict(params), options)
  const { projection_dim, text_config } = config
  const settings = { architectures: [name], model_type: 'clip_text_model', projection_dim, ...text_config }
  await writeJson(join(folder, 'config.json'), settings)
  if (tokenizer) await writeTokenizer(folder, tokenizer)
}

/** Writes an image tower: as CLIPVisionModelWithProjection if its parameters have the projection, else as CLIPVisionModel. Throws like `saveClip`. */
export async function saveClipVision(
  folder: string,
  { config, params, preprocessor }: ClipVision | ClipVisionWithProjection,
  options: ShardOptions = {},
): Promise<void> {
  const name = 'visual_projection' in params ? 'CLIPVisionModelWithProjection' : 'CLIPVisionModel'
  const { projection_dim, vision_config } = config
  checkPooling(vision_config)
  await writeWeights(folder, await toStateDict(params), options)
  const settings = { architectures: [name], model_type: 'clip_vision_model', projection_dim, ...vision_config }
  await writeJson(join(folder, 'config.json'), settings)
  if (preprocessor) await writeJson(join(folder, 'preprocessor_config.json'), preprocessor)
}

async function openText(folder: string) {
  const { config, tensors } = await openTower(folder, 'text_model', parseTextConfig)
  const tokenizer = existsSync(join(folder, 'tokenizer.json')) ? await loadTokenizer(folder) : undefined
  return { config, tensors, ...(tokenizer && { tokenizer }) }
}

async function openVision(folder: string) {
  const { config, tensors } = await openTower(folder, 'vision_model', parseVisionConfig)
  if ('layers' in config.vision_config)
    throw new FoveaError('checkpoint', `${folder} holds CLIP with a ResNet: open it with loadResNetClip`)
  const file = join(folder, 'preprocessor_config.json')
  const preprocessor = existsSync(file) ? ((await readJson(file)) as PreprocessorConfig) : undefined
  return { config, tensors, ...(preprocessor && { preprocessor }) }
}

/** A folder's weights under the names that a whole CLIP gives them, and its config. */
async function openTower<C>(folder: string, tower: string, parse: (json: unknown, file: string) => C) {
  await recoverFolder(folder)
  const weights = await readWeights(folder)
  if (isOpenAi(weights)) {
    const { config, tensors } = fromOpenAi(weights, await openClipConfig(folder))
    return { config: config as C, tensors }
  }
  const file = join(folder, 'config.json')
  return { config: parse(await readJson(file), file), tensors: prefixed(weights, tower) }
}

/** transformers 5 writes a tower without a projection bare of its prefix: 'embeddings.…' for 'text_model.embeddings.…'. */
function prefixed(tensors: Map<string, HostTensor>, tower: string): Map<string, HostTensor> {
  const bare = [...tensors.keys()].some((name) => name.startsWith('embeddings.'))
  return bare ? new Map([...tensors].map(([name, t]) => [`${tower}.${name}`, t])) : tensors
}
