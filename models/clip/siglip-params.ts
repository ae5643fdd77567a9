import type { Tensor } from '../../index.js'
import { constant, drawn, drawParams, norm } from '../parts/starts.js'
import type { EncoderLayer, LayerNorm, Linear } from '../parts/transformer.js'
import type { SiglipConfig, SiglipTextConfig, SiglipVisionConfig } from './siglip-config.js'

type F<S> = Tensor<S, 'f32'>

/** Parameters of SigLIP in Hugging Face's layout: a tensor's path is its key in model.safetensors. */
export interface SiglipParams {
  readonly logit_bias: F<[1]>
  readonly logit_scale: F<[1]>
  readonly text_model: SiglipTextParams
  readonly vision_model: SiglipVisionParams
}
export interface SiglipTextParams {
  readonly embeddings: {
    readonly position_embedding: { readonly weight: F<['T', 'd']> }
    readonly token_embedding: { readonly weight: F<['V', 'd']> }
  }
  readonly encoder: { readonly layers: readonly EncoderLayer[] }
  readonly final_layer_norm: LayerNorm
  readonly head: Linear<'d', 'e'>
}
export interface SiglipVisionParams {
  readonly embeddings: {
    readonly patch_embedding: { readonly bias: F<['d']>; readonly weight: F<['d', 'c', 'p', 'p']> }
    readonly position_embedding: { readonly weight: F<['t', 'd']> }
  }
  readonly encoder: { readonly layers: readonly EncoderLayer[] }
  readonly post_layernorm: LayerNorm
  readonly head: PoolingHead
}
/** Attention pooling: one learned query, the probe, and a block of its own. */
export interface PoolingHead {
  readonly attention: {
    /** Query, key and value stacked. */
    readonly in_proj_bias: F<['3d']>
    readonly in_proj_weight: F<['3d', 'd']>
    readonly out_proj: Linear
  }
  readonly layernorm: LayerNorm
  readonly mlp: EncoderLayer['mlp']
  readonly probe: F<[1, 1, 'd']>
}

// Xavier's variance (Glorot and Bengio 2010), the published model's start of all linear maps.
const linear = (out: number, from: number) => ({
  bias: constant([out], 0),
  weight: drawn([out, from], Math.sqrt(2 / (out + from))),
})

type Tower = SiglipTextConfig | SiglipVisionConfig
const mlp = ({ hidden_size: d, intermediate_size: f }: Tower) => ({ fc1: linear(f, d), fc2: linear(d, f) })
const layers = (tower: Tower) =>
  Array.from({ length: tower.num_hidden_layers }, () => {
    const d = tower.hidden_size
    const self_attn = { k_proj: linear(d, d), out_proj: linear(d, d), q_proj: linear(d, d), v_proj: linear(d, d) }
    return { layer_norm1: norm(d), layer_norm2: norm(d), mlp: mlp(tower), self_attn }
  })

/** Shapes of all parameters, as a tree of { shape, dtype }, with how each starts. Temperature and bias: Zhai et al. 2023, section 3.2. */
export function siglipTemplate({ text_config: t, vision_config: v }: SiglipConfig) {
  const d = v.hidden_size
  return {
    logit_bias: constant([1], -10),
    logit_scale: constant([1], Math.log(10)),
    text_model: {
      embeddings: {
        position_embedding: { weight: drawn([t.max_position_embeddings, t.hidden_size], 0.02) },
        token_embedding: { weight: drawn([t.vocab_size, t.hidden_size], 0.02) },
      },
      encoder: { layers: layers(t) },
      final_layer_norm: norm(t.hidden_size),
      head: linear(t.projection_size, t.hidden_size),
    },
    vision_model: {
      embeddings: {
        patch_embedding: {
          bias: constant([d], 0),
          weight: drawn([d, v.num_channels, v.patch_size, v.patch_size], (v.num_channels * v.patch_size ** 2) ** -0.5),
        },
        position_embedding: { weight: drawn([(v.image_size / v.patch_size) ** 2, d], d ** -0.5) },
      },
      encoder: { layers: layers(v) },
      head: {
        attention: {
          in_proj_bias: constant([3 * d], 0),
          in_proj_weight: drawn([3 * d, d], d ** -0.5),
          out_proj: linear(d, d),
        },
        layernorm: norm(d),
        mlp: mlp(v),
        probe: drawn([1, 1, d], d ** -0.5),
      },
      post_layernorm: norm(d),
    },
  }
}

/** New parameters of SigLIP; a seed gives the same model everywhere. */
export const initSiglip = async (config: SiglipConfig, seed: number): Promise<SiglipParams> =>
  (await drawParams(siglipTemplate(config), seed)) as SiglipParams
