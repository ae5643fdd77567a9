import type { Tensor } from '../../index.js'
import { constant, drawn, drawParams, norm } from '../parts/starts.js'
import type { EncoderLayer, LayerNorm } from '../parts/transformer.js'
import type { ClipConfig, ResNetClipConfig, TextConfig, VisionConfig } from './config.js'
import type { ResNetParams } from './resnet.js'
import { resnetTemplate } from './resnet-params.js'

type F<S> = Tensor<S, 'f32'>

/** Parameters in Hugging Face's layout: a tensor's path is its key in model.safetensors. */
export interface ClipParams {
  readonly logit_scale: F<[]>
  readonly text_model: TextParams
  readonly vision_model: VisionParams
  readonly text_projection: { readonly weight: F<['e', 'd']> }
  readonly visual_projection: { readonly weight: F<['e', 'd']> }
}
/** Parameters of CLIP with a ResNet: the text tower in Hugging Face's layout, the image tower in the first release's. */
export interface ResNetClipParams extends Omit<ClipParams, 'vision_model' | 'visual_projection'> {
  readonly visual: ResNetParams
}
export interface TextParams {
  readonly embeddings: {
    readonly position_embedding: { readonly weight: F<['T', 'd']> }
    readonly token_embedding: { readonly weight: F<['V', 'd']> }
  }
  readonly encoder: { readonly layers: readonly EncoderLayer[] }
  readonly final_layer_norm: LayerNorm
}
export interface VisionParams {
  readonly embeddings: {
    readonly class_embedding: F<['d']>
    readonly patch_embedding: { readonly weight: F<['d', 'c', 'p', 'p']> }
    readonly position_embedding: { readonly weight: F<['1+t', 'd']> }
  }
  /** Hugging Face spells it so. */
  readonly pre_layrnorm: LayerNorm
  readonly encoder: { readonly layers: readonly EncoderLayer[] }
  readonly post_layernorm: LayerNorm
}

// Standard deviations: CLIPPreTrainedModel._init_weights with initializer_factor 1 and initializer_range 0.02,
// after Radford et al. 2021, section 2.4, and GPT-2's scaling by depth.
function layers({ hidden_size: d, intermediate_size: f, num_hidden_layers: n }: TextConfig | VisionConfig) {
  const inner = d ** -0.5 * (2 * n) ** -0.5
  const linear = (out: number, from: number, std: number) => ({
    bias: constant([out], 0),
    weight: drawn([out, from], std),
  })
  return Array.from({ length: n }, () => ({
    layer_norm1: norm(d),
    layer_norm2: norm(d),
    mlp: { fc1: linear(f, d, (2 * d) ** -0.5), fc2: linear(d, f, inner) },
    self_attn: {
      k_proj: linear(d, d, inner),
      out_proj: linear(d, d, d ** -0.5),
      q_proj: linear(d, d, inner),
      v_proj: linear(d, d, inner),
    },
  }))
}

/** The text tower's and its projection's part of it. */
export const textTemplate = ({
  text_config: t,
  projection_dim: e,
}: Pick<ClipConfig, 'text_config' | 'projection_dim'>) => ({
  text_model: {
    embeddings: {
      position_embedding: { weight: drawn([t.max_position_embeddings, t.hidden_size], 0.02) },
      token_embedding: { weight: drawn([t.vocab_size, t.hidden_size], 0.02) },
    },
    encoder: { layers: layers(t) },
    final_layer_norm: norm(t.hidden_size),
  },
  text_projection: { weight: drawn([e, t.hidden_size], t.hidden_size ** -0.5) },
})

/** The image tower's and its projection's part of it. */
export const visionTemplate = ({
  vision_config: v,
  projection_dim: e,
}: Pick<ClipConfig, 'vision_config' | 'projection_dim'>) => ({
  vision_model: {
    embeddings: {
      class_embedding: drawn([v.hidden_size], v.hidden_size ** -0.5),
      patch_embedding: { weight: drawn([v.hidden_size, v.num_channels, v.patch_size, v.patch_size], 0.02) },
      position_embedding: { weight: drawn([(v.image_size / v.patch_size) ** 2 + 1, v.hidden_size], 0.02) },
    },
    encoder: { layers: layers(v) },
    post_layernorm: norm(v.hidden_size),
    pre_layrnorm: norm(v.hidden_size),
  },
  visual_projection: { weight: drawn([e, v.hidden_size], v.hidden_size ** -0.5) },
})

/** Shapes of all parameters, as a tree of { shape, dtype }, with how each starts. */
export const clipTemplate = (config: ClipConfig) => ({
  logit_scale: constant([], config.logit_scale_init_value),
  ...textTemplate(config),
  ...visionTemplate(config),
})

/** The same of CLIP with a ResNet. */
export const resnetClipTemplate = (config: ResNetClipConfig) => ({
  logit_scale: constant([], config.logit_scale_init_value),
  ...textTemplate(config),
  visual: resnetTemplate(config.vision_config, config.projection_dim),
})

/** New parameters: one draw of normal numbers, shared out in the tree's order, so a seed gives the same model everywhere. */
export const initClip = async (config: ClipConfig, seed: number): Promise<ClipParams> =>
  (await drawParams(clipTemplate(config), seed)) as ClipParams

/** New parameters of CLIP with a ResNet. */
export const initResNetClip = async (config: ResNetClipConfig, seed: number): Promise<ResNetClipParams> =>
  (await drawParams(resnetClipTemplate(config), seed)) as ResNetClipParams
