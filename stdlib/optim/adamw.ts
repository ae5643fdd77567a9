import { add, cast, div, exp, full, mul, sqrt, square, sub, zeros, zerosLike } from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { namedScope } from '../../compiler/trace/source.js'
import type { Tensor } from '../../compiler/trace/tensor.js'
import { type AnyTensor, flatten, treeKey, treeMap, unflatten } from '../../compiler/trace/tree.js'
import type { LrScale } from './layers.js'
import type { Schedule } from './schedule.js'

export interface AdamWOptions {
  /** A number, or a schedule of the step. */
  readonly lr: number | Schedule
  /** Decay of the first and second moment, default [0.9, 0.999]. */
  readonly betas?: readonly [number, number]
  readonly eps?: number
  /** Decoupled decay per step is lr · weightDecay; default 0.01. */
  readonly weightDecay?: number
  /** Which parameters decay, by name and tensor; default those of two or more dims. */
  readonly mask?: (name: string, param: AnyTensor) => boolean
  /** A factor of the learning rate for each parameter (`layerDecay`); default 1. What is not to be trained: `splitParams`. */
  readonly lrScale?: LrScale
}

/** Steps taken, and running means of the gradients and their squares in the parameters' tree. */
export interface OptState<P> {
  readonly step: Tensor<[], 'i32'>
  readonly mu: P
  readonly nu: P
}

/**
 * Adam with decoupled weight decay; equal to torch.optim.AdamW.
 * Source: Loshchilov & Hutter 2019, "Decoupled weight decay regularization".
 * Throws FoveaError 'tree' when the gradients' tree is not the parameters'.
 *
 * @example
 * const optimizer = adamw({ lr: 1e-3 })
 * const params = { w: ones([2, 2]) }
 * const [next, state] = optimizer.update({ w: ones([2, 2]) }, optimizer.init(params), params)
 */
export function adamw(options: AdamWOptions) {
  const {
    lr,
    betas: [b1, b2] = [0.9, 0.999],
    eps = 1e-8,
    weightDecay = 0.01,
    mask = (_name, p) => p.ndim >= 2,
    lrScale = () => 1,
  } = options
  type F = Tensor<any, 'f32'>
  return {
    init: <P>(params: P): OptState<P> => ({
      step: zeros([], 'i32'),
      mu: treeMap(zerosLike, params),
      nu: treeMap(zerosLike, params),
    }),
    update: <P>(grads: P, state: OptState<P>, params: P): [params: P, state: OptState<P>] =>
      namedScope('adamw', () => {
        const [p, g, m, v] = [params, grads, state.mu, state.nu].map((tree) => flatten(tree))
        if (treeKey(p.tree) !== treeKey(g.tree))
          throw new FoveaError(
            'tree',
            `adamw: expected gradients with the structure of the parameters:\n  ${treeKey(p.tree)}\n  ${treeKey(g.tree)}`,
          )
        const step = add(state.step, 1) as Tensor<[], 'i32'>
        const t = cast(step, 'f32') as F
        const rate = (typeof lr === 'number' ? full([], lr) : lr(state.step)) as F
        // 1 - βᵗ, the bias of a mean that started at zero.
        const unbias1 = sub(1, exp(mul(t, Math.log(b1)) as F)) as F
        const unbias2 = sqrt(sub(1, exp(mul(t, Math.log(b2)) as F)) as F) as F
        const scaled = new Map<number, { scale: F; decay: F }>()
        const ofRate = (factor: number): { scale: F; decay: F } => {
          const own = factor === 1 ? rate : (mul(rate, factor) as F)
          const known = scaled.get(factor) ?? {
            scale: div(own, unbias1) as F,
            decay: sub(1, mul(own, weightDecay)) as F,
          }
          scaled.set(factor, known)
          return known
        }
        const next = p.leaves.map((x, i): [F, F, F] => {
          const { scale, decay } = ofRate(lrScale(p.paths[i], x))
          const mu = add(mul(m.leaves[i], b1) as F, mul(g.leaves[i], 1 - b1) as F) as F
          const nu = add(mul(v.leaves[i], b2) as F, mul(square(g.leaves[i]) as F, 1 - b2) as F) as F
          const move = div(mul(mu, scale) as F, add(div(sqrt(nu) as F, unbias2) as F, eps) as F) as F
          return [sub(mask(p.paths[i], x) ? (mul(x, decay) as F) : (x as F), move) as F, mu, nu]
        })
        const tree = (which: 0 | 1 | 2): P =>
          unflatten(
            p.tree,
            next.map((n) => n[which]),
          ) as P
        return [tree(0), { step, mu: tree(1), nu: tree(2) }]
      }),
  }
}
