import {
  add,
  avgPool,
  concat,
  conv,
  einsum,
  mean,
  mul,
  namedScope,
  rearrange,
  relu,
  slice,
  softmax,
  squeeze,
  type Tensor,
} from '../../index.js'
import { type BatchNormParams, type BatchNormStats, batchNorm, batchNormTrain, linear } from '../../stdlib/nn/index.js'
import type { Probe } from '../parts/probe.js'
import type { Linear } from '../parts/transformer.js'
import type { ResNetConfig } from './config.js'

/**
 * CLIP's modified ResNet: a stem of three convolutions, average pooling before every strided step (anti-aliased), and attention pooling
 * at the end. Names and layouts are the first release's. Source: Radford et al. 2021, section 2.4; He et al. 2016; Zhang 2019.
 */
type F<S> = Tensor<S, 'f32'>
type Any = F<any>

interface Conv {
  /** [out, in, kh, kw]. */
  readonly weight: F<['o', 'c', 'k', 'k']>
}
export interface Bottleneck {
  readonly conv1: Conv
  readonly bn1: BatchNormParams
  readonly conv2: Conv
  readonly bn2: BatchNormParams
  readonly conv3: Conv
  readonly bn3: BatchNormParams
  /** 0: a 1×1 convolution, 1: its batch norm. Where the block changes the map's size or features. */
  readonly downsample?: readonly [Conv, BatchNormParams]
}
export interface ResNetParams {
  readonly conv1: Conv
  readonly bn1: BatchNormParams
  readonly conv2: Conv
  readonly bn2: BatchNormParams
  readonly conv3: Conv
  readonly bn3: BatchNormParams
  readonly layer1: readonly Bottleneck[]
  readonly layer2: readonly Bottleneck[]
  readonly layer3: readonly Bottleneck[]
  readonly layer4: readonly Bottleneck[]
  readonly attnpool: {
    readonly positional_embedding: F<['1+t', 'd']>
    readonly k_proj: Linear
    readonly q_proj: Linear
    readonly v_proj: Linear
    readonly c_proj: Linear<'d', 'e'>
  }
}
/** Running statistics by the path of their batch norm: 'layer1.0.bn1'. */
export type ResNetStats = Readonly<Record<string, BatchNormStats>>

/** How batch norms behave along a pass: `stats` is what they know before it, `next`, when given, collects what they know after it. */
interface Norms {
  readonly stats: ResNetStats
  readonly next?: Record<string, BatchNormStats>
}
function norm(x: Any, p: BatchNormParams, path: string, { stats, next }: Norms): Any {
  if (!next) return batchNorm(x, p, stats[path])
  const [y, after] = batchNormTrain(x, p, stats[path])
  next[path] = after
  return y
}
const convolve = (x: Any, { weight }: Conv, stride = 1, padding = 0): Any =>
  conv(x, weight as Any, {
    stride,
    padding: [
      [padding, padding],
      [padding, padding],
    ],
    dimensionNumbers: ['NHWC', 'OIHW', 'NHWC'],
  }) as Any

/** 1×1, 3×3, average pool by the stride, 1×1; the shortcut pools before its own 1×1. */
function bottleneck(x: Any, p: Bottleneck, stride: number, path: string, norms: Norms): Any {
  const pooled = (y: Any): Any => (stride > 1 ? (avgPool(y, stride) as Any) : y)
  const a = relu(norm(convolve(x, p.conv1), p.bn1, `${path}.bn1`, norms)) as Any
  const b = relu(norm(convolve(a, p.conv2, 1, 1), p.bn2, `${path}.bn2`, norms)) as Any
  const c = norm(convolve(pooled(b), p.conv3), p.bn3, `${path}.bn3`, norms)
  const shortcut = p.downsample
    ? norm(convolve(pooled(x), p.downsample[0]), p.downsample[1], `${path}.downsample.1`, norms)
    : x
  return relu(add(c, shortcut) as Any) as Any
}

/** One step of attention whose query is the mean of the map, which is also its first key and value: [b, h, w, d] → [b, e]. */
function attentionPool(x: Any, p: ResNetParams['attnpool'], heads: number): Any {
  const cells = rearrange(x, 'b h w d -> b (h w) d') as Any
  const tokens = add(
    concat([mean(cells, 1, { keepdims: true }) as Any, cells], 1) as Any,
    p.positional_embedding as Any,
  ) as Any
  const first = slice(tokens, [0, 0, 0], [tokens.shape[0], 1, tokens.shape[2]]) as Any
  const inHeads = (y: Any): Any => rearrange(y, 'b t (n k) -> b n t k', { n: heads }) as Any
  const q = inHeads(linear(first, p.q_proj) as Any)
  const [k, v] = [p.k_proj, p.v_proj].map((proj) => inHeads(linear(tokens, proj) as Any))
  const scores = mul(einsum('b n q k, b n t k -> b n q t', q, k) as Any, q.shape[3] ** -0.5) as Any
  const mixed = einsum('b n q t, b n t k -> b n q k', softmax(scores, -1) as Any, v) as Any
  return linear(squeeze(rearrange(mixed, 'b n q k -> b q (n k)') as Any, 1) as Any, p.c_proj as any) as Any
}

function tower(
  p: ResNetParams,
  config: ResNetConfig,
  pixels: F<['b', 'c', 's', 's']>,
  norms: Norms,
  probe?: Probe,
): F<['b', 'e']> {
  const see = (name: string, map: Any): Any => (probe ? probe(name, map) : map)
  let x = namedScope('stem', () => {
    const a = relu(
      norm(convolve(rearrange(pixels as Any, 'b c h w -> b h w c') as Any, p.conv1, 2, 1), p.bn1, 'bn1', norms),
    ) as Any
    const b = relu(norm(convolve(a, p.conv2, 1, 1), p.bn2, 'bn2', norms)) as Any
    return avgPool(relu(norm(convolve(b, p.conv3, 1, 1), p.bn3, 'bn3', norms)) as Any, 2) as Any
  })
  x = see('stem', x)
  for (const [i, layer] of [p.layer1, p.layer2, p.layer3, p.layer4].entries()) {
    const name = `layer${i + 1}`
    x = namedScope(name, () =>
      layer.reduce<Any>((y, block, n) => bottleneck(y, block, n === 0 && i > 0 ? 2 : 1, `${name}.${n}`, norms), x),
    )
    x = see(name, x)
  }
  return namedScope('attnpool', () => attentionPool(x, p.attnpool, poolHeads(config)))
}

/** Heads of the attention pool. */
const poolHeads = ({ width, head_width }: ResNetConfig): number => (width * 32) / head_width

/** Image tower of a trained model: pixels [b, 3, s, s] → [b, e]. `probe` sees the map [b, h, w, c] after 'stem' and 'layer1' to 'layer4'. */
export const resnetTower = (
  p: ResNetParams,
  config: ResNetConfig,
  stats: ResNetStats,
  pixels: F<['b', 'c', 's', 's']>,
  probe?: Probe,
): F<['b', 'e']> => tower(p, config, pixels, { stats }, probe)

/** Image tower in training, normalised by the batch, and the running statistics after it. */
export function resnetTowerTrain(
  p: ResNetParams,
  config: ResNetConfig,
  stats: ResNetStats,
  pixels: F<['b', 'c', 's', 's']>,
  probe?: Probe,
): [features: F<['b', 'e']>, stats: ResNetStats] {
  const next: Record<string, BatchNormStats> = {}
  return [tower(p, config, pixels, { stats, next }, probe), next]
}
