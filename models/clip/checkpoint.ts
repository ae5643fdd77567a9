import { join } from 'node:path'
import { FoveaError } from '../../index.js'
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
import { interpolatePositions } from '../parts/positions.js'
import { type ClipConfig, parseConfig, type ResNetClipConfig, type VisionConfig } from './config.js'
import { openClipConfig } from './open-clip.js'
import { fromOpenAi, isOpenAi } from './openai.js'
import { type ClipParams, clipTemplate, type ResNetClipParams, resnetClipTemplate } from './params.js'
import type { ResNetStats } from './resnet.js'
import { resnetStatsTemplate } from './resnet-params.js'

/** A model with what it takes to use it. */
export interface Clip {
  readonly config: ClipConfig
  readonly params: ClipParams
  readonly tokenizer: Tokenizer
  readonly preprocessor: PreprocessorConfig
}

/** Buffers that released checkpoints carry and that are not parameters. */
export const ignored = [/\.position_ids$/]

/**
 * Opens a Hugging Face CLIP folder: config.json, model.safetensors (or shards), tokenizer files, preprocessor_config.json.
 * Throws FoveaError 'input' for a missing or unreadable file, and 'checkpoint' naming every missing, unexpected and
 * mis-shaped tensor.
 *
 * @example
 * const { params, config } = await loadClip('checkpoints/clip')
 */
export async function loadClip(folder: string): Promise<Clip> {
  const model = await loadAnyClip(folder)
  if (isResNetClip(model))
    throw new FoveaError('checkpoint', `${folder} holds CLIP with a ResNet: open it with loadResNetClip`)
  return model
}

function vitClip({ tensors, ...rest }: Opened, vit: ClipConfig): Clip {
  const params = hostToParams<ClipParams>(fromStateDict(clipTemplate(vit), tensors, { ignore: ignored }))
  return { ...rest, config: vit, params }
}

/** CLIP with a modified ResNet, with what it takes to use it. */
export interface ResNetClip extends Omit<Clip, 'config' | 'params'> {
  readonly config: ResNetClipConfig
  readonly params: ResNetClipParams
  /** Running statistics of its batch norms. */
  readonly stats: ResNetStats
}

/** A model of either kind. */
export type AnyClip = Clip | ResNetClip
export const isResNetClip = (model: AnyClip): model is ResNetClip => 'stats' in model

/**
 * Opens a folder of CLIP with a modified ResNet, in the key layout of the first release or of open_clip. Throws like `loadClip`.
 *
 * @example
 * const { params, stats } = await loadResNetClip('checkpoints/RN50')
 */
export async function loadResNetClip(folder: string): Promise<ResNetClip> {
  const model = await loadAnyClip(folder)
  if (!isResNetClip(model)) throw new FoveaError('checkpoint', `${folder} holds CLIP with a ViT: open it with loadClip`)
  return model
}

function resnetClip({ tensors, ...rest }: Opened, resnet: ResNetClipConfig): ResNetClip {
  const params = fromStateDict(resnetClipTemplate(resnet), tensors, { ignore: [...ignored, statistic] })
  const stats = fromStateDict({ visual: resnetStatsTemplate(resnet.vision_config) }, tensors, { ignore: [parameter] })
  return { ...rest, config: resnet, params: hostToParams(params), stats: hostToParams<ResNetStats>(stats.visual) }
}
const statistic = /\.running_(mean|var)$/
const parameter = /^(?!.*\.running_(mean|var)$)/

const isResNet = (config: ClipConfig | ResNetClipConfig): config is ResNetClipConfig => 'layers' in config.vision_config

/**
 * Opens a CLIP folder of either kind, as its config says. Throws like `loadClip`.
 *
 * @example
 * const { config } = await loadAnyClip('checkpoints/RN50')
 */
export async function loadAnyClip(folder: string): Promise<AnyClip> {
  const opened = await openFolder(folder)
  return isResNet(opened.config) ? resnetClip(opened, opened.config) : vitClip(opened, opened.config)
}
type Opened = Awaited<ReturnType<typeof openFolder>>

/** A folder's weights under Hugging Face's names, its config, and the rest of what belongs to a model. */
async function openFolder(folder: string) {
  await recoverFolder(folder)
  const weights = await readWeights(folder)
  const { config, tensors } = isOpenAi(weights)
    ? fromOpenAi(weights, await openClipConfig(folder))
    : {
        config: parseConfig(await readJson(join(folder, 'config.json')), join(folder, 'config.json')),
        tensors: weights,
      }
  const tokenizer = await loadTokenizer(folder)
  const preprocessor = (await readJson(join(folder, 'preprocessor_config.json'))) as PreprocessorConfig
  return { config, tensors, tokenizer, preprocessor }
}

/**
 * The model at another resolution, `imageSize` in pixels: its position table interpolated, its config and preprocessing to match.
 * Throws FoveaError 'input' when it is no multiple of the patch size.
 *
 * @example
 * const large = atImageSize(await loadClip('checkpoints/clip'), 64)
 */
export function atImageSize(model: Clip, imageSize: number): Clip {
  const { vision_config } = model.config
  if (!(imageSize > 0) || imageSize % vision_config.patch_size !== 0)
    throw new FoveaError(
      'input',
      `atImageSize: expected a multiple of the patch size ${vision_config.patch_size}, got ${imageSize}`,
    )
  const both = { height: imageSize, width: imageSize }
  const { embeddings } = model.params.vision_model
  const weight = interpolatePositions(embeddings.position_embedding.weight, imageSize / vision_config.patch_size)
  const vision_model = { ...model.params.vision_model, embeddings: { ...embeddings, position_embedding: { weight } } }
  return {
    ...model,
    params: { ...model.params, vision_model },
    config: { ...model.config, vision_config: { ...vision_config, image_size: imageSize } },
    preprocessor: { ...model.preprocessor, size: { shortest_edge: imageSize }, crop_size: both },
  }
}

/**
 * Writes a model's files into a folder, in the layout that `loadClip` and `transformers` open: the weights in one file, or in
 * shards of at most `maxShardSize` bytes. Throws FoveaError 'save' when a file can't be written, and 'input' for a model that is pooled in a
 * way that the layout can't say.
 */
export async function saveClip(
  folder: string,
  { config, params, tokenizer, preprocessor }: Clip,
  options: ShardOptions = {},
): Promise<void> {
  checkPooling(config.vision_config)
  await writeWeights(folder, await toStateDict(params), options)
  await writeJson(join(folder, 'config.json'), config)
  await writeJson(join(folder, 'preprocessor_config.json'), preprocessor)
  await writeTokenizer(folder, tokenizer)
}

/** Hugging Face's CLIP always reads the class token: written there, another pooling would be lost in silence. */
export function checkPooling({ pooling = 'class' }: VisionConfig): void {
  if (pooling !== 'class')
    throw new FoveaError(
      'input',
      `Hugging Face's CLIP reads the class token, and this model's pooling is '${pooling}'; save it with saveOpenClip`,
    )
}
