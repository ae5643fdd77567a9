import { arange, jit, type Tensor, valueAndGrad } from '../../index.js'
import type { Jitted } from '../../runtime/jit.js'
import {
  accumulatedGrad,
  adamw,
  clipByGlobalNorm,
  combineParams,
  ema,
  layerDecay,
  type MuonState,
  muon,
  type OptState,
  type PartitionState,
  partition,
  type Schedule,
  splitParams,
  warmupCosine,
} from '../../stdlib/optim/index.js'
import type { ClipConfig } from './config.js'
import { clampLogitScale, type clipLoss, embeddedLoss, embedPairs, type PairBatch } from './model.js'
import type { ClipParams } from './params.js'
import { recipe } from './recipe.js'

export type Pixels = Parameters<typeof clipLoss>[2]
export type Tokens = Parameters<typeof clipLoss>[3]

export interface StepOptions {
  /** Updates in all: half a cosine takes the learning rate to nearly 0. */
  readonly steps: number
  /** Peak of the learning rate, reached after `warmup` steps. */
  readonly lr: number
  readonly warmup: number
  readonly weightDecay: number
  /** Peak of Muon's rate, for matrices; 0: AdamW for every parameter. */
  readonly muonLr: number
  /** Parts in which a batch goes through the towers, one after another; the loss is still that of the whole batch. Default 1. */
  readonly accumulate?: number
  /** The tower, with its projection, that stays as it is. */
  readonly freeze?: Freeze
  /** Learning rates fall by this factor a layer, from the top down; default 1. */
  readonly layerDecay?: number
  /** Decay of a running mean of the parameters; 0, the default: none is kept. */
  readonly ema?: number
  /** Gradients are scaled down to this norm, over all trained parameters; 0, the default: none are. */
  readonly clipGradNorm?: number
}

export type Freeze = 'none' | 'image' | 'text'
const frozen: Record<Freeze, RegExp> = { none: /^$/, image: /^(vision_model|visual_projection)\./, text: /^text_/ }

/** What the optimisers remember, and the running mean of what is trained. */
export type TrainState = PartitionState<MuonState<unknown>, OptState<unknown>> & { readonly average?: ClipParams }

/**
 * The matrices that Muon takes: layers, patch kernel and projections. A picture's pixels go up and down together, so Adam
 * moves all patch filters one way and shapes stay unlearned for long; Muon moves every direction alike (figures in
 * docs/performance.md).
 */
const forMuon = (name: string, { ndim }: { readonly ndim: number }): boolean =>
  ndim >= 2 && /encoder|patch_embedding|projection/.test(name)

export interface TrainStep {
  /** Parameters and optimiser state are donated: use those that come back. `held` is what `split` set apart, if anything. */
  readonly step: Jitted<
    [params: ClipParams, state: TrainState, pixels: Pixels, ids: Tokens, mask: Tokens, held?: ClipParams],
    readonly [ClipParams, TrainState, loss: Tensor<[], 'f32'>]
  >
  /** What is trained, and what is held; each has null in the places of the other. */
  split(params: ClipParams): [trained: ClipParams, held: ClipParams]
  init(trained: ClipParams): TrainState
  /** The learning rate of every step. */
  rates(): Promise<Float32Array>
}

/**
 * One step of training, in one submit: loss, gradient, Muon and AdamW, and the temperature kept in [1, 100].
 *
 * @example
 * const { step, init } = trainStep(config, { steps: 600, lr: 1e-3, warmup: 50, weightDecay: 0.1, muonLr: 0.02 })
 * const [params, state, loss] = await step(start, init(start), pixels, ids, mask)
 */
export function trainStep(config: ClipConfig, options: StepOptions): TrainStep {
  const { steps, lr, warmup, accumulate = 1, freeze = 'none', ema: decay = 0, clipGradNorm = 0 } = options
  const schedule = warmupCosine({ peak: lr, warmup, total: steps })
  const average = decay > 0 ? ema(decay) : undefined
  const split = (params: ClipParams): [ClipParams, ClipParams] =>
    splitParams(params, (name) => name.search(frozen[freeze]) < 0)
  const step = jit(
    (params: ClipParams, state: TrainState, pixels: Pixels, ids: Tokens, mask: Tokens, held?: ClipParams) => {
      const whole = (p: ClipParams): ClipParams => (held ? combineParams(p, held) : p)
      const embed = (p: ClipParams, batch: PairBatch) => embedPairs(whole(p), config, batch)
      const batch = { pixels, ids, mask }
      const [loss, grads] =
        accumulate > 1
          ? accumulatedGrad(embed, embeddedLoss, accumulate)(params, batch)
          : valueAndGrad((p: ClipParams) => embeddedLoss(p, embed(p, batch)))(params)
      const bounded = clipGradNorm > 0 ? clipByGlobalNorm(grads, clipGradNorm) : grads
      const { average: mean, ...optimizerState } = state
      const [moved, nextState] = optimizer(params, schedule, options).update(bounded, optimizerState, params)
      const next = clampLogitScale(moved)
      return [next, average && mean ? { ...nextState, average: average.update(mean, next) } : nextState, loss] as const
    },
    { donate: [0, 1], name: 'clip.train' },
  )
  const init = (params: ClipParams): TrainState => {
    const state = optimizer(params, schedule, options).init(params)
    return average ? { ...state, average: average.init(params) } : state
  }
  // The schedule is pointwise, so it takes all steps at once.
  const rates = async (): Promise<Float32Array> => {
    using all = schedule(arange(steps) as unknown as Tensor<[], 'i32'>)
    return await all.data()
  }
  return { step, split, init, rates }
}

function optimizer(params: ClipParams, schedule: Schedule, options: StepOptions) {
  const { steps, warmup, weightDecay, muonLr, layerDecay: decay = 1 } = options
  const lrScale = layerDecay(params, decay, { input: /embeddings|pre_layrnorm/ })
  return partition(
    (name, p) => muonLr > 0 && forMuon(name, p),
    muon({
      lr: warmupCosine({ peak: muonLr, warmup, total: steps }),
      momentum: recipe.momentum,
      weightDecay: recipe.muonWeightDecay,
      lrScale,
    }),
    adamw({ lr: schedule, betas: recipe.betas, eps: recipe.eps, weightDecay, lrScale }),
  )
}
