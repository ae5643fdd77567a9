import {
  add,
  arange,
  argmax,
  broadcastTo,
  cast,
  clip,
  concat,
  div,
  ensureShape,
  equal,
  exp,
  eye,
  logicalAnd,
  logSoftmax,
  matmul,
  mean,
  mul,
  namedScope,
  poly,
  reshape,
  slice,
  sqrt,
  square,
  sum,
  type Tensor,
  take,
  transpose,
  tri,
  where,
  zeros,
} from '../../index.js'
import { contrastiveLoss, layerNorm } from '../../stdlib/nn/index.js'
import { patches } from '../parts/patches.js'
import type { Probe } from '../parts/probe.js'
import { encode, encodeAt } from '../parts/transformer.js'
import type { ClipConfig, ResNetClipConfig, TextConfig, VisionConfig } from './config.js'
import type { ClipParams, ResNetClipParams, TextParams, VisionParams } from './params.js'
import { type ResNetStats, resnetTower, resnetTowerTrain } from './resnet.js'

type F<S> = Tensor<S, 'f32'>
type I<S> = Tensor<S, 'i32'>
type Hidden = F<['b', 't', 'd']>

/** Embedded patches behind the class token, with their positions, normalised: what the layers take, [b, 1 + patches, d]. */
function visionInput(p: VisionParams, config: VisionConfig, pixels: F<['b', 'c', 's', 's']>): Hidden {
  const x = namedScope('embeddings', () => {
    const { class_embedding: start } = p.embeddings
    const token = broadcastTo(start, [pixels.shape[0], 1, start.shape[0]])
    const tokens = concat([token, patches(pixels, p.embeddings.patch_embedding.weight, config.patch_size)], 1)
    return ensureShape(add(tokens, p.embeddings.position_embedding.weight), ['b', 't', 'd'])
  })
  return layerNorm(x, p.pre_layrnorm, config.layer_norm_eps)
}

/** All states of the image tower's last layer, [b, 1 + patches, d], not normalised: `last_hidden_state` of CLIPVisionModel. */
export const visionStates = (
  p: VisionParams,
  config: VisionConfig,
  pixels: F<['b', 'c', 's', 's']>,
  probe?: Probe,
): Hidden => encode(visionInput(p, config, pixels), p.encoder.layers, config, null, probe)

/**
 * Image tower: a ViT read at its class token, or as `config.pooling` says → [b, d]; `pooler_output` of CLIPVisionModel. `probe` sees the
 * layers' states. Source: Radford et al. 2021, 2.4; the mean: open_clip's `global_average_pool`.
 */
export function visionTower(
  p: VisionParams,
  config: VisionConfig,
  pixels: F<['b', 'c', 's', 's']>,
  probe?: Probe,
): F<['b', 'd']> {
  const normed = <S>(x: F<S>): F<S> => layerNorm(x as F<any>, p.post_layernorm, config.layer_norm_eps) as F<S>
  if (config.pooling === 'mean') return meanOfPatches(normed(visionStates(p, config, pixels, probe)))
  if (config.pooling === 'mean_then_norm') return normed(meanOfPatches(visionStates(p, config, pixels, probe)))
  const classToken = zeros([pixels.shape[0]], 'i32')
  return normed(encodeAt(visionInput(p, config, pixels), classToken, p.encoder.layers, config, null, probe))
}
function meanOfPatches(x: Hidden): F<['b', 'd']> {
  const [b, t, d] = (x as F<any>).shape as readonly number[]
  return mean(slice(x as F<any>, [0, 1, 0], [b, t, d]) as F<any>, 1) as F<any>
}

/** What the text tower's layers take, [b, t, d], and which keys each query sees: none that are later than itself, no padding. */
function textInput(p: TextParams, ids: I<['b', 't']>, mask: I<['b', 't']>) {
  const [b, t] = ids.shape
  const x = namedScope('embeddings', () =>
    add(take(p.embeddings.token_embedding.weight, ids), take(p.embeddings.position_embedding.weight, arange(t))),
  )
  return { x, seen: logicalAnd(reshape(equal(mask, 1), [b, 1, 1, t]), tri(t, t)) }
}

