import { inputTensor } from '../../compiler/trace/tensor.js'
import { type AnyTensor, flatten, treeMap } from '../../compiler/trace/tree.js'
import { mean, square, valueAndGrad } from '../../index.js'
import { type ClipConfig, clampLogitScale, clipLoss, clipTemplate, smallConfig } from '../../models/clip/index.js'
import { visionTower } from '../../models/clip/model.js'
import { adamw, muon, partition, warmupCosine } from '../../stdlib/optim/index.js'

/** Training steps on placeholders: what it takes to trace and compile them needs no numbers. */
export interface Step {
  readonly f: (...args: any[]) => unknown
  readonly args: readonly unknown[]
  /** Positions of the leaves whose memory the step may overwrite: parameters and optimiser state. */
  readonly donated: ReadonlySet<number>
}

const input = (shape: readonly number[], dtype: 'f32' | 'i32' = 'f32'): any => inputTensor({ shape, dtype }, '')
const placeholders = (template: any): any => {
  if (Array.isArray(template)) return template.map(placeholders)
  if ('dtype' in template) return input(template.shape)
  return Object.fromEntries(Object.entries(template).map(([name, x]) => [name, placeholders(x)]))
}

interface Optimizer {
  init(params: any): any
  update(grads: any, state: any, params: any): [any, any]
}
const schedule = (peak: number) => warmupCosine({ peak, warmup: 10, total: 100 })
const adam: Optimizer = adamw({ lr: schedule(1e-3), betas: [0.9, 0.98], eps: 1e-6, weightDecay: 0.1 })
const withMuon: Optimizer = partition(
  (name, p) => p.ndim >= 2 && /encoder|patch_embedding|projection/.test(name),
  muon({ lr: schedule(0.02), momentum: 0.9, weightDecay: 0.15 }),
  adam,
)

function step(
  loss: (params: any, ...data: any[]) => any,
  params: unknown,
  optimizer: Optimizer,
  data: readonly AnyTensor[],
  after: (params: any) => unknown = (p) => p,
): Step {
  const state = treeMap((x) => input(x.aval.shape, x.aval.dtype as 'f32'), optimizer.init(params))
  const f = (p: unknown, s: unknown, ...xs: unknown[]): unknown => {
    const [value, grads] = valueAndGrad((q: any) => loss(q, ...xs))(p as any)
    const [next, nextState] = optimizer.update(grads, s, p)
    return [after(next), nextState, value]
  }
  return { f, args: [params, state, ...data], donated: new Set(flatten([params, state]).leaves.keys()) }
}

const small = smallConfig({ vocabSize: 580, bosId: 578, eosId: 579, padId: 579, imageSize: 32, maxLength: 16 })
const size = { hidden_size: 192, intermediate_size: 768, num_attention_heads: 3, num_hidden_layers: 12 }
const deep: ClipConfig = {
  ...small,
  text_config: { ...small.text_config, ...size },
  vision_config: { ...small.vision_config, ...size },
}

const pixels = (batch: number): any => input([batch, 3, 32, 32])
const clip = (config: ClipConfig, optimizer: Optimizer, batch: number): Step =>
  step(
    (p, x, ids, mask) => clipLoss(p, config, x, ids, mask),
    placeholders(clipTemplate(config)),
    optimizer,
    [pixels(batch), input([batch, 12], 'i32'), input([batch, 12], 'i32')],
    clampLogitScale,
  )

export const steps: Record<string, () => Step> = {
  /** What `npm start` compiles. */
  'small CLIP': () => clip(small, withMuon, 64),
  'ViT, 12 layers': () =>
    step(
      (p, x) => mean(square(visionTower(p, deep.vision_config, x))),
      placeholders(clipTemplate(deep).vision_model),
      adam,
      [pixels(32)],
    ),
  'CLIP, 12 + 12 layers': () => clip(deep, adam, 32),
}
