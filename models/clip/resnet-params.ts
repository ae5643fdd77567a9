import { constant, drawn, norm } from '../parts/starts.js'
import type { ResNetConfig } from './config.js'

// Convolutions: He et al. 2015, fan out; the last batch norm of a block starts at 0, so that a new block is the identity, and the
// attention pool at d^-0.5, as in the first release.
const conv = (out: number, from: number, k: number) => ({
  weight: drawn([out, from, k, k], Math.sqrt(2 / (out * k * k))),
})
const silent = (d: number) => ({ bias: constant([d], 0), weight: constant([d], 0) })

/** The four layers: features of a block's inner convolutions and of its result. */
function bottleneck(from: number, inner: number, down: boolean) {
  const block = {
    conv1: conv(inner, from, 1),
    bn1: norm(inner),
    conv2: conv(inner, inner, 3),
    bn2: norm(inner),
    conv3: conv(inner * 4, inner, 1),
    bn3: silent(inner * 4),
  }
  return down ? { ...block, downsample: [conv(inner * 4, from, 1), norm(inner * 4)] as const } : block
}
function layer(width: number, index: number, blocks: number) {
  const inner = width * 2 ** index
  const from = index === 0 ? width : inner * 2
  return Array.from({ length: blocks }, (_, n) => bottleneck(n === 0 ? from : inner * 4, inner, n === 0))
}

/** Shapes of the tower's parameters, as a tree of { shape, dtype }, with how each starts; `out` is the embedding's width. */
export function resnetTemplate({ layers, width, image_size }: ResNetConfig, out: number) {
  const d = width * 32
  const linear = (to: number) => ({ bias: constant([to], 0), weight: drawn([to, d], d ** -0.5) })
  return {
    conv1: conv(width / 2, 3, 3),
    bn1: norm(width / 2),
    conv2: conv(width / 2, width / 2, 3),
    bn2: norm(width / 2),
    conv3: conv(width, width / 2, 3),
    bn3: norm(width),
    layer1: layer(width, 0, layers[0]),
    layer2: layer(width, 1, layers[1]),
    layer3: layer(width, 2, layers[2]),
    layer4: layer(width, 3, layers[3]),
    attnpool: {
      positional_embedding: drawn([(image_size / 32) ** 2 + 1, d], d ** -0.5),
      k_proj: linear(d),
      q_proj: linear(d),
      v_proj: linear(d),
      c_proj: linear(out),
    },
  }
}

/** Every batch norm of the tower by its path, with the shape and start of its running statistics. */
export function resnetStatsTemplate(config: ResNetConfig) {
  const stats: Record<string, { running_mean: ReturnType<typeof constant>; running_var: ReturnType<typeof constant> }> =
    {}
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null || 'dtype' in node) return
    for (const [key, below] of Object.entries(node)) {
      const at = path ? `${path}.${key}` : key
      if (/(^|\.)(bn\d|downsample\.1)$/.test(at)) {
        const { shape } = (below as ReturnType<typeof norm>).weight
        stats[at] = { running_mean: constant(shape, 0), running_var: constant(shape, 1) }
      } else walk(below, at)
    }
  }
  walk(resnetTemplate(config, 1), '')
  return stats
}
