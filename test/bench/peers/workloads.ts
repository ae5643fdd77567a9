import { emojiConfig } from '../../../examples/emoji/config.js'
import { type ClipConfig, smallConfig } from '../../../models/clip/config.js'
import { clipTemplate } from '../../../models/clip/params.js'
import { recipe } from '../../../models/clip/recipe.js'

/**
 * What is measured: shapes and inputs, sent to every peer as JSON. A peer looks up `kind` among the functions it has. Weights are
 * in PyTorch's layout, [out, in]; peers rearrange them before time counts.
 */
export interface Workload {
  readonly name: string
  readonly kind: string
  readonly sizes: Readonly<Record<string, number | string>>
  readonly data: readonly Input[]
  /** What is trained, or is weights. */
  readonly params: readonly Input[]
  /** Floating-point operations, two per multiply-add: the share of the peak. */
  readonly flops?: number
  /** Read and written in memory: the share of a copy of as many bytes. */
  readonly bytes?: number
}

/** Numbers that every peer makes alike: a hash of place and number of the input, in [-scale, scale) + offset; or whole numbers. */
export interface Input {
  readonly name: string
  readonly shape: readonly number[]
  readonly scale: number
  readonly offset: number
  readonly values?: readonly number[]
}

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)
const input = (name: string, shape: readonly number[], scale = 1, offset = 0): Input => ({ name, shape, scale, offset })
const whole = (name: string, shape: readonly number[], values: readonly number[]): Input => ({
  ...input(name, shape, 0),
  values,
})
const weight = (name: string, out: number, from: number): Input[] => [
  input(`${name}.weight`, [out, from], (3 / from) ** 0.5),
  input(`${name}.bias`, [out], 0.1),
]
const norm = (name: string, d: number): Input[] => [
  input(`${name}.weight`, [d], 0.1, 1),
  input(`${name}.bias`, [d], 0.1),
]

function product(layout: 'NN' | 'NT' | 'TN', n: number): Workload {
  return {
    name: `matmul ${n} ${layout}`,
    kind: 'matmul',
    sizes: { layout },
    data: [input('x', [n, n]), input('y', [n, n])],
    params: [],
    flops: 2 * n ** 3,
  }
}

function rowwise(kind: string, rows: number, columns: number, params: Input[]): Workload {
  const data = [input('x', [rows, columns], 4)]
  return {
    name: `${kind} ${rows}x${columns}`,
    kind,
    sizes: {},
    data,
    params,
    bytes: 8 * rows * columns,
  }
}

function conv(name: string, x: number[], kernel: number[], stride: number, padding: 'same' | 'valid'): Workload {
  const [n, h, w] = x
  return {
    name,
    kind: 'conv',
    sizes: { stride, padding },
    data: [input('x', x)],
    params: [input('weight', kernel, (3 / size(kernel.slice(0, 3))) ** 0.5)],
    flops: (2 * n * h * w * size(kernel)) / stride ** 2,
  }
}

/** Matrices side by side. */
function batched(batch: number, m: number, k: number, n: number): Workload {
  return {
    name: `${batch} products ${m}x${k}x${n}`,
    kind: 'batched',
    sizes: {},
    data: [input('x', [batch, m, k]), input('y', [batch, k, n])],
    params: [],
    flops: 2 * batch * m * k * n,
  }
}

/** Softmax attention of [batch, tokens, heads, width]. */
function attention(tokens: number, causal: boolean): Workload {
  const shape = [1, tokens, 4, 64]
  return {
    name: `attention ${tokens}${causal ? ' causal' : ''}`,
    kind: 'attention',
    sizes: { causal: Number(causal) },
    data: ['q', 'k', 'v'].map((name) => input(name, shape)),
    params: [],
    flops: (4 * 4 * 64 * tokens ** 2) / (causal ? 2 : 1),
  }
}