/** All states of the text tower, normalised, [b, t, d]: `last_hidden_state` of CLIPTextModel. */
export function textStates(
  p: TextParams,
  config: TextConfig,
  ids: I<['b', 't']>,
  mask: I<['b', 't']>,
  probe?: Probe,
): Hidden {
  const { x, seen } = textInput(p, ids, mask)
  return layerNorm(encode(x, p.encoder.layers, config, seen, probe), p.final_layer_norm, config.layer_norm_eps)
}

/**
 * Text tower: a causal transformer read at each row's end-of-text token → [b, d]; `pooler_output` of CLIPTextModel. Source: Radford et
 * al. 2021, 2.4.
 */
export function textTower(
  p: TextParams,
  config: TextConfig,
  ids: I<['b', 't']>,
  mask: I<['b', 't']>,
  probe?: Probe,
): F<['b', 'd']> {
  const { x, seen } = textInput(p, ids, mask)
  const y = encodeAt(x, pooledPosition(ids, config), p.encoder.layers, config, seen, probe)
  return layerNorm(y, p.final_layer_norm, config.layer_norm_eps)
}

/** Position read: the first end-of-text id; with the first release's config (eos_token_id 2), the largest id. */
export const pooledPosition = (ids: I<['b', 't']>, { eos_token_id }: TextConfig): I<['b']> =>
  argmax(eos_token_id === 2 ? ids : cast(equal(ids, eos_token_id), 'i32'), -1)

/** Rows of length 1. */
export const normalise = poly((x: F<['b', 'e']>): F<['b', 'e']> => div(x, sqrt(sum(square(x), -1, { keepdims: true }))))
const project = poly(
  (x: F<['b', 'd']>, p: { readonly weight: F<['e', 'd']> }): F<['b', 'e']> => matmul(x, transpose(p.weight)),
)

/** What of a model the pictures go through. */
type ImageSide = Pick<ClipParams, 'vision_model' | 'visual_projection'>

/** Projected pictures [b, 3, s, s] → [b, e], not normalised. */
export const imageFeatures = (
  p: ImageSide,
  config: Pick<ClipConfig, 'vision_config'>,
  pixels: F<['b', 'c', 's', 's']>,
  probe?: Probe,
): F<['b', 'e']> =>
  namedScope('vision', () =>
    project(visionTower(p.vision_model, config.vision_config, pixels, probe), p.visual_projection),
  )

/** What of a model the texts go through. */
type TextSide = Pick<ClipParams, 'text_model' | 'text_projection'>

/** Projected texts: ids [b, t], mask 1 for tokens and 0 for padding → [b, e], not normalised. */
export const textFeatures = (
  p: TextSide,
  config: Pick<ClipConfig, 'text_config'>,
  ids: I<['b', 't']>,
  mask: I<['b', 't']>,
): F<['b', 'e']> =>
  namedScope('text', () => project(textTower(p.text_model, config.text_config, ids, mask), p.text_projection))

/** Unit-length embeddings of pictures [b, 3, s, s] → [b, e]. */
export const encodeImage = (
  p: ImageSide,
  config: Pick<ClipConfig, 'vision_config'>,
  pixels: F<['b', 'c', 's', 's']>,
  probe?: Probe,
): F<['b', 'e']> => normalise(imageFeatures(p, config, pixels, probe))

/** Unit-length embeddings of texts: ids [b, t], mask [b, t] → [b, e]. */
export const encodeText = (
  p: TextSide,
  config: Pick<ClipConfig, 'text_config'>,
  ids: I<['b', 't']>,
  mask: I<['b', 't']>,
): F<['b', 'e']> => normalise(textFeatures(p, config, ids, mask))

/** exp(logit_scale) · cosine similarity of every picture with every text: [i, e] and [t, e] → [i, t]. */
export const clipLogits = poly(
  (images: F<['i', 'e']>, texts: F<['t', 'e']>, logitScale: F<[]>): F<['i', 't']> =>
    mul(matmul(images, transpose(texts)), exp(logitScale)),
)

