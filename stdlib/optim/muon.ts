import {
  add,
  div,
  full,
  matmul,
  mul,
  reshape,
  slice,
  sqrt,
  square,
  stack,
  sub,
  sum,
  transpose,
  zeros,
  zerosLike,
} from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { namedScope } from '../../compiler/trace/source.js'
import type { Tensor } from '../../compiler/trace/tensor.js'
import { flatten, treeMap, unflatten } from '../../compiler/trace/tree.js'
import type { LrScale } from './layers.js'
import type { Schedule } from './schedule.js'

type F = Tensor<any, 'f32'>

export interface MuonOptions {
  /** A number, or a schedule of the step. Updates have unit scale, so it is larger than Adam's; default 0.02. */
  readonly lr?: number | Schedule
  /** Decay of the running mean of gradients, default 0.95. */
  readonly momentum?: number
  /** Decoupled decay per step is lr · weightDecay; default 0. */
  readonly weightDecay?: number
  /** A factor of the learning rate for each parameter (`layerDecay`); default 1. */
  readonly lrScale?: LrScale
}

export interface MuonState<P> {
  readonly step: Tensor<[], 'i32'>
  readonly momentum: P
}

/**
 * Momentum whose update is made orthogonal: every direction of a matrix learns at the same pace, however correlated its
 * inputs are. For matrices; a tensor of more dims, such as a patch kernel, is taken as [first, rest]. Use `adamw` for the rest,
 * through `partition`.
 * Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".
 * Throws FoveaError 'shape' for a parameter of fewer than two dims.
 *
 * @example
 * const optimizer = muon({ lr: 0.02 })
 * const params = { w: ones([2, 3]) }
 * const [next, state] = optimizer.update({ w: ones([2, 3]) }, optimizer.init(params), params)
 */
export function muon({ lr = 0.02, momentum: beta = 0.95, weightDecay = 0, lrScale = () => 1 }: MuonOptions = {}) {
  return {
    init: <P>(params: P): MuonState<P> => ({ step: zeros([], 'i32'), momentum: treeMap(zerosLike, params) }),
    update: <P>(grads: P, state: MuonState<P>, params: P): [params: P, state: MuonState<P>] =>
      namedScope('muon', () => {
        const [p, g, m] = [params, grads, state.momentum].map((tree) => flatten(tree))
        const rate = (typeof lr === 'number' ? full([], lr) : lr(state.step)) as F
        const momentum = g.leaves.map((x, i) => add(mul(m.leaves[i], beta) as F, mul(x, 1 - beta) as F) as F)
        // Nesterov: the mean as it will be after one more gradient like this one.
        const ahead = g.leaves.map((x, i) => add(mul(momentum[i], beta) as F, mul(x, 1 - beta) as F) as F)
        const directions = orthogonal(ahead.map(asMatrix))
        const next = p.leaves.map((x, i) => {
          const [rows, columns] = asMatrix(x as F).shape as readonly number[]
          const factor = lrScale(p.paths[i], x)
          const own = factor === 1 ? rate : (mul(rate, factor) as F)
          const keep = sub(1, mul(own, weightDecay) as F) as F
          const move = mul(
            reshape(directions[i], x.shape as number[]) as F,
            mul(own, Math.sqrt(Math.max(1, rows / columns))) as F,
          ) as F
          return sub(mul(x, keep) as F, move) as F
        })
        return [
          unflatten(p.tree, next) as P,
          { step: add(state.step, 1) as Tensor<[], 'i32'>, momentum: unflatten(p.tree, momentum) as P },
        ]
      }),
  }
}

const asMatrix = (x: F): F => {
  const [first, ...rest] = x.shape as readonly number[]
  if (!rest.length)
    throw new FoveaError(
      'shape',
      `muon: expected parameters of two or more dims, got [${(x.shape as readonly number[]).join(', ')}]; give the others to adamw with partition()`,
    )
  return reshape(x, [first, rest.reduce((a, b) => a * b, 1)]) as F
}

/** U·Vᵀ of each matrix's singular value decomposition U·S·Vᵀ, nearly. Matrices of one shape, lying down, go through together. */
function orthogonal(matrices: readonly F[]): F[] {
  const tall = matrices.map((x) => (x.shape as readonly number[])[0] > (x.shape as readonly number[])[1])
  const lying = matrices.map((x, i) => (tall[i] ? (transpose(x) as F) : x))
  const out: F[] = []
  for (const key of new Set(lying.map((x) => x.shape.join()))) {
    const at = lying.flatMap((x, i) => (x.shape.join() === key ? [i] : []))
    const done = newtonSchulz(stack(at.map((i) => lying[i])) as F)
    const [, r, c] = done.shape as readonly number[]
    at.forEach((i, n) => {
      const one = reshape(slice(done, [n, 0, 0], [n + 1, r, c]) as F, [r, c]) as F
      out[i] = tall[i] ? (transpose(one) as F) : one
    })
  }
  return out
}

/** Five steps of the quintic X ← aX + (bXXᵀ + c(XXᵀ)²)X, which drives all singular values towards 1. [n, rows ≤ columns]. */
function newtonSchulz(x: F): F {
  const [a, b, c] = [3.4445, -4.775, 2.0315]
  let y = div(x, add(sqrt(sum(square(x) as F, [1, 2], { keepdims: true }) as F) as F, 1e-7) as F) as F
  for (let i = 0; i < 5; i++) {
    const gram = matmul(y, transpose(y, [0, 2, 1]) as F) as F
    const poly = add(mul(gram, b) as F, mul(matmul(gram, gram) as F, c) as F) as F
    y = add(mul(y, a) as F, matmul(poly, y) as F) as F
  }
  return y
}