/** Rows of a table by number, and rows added up by number. */
function rowsByNumber(kind: 'gather' | 'scatterAdd', rows: number, width: number, count: number): Workload {
  const ids = whole(
    'ids',
    [count],
    Array.from({ length: count }, (_, i) => (i * 7919) % rows),
  )
  return {
    name: `${kind} ${count} of ${rows}x${width}`,
    kind,
    sizes: { rows },
    data: [input('x', kind === 'gather' ? [rows, width] : [count, width]), ids],
    params: [],
    bytes: kind === 'gather' ? 8 * count * width : 4 * (count + rows) * width,
  }
}

/** Pre-norm layers, heads side by side in one projection to queries, keys and values. */
interface Sizes {
  readonly batch: number
  readonly tokens: number
  readonly width: number
  readonly heads: number
  readonly mlp: number
  readonly layers: number
}
const layer = (at: string, { width: d, mlp }: Sizes): Input[] => [
  ...norm(`${at}.ln1`, d),
  ...weight(`${at}.qkv`, 3 * d, d),
  ...weight(`${at}.proj`, d, d),
  ...norm(`${at}.ln2`, d),
  ...weight(`${at}.fc1`, mlp, d),
  ...weight(`${at}.fc2`, d, mlp),
]
const layers = (s: Sizes): Input[] => Array.from({ length: s.layers }, (_, i) => layer(`layers.${i}`, s)).flat()
const layersFlops = ({ batch, tokens, width: d, mlp, layers }: Sizes): number =>
  2 * layers * batch * tokens * (4 * d * d + 2 * d * mlp + 2 * tokens * d)

function block(kind: 'block' | 'blockGrad', s: Sizes): Workload {
  const shape = [s.batch, s.tokens, s.width]
  return {
    name: kind === 'block' ? 'block forward' : 'block forward+backward',
    kind,
    sizes: { ...s },
    data: [input('x', shape), ...(kind === 'block' ? [] : [input('ct', shape)])],
    params: layers(s),
    flops: (kind === 'block' ? 1 : 3) * layersFlops(s),
  }
}

const labels = (batch: number): Input =>
  whole(
    'labels',
    [batch],
    Array.from({ length: batch }, (_, i) => (7 * i) % 10),
  )

const adam = { lr: 1e-3, b1: 0.9, b2: 0.999, eps: 1e-8 }

/** A vision transformer's training step on flattened patches, read at the mean of its tokens, with Adam. */
function vit(name: string, s: Sizes, patch: number): Workload {
  const { batch, tokens, width } = s
  return {
    name,
    kind: 'vit',
    sizes: { ...s, ...adam },
    data: [input('patches', [batch, tokens, patch]), labels(batch)],
    params: [
      ...weight('patch', width, patch),
      input('pos', [tokens, width], 0.1),
      ...layers(s),
      ...norm('ln', width),
      ...weight('head', 10, width),
    ],
    flops: 3 * layersFlops(s) + 4 * batch * tokens * patch * width,
  }
}

/** Two convolutions (the second of stride 2) and a dense layer, with Adam. */
function convnet(batch: number): Workload {
  return {
    name: 'tiny convnet step',
    kind: 'convnet',
    sizes: { ...adam },
    data: [input('x', [batch, 8, 8, 1]), labels(batch)],
    params: [
      input('conv1.weight', [3, 3, 1, 8], 0.5),
      input('conv1.bias', [8], 0.1),
      input('conv2.weight', [3, 3, 8, 12], 0.2),
      input('conv2.bias', [12], 0.1),
      ...weight('head', 10, 4 * 4 * 12),
    ],
    flops: 3 * 2 * batch * (64 * 9 * 8 + 16 * 9 * 8 * 12 + 10 * 192),
  }
}

