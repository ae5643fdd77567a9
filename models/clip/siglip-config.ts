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

/** Hugging Face's SiglipModel config.json: what Fovea reads of it. */
export interface SiglipConfig {
  readonly model_type: 'siglip'
  readonly architectures: readonly string[]
  readonly text_config: SiglipTextConfig
  readonly vision_config: SiglipVisionConfig
}
export interface SiglipTextConfig extends TowerConfig {
  readonly vocab_size: number
  readonly max_position_embeddings: number
  /** Width of a text's embedding, the image tower's. */
  readonly projection_size: number
  readonly bos_token_id: number
  readonly eos_token_id: number
  readonly pad_token_id: number
}
export interface SiglipVisionConfig extends TowerConfig {
  readonly image_size: number
  readonly patch_size: number
  readonly num_channels: number
}

// Hugging Face leaves defaults out of config.json.
const tower = {
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  hidden_act: 'gelu_pytorch_tanh',
  layer_norm_eps: 1e-6,
}
const textDefaults = {
  ...tower,
  vocab_size: 32000,
  max_position_embeddings: 64,
  bos_token_id: 49406,
  eos_token_id: 49407,
  pad_token_id: 1,
}
const visionDefaults = { ...tower, image_size: 224, patch_size: 16, num_channels: 3 }

/**
 * Checks a parsed config.json of SigLIP and fills in Hugging Face's defaults.
 * Throws FoveaError 'input' naming the file, the field, what was expected and what was found.
 */
export function parseSiglipConfig(json: unknown, file: string): SiglipConfig {
  const fail: Fail = failing(file)
  const top: Json = record(json, 'of model settings', fail)
  if (top.model_type !== 'siglip') fail(wrongKind('"siglip"', top))
  const given = (name: string): Json => record(top[name] ?? {}, name, fail)
  if (given('vision_config').vision_use_head === false)
    fail('expected vision_config.vision_use_head true: without its head the image tower gives no embedding')
  const text = section<SiglipTextConfig>(given('text_config'), textDefaults, 'text_config.', fail)
  const vision = section<SiglipVisionConfig>(given('vision_config'), visionDefaults, 'vision_config.', fail)
  const projection_size = number(given('text_config'), 'projection_size', text.hidden_size, fail)
  if (projection_size !== vision.hidden_size)
    fail(`expected text_config.projection_size to be the image tower's ${vision.hidden_size}, got ${projection_size}`)
  return {
    model_type: 'siglip',
    architectures: ['SiglipModel'],
    text_config: { ...text, projection_size },
    vision_config: wholePatches(vision, 'vision_config.', fail),
  }
}
