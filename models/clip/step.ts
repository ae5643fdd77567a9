import { arange, jit, type Tensor, valueAndGrad } from '../../index.js'
import type { Jitted } from '../../runtime/jit.js'
import {
  adamw,
  type MuonState,
  muon,
  type OptState,
  type PartitionState,
  partition,
  warmupCosine,
} from '../../stdlib/optim/index.js'
import type { ClipConfig } from './config.js'
import { clampLogitScale, clipLoss } from './model.js'
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
}

/** What the optimisers remember. */
export type TrainState = PartitionState<MuonState<unknown>, OptState<unknown>>

/**
 * The matrices that Muon takes: layers, patch kernel and projections. A picture's pixels go up and down together, so Adam
 * moves all patch filters one way and shapes stay unlearned for long; Muon moves every direction alike (figures in
 * docs/performance.md).
 */
const forMuon = (name: string, { ndim }: { readonly ndim: number }): boolean =>
  ndim >= 2 && /encoder|patch_embedding|projection/.test(name)

export interface TrainStep {
  /** Parameters and optimiser state are donated: use those that come back. */
  readonly step: Jitted<
    [params: ClipParams, state: TrainState, pixels: Pixels, ids: Tokens, mask: Tokens],
    readonly [ClipParams, TrainState, loss: Tensor<[], 'f32'>]
  >
  init(params: ClipParams): TrainState
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
export function trainStep(config: ClipConfig, { steps, lr, warmup, weightDecay, muonLr }: StepOptions): TrainStep {
  const schedule = warmupCosine({ peak: lr, warmup, total: steps })
  const { init, update } = partition(
    (name, p) => muonLr > 0 && forMuon(name, p),
    muon({
      lr: warmupCosine({ peak: muonLr, warmup, total: steps }),
      momentum: recipe.momentum,
      weightDecay: recipe.muonWeightDecay,
    }),
    adamw({ lr: schedule, betas: recipe.betas, eps: recipe.eps, weightDecay }),
  )
  const step = jit(
    (params: ClipParams, state: TrainState, pixels: Pixels, ids: Tokens, mask: Tokens) => {
      const [loss, grads] = valueAndGrad((p: ClipParams) => clipLoss(p, config, pixels, ids, mask))(params)
      const [next, nextState] = update(grads, state, params)
      return [clampLogitScale(next), nextState, loss] as const
    },
    { donate: [0, 1], name: 'clip.train' },
  )
  // The schedule is pointwise, so it takes all steps at once.
  const rates = async (): Promise<Float32Array> => {
    using all = schedule(arange(steps) as unknown as Tensor<[], 'i32'>)
    return await all.data()
  }
  return { step, init, rates }
}
