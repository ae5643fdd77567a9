import {
  add,
  arange,
  attention,
  broadcastTo,
  exp,
  matmul,
  mul,
  namedScope,
  poly,
  rearrange,
  reshape,
  slice,
  squeeze,
  type Tensor,
  take,
  transpose,
} from '../../index.js'
import { layerNorm, linear, sigmoidLoss } from '../../stdlib/nn/index.js'
import { patches } from '../parts/patches.js'
import type { Probe } from '../parts/probe.js'
import { activations, encode } from '../parts/transformer.js'
import { normalise } from './model.js'
import type { SiglipConfig, SiglipTextConfig, SiglipVisionConfig } from './siglip-config.js'
import type { PoolingHead, SiglipParams, SiglipTextParams, SiglipVisionParams } from './siglip-params.js'

/** SigLIP: CLIP whose pairs are told apart one by one. Source: Zhai et al. 2023, "Sigmoid Loss for Language Image Pre-Training". */
type F<S> = Tensor<S, 'f32'>
type I<S> = Tensor<S, 'i32'>
type Any = F<any>
type Pixels = F<['b', 'c', 's', 's']>

/**
 * Multihead attention pooling: a learned query attends to all states, then a residual MLP, [b, t, d] → [b, d].
 * Source: Zhai et al. 2022, "Scaling Vision Transformers", section 3 (MAP head); after Lee et al. 2019, "Set Transformer".
 */
function attentionPooling(states: F<['b', 't', 'd']>, p: PoolingHead, config: SiglipVisionConfig): F<['b', 'd']> {
  const x = states as Any
  const [b, , d] = x.shape as readonly number[]
  const third = (y: Any, i: number): Any => {
    const part = linear(y, {
      weight: slice(p.attention.in_proj_weight as Any, [i * d, 0], [(i + 1) * d, d]) as Any,
      bias: slice(p.attention.in_proj_bias as Any, [i * d], [(i + 1) * d]) as Any,
    }) as Any
    return rearrange(part, 'b t (h k) -> b t h k', { h: config.num_attention_heads }) as Any
  }
  const query = broadcastTo(p.probe as Any, [b, 1, d]) as Any
  const mixed = rearrange(attention(third(query, 0), third(x, 1), third(x, 2)) as Any, 'b q h k -> b q (h k)') as Any
  const y = linear(squeeze(mixed, 1) as Any, p.attention.out_proj as any) as Any
  const act = activations[config.hidden_act] as (z: Any) => Any
  const normed = layerNorm(y, p.layernorm as any, config.layer_norm_eps) as Any
  return add(y, linear(act(linear(normed, p.mlp.fc1 as any) as Any), p.mlp.fc2 as any) as Any) as any
}

/** Image tower: pixels [b, c, s, s] → [b, d], not normalised; `pooler_output` of SiglipVisionModel. `probe` sees the layers' states. */
export function siglipVisionTower(
  p: SiglipVisionParams,
  config: SiglipVisionConfig,
  pixels: Pixels,
  probe?: Probe,
): F<['b', 'd']> {
  const { patch_embedding, position_embedding } = p.embeddings
  const x = namedScope('embeddings', () => {
    const flat = patches(pixels, patch_embedding.weight, config.patch_size) as Any
    return add(add(flat, patch_embedding.bias as Any) as Any, position_embedding.weight as Any) as Any
  })
  const states = layerNorm(encode(x, p.encoder.layers, config, null, probe), p.post_layernorm, config.layer_norm_eps)
  return namedScope('head', () => attentionPooling(states, p.head, config))
}

/**
 * Text tower: ids [b, t], padded to the length that the model was trained with, → [b, e], not normalised: a transformer without a mask read
 * at its last position; `pooler_output` of SiglipTextModel.
 */
export function siglipTextTower(
  p: SiglipTextParams,
  config: SiglipTextConfig,
  ids: I<['b', 't']>,
  probe?: Probe,
): F<['b', 'e']> {
  const [b, t] = ids.shape as unknown as readonly number[]
  const x = namedScope('embeddings', () =>
    add(take(p.embeddings.token_embedding.weight, ids), take(p.embeddings.position_embedding.weight, arange(t))),
  ) as Any
  const y = layerNorm(
    encode(x, p.encoder.layers, config, null, probe),
    p.final_layer_norm,
    config.layer_norm_eps,
  ) as Any
  const last = squeeze(slice(y, [0, t - 1, 0], [b, t, config.hidden_size]) as Any, 1) as Any
  return linear(last, p.head as any) as any
}

/** Unit-length embeddings of pictures [b, 3, s, s] → [b, e]. */
export const encodeImageSiglip = (
  p: Pick<SiglipParams, 'vision_model'>,
  config: Pick<SiglipConfig, 'vision_config'>,
  pixels: Pixels,
): F<['b', 'e']> =>
  normalise(namedScope('vision', () => siglipVisionTower(p.vision_model, config.vision_config, pixels) as any))

/** Unit-length embeddings of texts: ids [b, t] → [b, e]. */
export const encodeTextSiglip = (
  p: Pick<SiglipParams, 'text_model'>,
  config: Pick<SiglipConfig, 'text_config'>,
  ids: I<['b', 't']>,
): F<['b', 'e']> => normalise(namedScope('text', () => siglipTextTower(p.text_model, config.text_config, ids)))

/** exp(logit_scale) · cosine similarity + logit_bias of every picture with every text: [i, e] and [t, e] → [i, t]; its sigmoid is the
 * probability that they are a pair. */
export const siglipLogits = poly(
  (images: F<['i', 'e']>, texts: F<['t', 'e']>, logitScale: F<[1]>, logitBias: F<[1]>): F<['i', 't']> =>
    add(mul(matmul(images, transpose(texts)), exp(logitScale)), logitBias),
)

/** The sigmoid loss of a batch of pairs, pictures [b, 3, s, s] and their captions' ids [b, t]: scalar. */
export function siglipLoss(p: SiglipParams, config: SiglipConfig, pixels: Pixels, ids: I<['b', 't']>): F<[]> {
  const [images, texts] = [encodeImageSiglip(p, config, pixels), encodeTextSiglip(p, config, ids)]
  return namedScope('loss', () =>
    sigmoidLoss(
      images as Any,
      texts as Any,
      reshape(exp(p.logit_scale), []) as F<[]>,
      reshape(p.logit_bias, []) as F<[]>,
    ),
  )
}
