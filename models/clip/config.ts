import { FoveaError } from '../../index.js'

/** Hugging Face's CLIPModel config.json: what Fovea reads of it. */
export interface ClipConfig {
  readonly model_type: 'clip'
  readonly architectures: readonly string[]
  readonly projection_dim: number
  readonly logit_scale_init_value: number
  readonly text_config: TextConfig
  readonly vision_config: VisionConfig
}
interface TowerConfig {
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly hidden_act: 'quick_gelu' | 'gelu'
  readonly layer_norm_eps: number
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
}

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

/**
 * Checks a parsed config.json and fills in Hugging Face's defaults.
 * Throws FoveaError 'input' naming the file, the field, what was expected and what was found.
 */
export function parseConfig(json: unknown, file: string): ClipConfig {
  const fail = (what: string): never => {
    throw new FoveaError('input', `${file}: ${what}`)
  }
  const record = (x: unknown, name: string): Record<string, unknown> =>
    typeof x === 'object' && x !== null && !Array.isArray(x)
      ? (x as Record<string, unknown>)
      : fail(`expected an object ${name}, got ${JSON.stringify(x)}`)
  const top = record(json, 'of model settings')
  if (top.model_type !== 'clip')
    fail(
      `expected "model_type": "clip", got ${JSON.stringify(top.model_type)}; this folder holds another kind of model`,
    )
  const section = (name: string, defaults: object): unknown => {
    const given = record(top[name] ?? {}, name)
    const out = { ...defaults } as Record<string, unknown>
    for (const [field, standard] of Object.entries(defaults)) {
      const value = given[field] ?? standard
      if (typeof value !== typeof standard)
        fail(`expected a ${typeof standard} ${name}.${field}, got ${JSON.stringify(value)}`)
      out[field] = value
    }
    if (out.hidden_act !== 'quick_gelu' && out.hidden_act !== 'gelu')
      fail(`expected ${name}.hidden_act "quick_gelu" or "gelu", got ${JSON.stringify(out.hidden_act)}`)
    if ((out.hidden_size as number) % (out.num_attention_heads as number) !== 0)
      fail(`${name}.hidden_size ${out.hidden_size} is not a multiple of num_attention_heads ${out.num_attention_heads}`)
    return out
  }
  const number = (name: string, standard: number): number => {
    const value = top[name] ?? standard
    return typeof value === 'number' ? value : fail(`expected a number ${name}, got ${JSON.stringify(value)}`)
  }
  const vision = section('vision_config', visionDefaults) as VisionConfig
  if (vision.image_size % vision.patch_size !== 0)
    fail(`vision_config.image_size ${vision.image_size} is not a multiple of patch_size ${vision.patch_size}`)
  return {
    model_type: 'clip',
    architectures: ['CLIPModel'],
    projection_dim: number('projection_dim', 512),
    logit_scale_init_value: number('logit_scale_init_value', 2.6592),
    text_config: section('text_config', textDefaults) as TextConfig,
    vision_config: vision,
  }
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