/** Each picture finds its caption among the batch, and each caption its picture. Source: Radford et al. 2021, figure 3. */
export const contrastive = poly((logits: F<['n', 'n']>): F<[]> => {
  const [n] = logits.shape
  const own = equal(eye(n, 'i32'), 1)
  const hits = (logProbabilities: F<['n', 'n']>): F<[]> => sum(where(own, logProbabilities, 0))
  return mul(add(hits(logSoftmax(logits, 1)), hits(logSoftmax(logits, 0))), -0.5 / n)
})

/** Pairs from which on the table of all scores is worth avoiding: it would take 16 MiB, and as much again for its gradient. */
const manyPairs = 2048

const pairLoss = poly(
  (images: F<['n', 'e']>, texts: F<['n', 'e']>, logitScale: F<[]>): F<[]> =>
    images.shape[0] < manyPairs
      ? contrastive(clipLogits(images, texts, logitScale))
      : contrastiveLoss(images, texts, exp(logitScale)),
)

/** A batch of pairs: pictures [b, 3, s, s], their captions' ids and masks [b, t]. */
export interface PairBatch {
  readonly pixels: F<['b', 'c', 's', 's']>
  readonly ids: I<['b', 't']>
  readonly mask: I<['b', 't']>
}
/** Unit-length embeddings of a batch of pairs, each [b, e]. */
export interface PairEmbeddings {
  readonly images: F<['b', 'e']>
  readonly texts: F<['b', 'e']>
}

/** Both embeddings of a batch of pairs. */
export const embedPairs = (p: ClipParams, config: ClipConfig, { pixels, ids, mask }: PairBatch): PairEmbeddings => ({
  images: encodeImage(p, config, pixels),
  texts: encodeText(p, config, ids, mask),
})

/** The contrastive loss of embedded pairs: scalar. */
export const embeddedLoss = (p: Pick<ClipParams, 'logit_scale'>, { images, texts }: PairEmbeddings): F<[]> =>
  namedScope('loss', () => pairLoss(images, texts, p.logit_scale))

/** The contrastive loss of a batch of pairs: scalar. */
export const clipLoss = (
  p: ClipParams,
  config: ClipConfig,
  pixels: F<['b', 'c', 's', 's']>,
  ids: I<['b', 't']>,
  mask: I<['b', 't']>,
): F<[]> => embeddedLoss(p, embedPairs(p, config, { pixels, ids, mask }))

/** Unit-length embeddings of pictures [b, 3, s, s] → [b, e] by a trained ResNet. */
export const encodeImageResNet = (
  p: Pick<ResNetClipParams, 'visual'>,
  config: Pick<ResNetClipConfig, 'vision_config'>,
  stats: ResNetStats,
  pixels: F<['b', 'c', 's', 's']>,
  probe?: Probe,
): F<['b', 'e']> =>
  normalise(namedScope('vision', () => resnetTower(p.visual, config.vision_config, stats, pixels, probe)))

/** The contrastive loss of a batch of pairs in training with a ResNet, and the running statistics after it. */
export function clipLossResNet(
  p: ResNetClipParams,
  config: ResNetClipConfig,
  stats: ResNetStats,
  pixels: F<['b', 'c', 's', 's']>,
  ids: I<['b', 't']>,
  mask: I<['b', 't']>,
): [loss: F<[]>, stats: ResNetStats] {
  const [features, next] = namedScope('vision', () => resnetTowerTrain(p.visual, config.vision_config, stats, pixels))
  const [images, texts] = [normalise(features), encodeText(p, config, ids, mask)]
  return [namedScope('loss', () => pairLoss(images, texts, p.logit_scale)), next]
}

/** The temperature kept in [1, 100], as after each step of training: logit_scale in [0, ln 100]. Source: Radford et al. 2021, 2.5. */
export const clampLogitScale = (p: ClipParams): ClipParams => ({
  ...p,
  logit_scale: clip(p.logit_scale, 0, Math.log(100)),
})