/** The CLIPs of `npm start` and of examples/emoji, with their vocabularies. */
export const clipConfigs: Readonly<Record<string, ClipConfig>> = {
  start: smallConfig({
    vocabSize: 591,
    bosId: 589,
    eosId: 590,
    padId: 590,
    imageSize: recipe.imageSize,
    maxLength: recipe.maxLength,
  }),
  emoji: emojiConfig({ vocabSize: 1024, bosId: 1022, eosId: 1023, padId: 1023, imageSize: 48, maxLength: 24 }),
}
/** A training step on captions of up to `length` tokens, with AdamW for every parameter. */
function clip(name: string, config: string, batch: number, length: number): Workload {
  const { text_config: text, vision_config: vision } = clipConfigs[config]
  const { bos_token_id: bos, eos_token_id: eos } = text
  const used = (row: number): number => 4 + (row % (length - 3))
  const rows = <T>(f: (row: number, at: number) => T): T[] =>
    Array.from({ length: batch * length }, (_, i) => f(Math.floor(i / length), i % length))
  const { lr, weightDecay, eps, steps } = recipe
  const [b1, b2] = recipe.betas
  return {
    name,
    kind: 'clip',
    sizes: {
      config,
      heads: vision.num_attention_heads,
      patch: vision.patch_size,
      eos,
      visionLayers: vision.num_hidden_layers,
      textLayers: text.num_hidden_layers,
      lr,
      warmup: 10,
      steps,
      weightDecay,
      b1,
      b2,
      eps,
    },
    data: [
      input('pixels', [batch, 3, vision.image_size, vision.image_size]),
      whole(
        'ids',
        [batch, length],
        rows((row, at) => (at === 0 ? bos : at >= used(row) - 1 ? eos : (37 * row + 101 * at) % bos)),
      ),
      whole(
        'mask',
        [batch, length],
        rows((row, at) => (at < used(row) ? 1 : 0)),
      ),
    ],
    params: leaves(clipTemplate(clipConfigs[config])),
  }
}

/** The template's leaves with dotted paths, uniform of the same standard deviation. */
function leaves(node: object, path = ''): Input[] {
  if ('shape' in node) {
    const { shape, std = 0, value = 0 } = node as { shape: readonly number[]; std?: number; value?: number }
    return [input(path, shape, std * 3 ** 0.5, value)]
  }
  return Object.entries(node).flatMap(([key, child]) => leaves(child as object, path ? `${path}.${key}` : key))
}

const blockSizes = { batch: 4, tokens: 64, width: 192, heads: 3, mlp: 768, layers: 1 }
const millions = 4 * 2 ** 20

export const workloads: readonly Workload[] = [
  ...[256, 512, 1024].map((n) => product('NN', n)),
  product('NT', 512),
  product('TN', 512),
  rowwise('softmax', 256, 1024, []),
  rowwise('layerNorm', 1024, 768, [input('weight', [768], 0.1, 1), input('bias', [768], 0.1)]),
  {
    name: 'a*b+c, 4M elements',
    kind: 'multiplyAdd',
    sizes: {},
    data: ['a', 'b', 'c'].map((name) => input(name, [millions])),
    params: [],
    bytes: 16 * millions,
  },
  {
    name: 'gelu(x·W+b) 256x512x2048',
    kind: 'dense',
    sizes: {},
    data: [input('x', [256, 512])],
    params: weight('fc', 2048, 512),
    flops: 2 * 256 * 512 * 2048,
  },
  conv('conv 3x3', [8, 32, 32, 32], [3, 3, 32, 32], 1, 'same'),
  conv('patch conv 16x16', [8, 224, 224, 3], [16, 16, 3, 192], 16, 'valid'),
  batched(48, 64, 64, 64),
  ...[128, 512, 2048].flatMap((tokens) => [attention(tokens, false), attention(tokens, true)]),
  rowsByNumber('gather', 20_000, 128, 4096),
  rowsByNumber('scatterAdd', 1000, 128, 4096),
  block('block', blockSizes),
  block('blockGrad', blockSizes),
  vit('ViT step', { batch: 32, tokens: 64, width: 128, heads: 4, mlp: 512, layers: 4 }, 48),
  clip('CLIP step', 'start', recipe.batchSize, 10),
  clip('CLIP step of emoji', 'emoji', 128, 20),
  convnet(48),
  vit('tiny transformer step', { batch: 8, tokens: 16, width: 48, heads: 4, mlp: 192, layers: 2 }, 16),
]
