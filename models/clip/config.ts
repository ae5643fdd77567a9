import {
  type Fail,
  failing,
  type Json,
  number,
  record,
  section,
  type TowerConfig,
  wholePatches,
  wrongKind,
} from '../parts/config.js'

/** Hugging Face's CLIPModel config.json: what Fovea reads of it. */
export interface ClipConfig {
  readonly model_type: 'clip'
  readonly architectures: readonly string[]
  readonly projection_dim: number
  readonly logit_scale_init_value: number
  readonly text_config: TextConfig
  readonly vision_config: VisionConfig
}
export interface TextConfig extends TowerConfig {
  readonly vocab_size: number
  readonly max_position_embeddings: number
  readonly bos_token_id: number
  /** 2 means the rule of the first release: pool at the largest id; any other value: at the first such id. */
  readonly eos_token_id: number
  readonly pad_token_id: number
}
export interface VisionConfig extends TowerConfig {
  readonly image_size: number
  readonly patch_size: number
  readonly num_channels: number
  /** What is read of the last layer: the class token (if left out), or the mean of the patches, normalised before it or after. */
  readonly pooling?: 'class' | 'mean' | 'mean_then_norm'
}

/** A text tower by itself: what CLIPTextModel and CLIPTextModelWithProjection need. */
export type ClipTextConfig = Pick<ClipConfig, 'text_config' | 'projection_dim'>
/** An image tower by itself: what CLIPVisionModel and CLIPVisionModelWithProjection need. */
export type ClipVisionConfig = Pick<ClipConfig, 'vision_config' | 'projection_dim'>

/** CLIP with the modified ResNet as its image tower. */
export interface ResNetClipConfig extends Omit<ClipConfig, 'vision_config'> {
  readonly vision_config: ResNetConfig
}
/** open_clip's vision_cfg of a ResNet. */
export interface ResNetConfig {
  /** Blocks of the four layers: [3, 4, 6, 3] for RN50. */
  readonly layers: readonly [number, number, number, number]
  /** Features after the stem: 64 for RN50; the last layer has 32 times as many. */
  readonly width: number
  readonly image_size: number
  /** Width of a head of the attention pool. */
  readonly head_width: number
}

// Hugging Face leaves defaults out of config.json.
const tower = { hidden_act: 'quick_gelu', layer_norm_eps: 1e-5, num_hidden_layers: 12 }
const textDefaults = {
  ...tower,
  hidden_size: 512,
  intermediate_size: 2048,
  num_attention_heads: 8,
  vocab_size: 49408,
  max_position_embeddings: 77,
  bos_token_id: 49406,
  eos_token_id: 49407,
  pad_token_id: 1,
}
const visionDefaults = {
  ...tower,
  hidden_size: 768,
  intermediate_size: 3072,
  num_attention_heads: 12,
  image_size: 224,
  patch_size: 32,
  num_channels: 3,
}

const textSection = (given: Json, name: string, fail: Fail): TextConfig => section(given, textDefaults, name, fail)
const visionSection = (given: Json, name: string, fail: Fail): VisionConfig =>
  wholePatches(section<VisionConfig>(given, visionDefaults, name, fail), name, fail)

/**
 * Checks a parsed config.json and fills in Hugging Face's defaults.
 * Throws FoveaError 'input' naming the file, the field, what was expected and what was found.
 */
export function parseConfig(json: unknown, file: string): ClipConfig {
  const fail: Fail = failing(file)
  const top = record(json, 'of model settings', fail)
  if (top.model_type !== 'clip') fail(wrongKind('"clip"', top))
  return {
    model_type: 'clip',
    architectures: ['CLIPModel'],
    projection_dim: number(top, 'projection_dim', 512, fail),
    logit_scale_init_value: number(top, 'logit_scale_init_value', 2.6592, fail),
    text_config: textSection(record(top.text_config ?? {}, 'text_config', fail), 'text_config.', fail),
    vision_config: visionSection(record(top.vision_config ?? {}, 'vision_config', fail), 'vision_config.', fail),
  }
}

/** A text tower's settings: of its own config.json ("clip_text_model") or of a whole CLIP's. Throws like `parseConfig`. */
export function parseTextConfig(json: unknown, file: string): ClipTextConfig {
  const fail: Fail = failing(file)
  const top = record(json, 'of model settings', fail)
  if (top.model_type === 'clip') return parseConfig(json, file)
  if (top.model_type !== 'clip_text_model') fail(wrongKind('"clip_text_model" or "clip"', top))
  return { projection_dim: number(top, 'projection_dim', 512, fail), text_config: textSection(top, '', fail) }
}

/** An image tower's settings: of its own config.json ("clip_vision_model") or of a whole CLIP's. Throws like `parseConfig`. */
export function parseVisionConfig(json: unknown, file: string): ClipVisionConfig {
  const fail: Fail = failing(file)
  const top = record(json, 'of model settings', fail)
  if (top.model_type === 'clip') return parseConfig(json, file)
  if (top.model_type !== 'clip_vision_model') fail(wrongKind('"clip_vision_model" or "clip"', top))
  return { projection_dim: number(top, 'projection_dim', 512, fail), vision_config: visionSection(top, '', fail) }
}

/** A small CLIP for small pictures, trained from scratch by `fovea train clip`. */
export function smallConfig(options: {
  readonly vocabSize: number
  readonly bosId: number
  readonly eosId: number
  readonly padId: number
  readonly imageSize: number
  readonly maxLength: number
}): ClipConfig {
  const size = {
    hidden_size: 40,
    intermediate_size: 80,
    num_attention_heads: 5,
    hidden_act: 'quick_gelu',
    layer_norm_eps: 1e-5,
  } as const
  return {
    model_type: 'clip',
    architectures: ['CLIPModel'],
    projection_dim: 40,
    logit_scale_init_value: Math.log(1 / 0.07),
    text_config: {
      ...size,
      num_hidden_layers: 1,
      vocab_size: options.vocabSize,
      max_position_embeddings: options.maxLength,
      bos_token_id: options.bosId,
      eos_token_id: options.eosId,
      pad_token_id: options.padId,
    },
    vision_config: { ...size, num_hidden_layers: 2, image_size: options.imageSize, patch_size: 8, num_channels: 3 },
  }
}
