import { expect, test } from 'vitest'
import { compile } from '../../compiler/compile.js'
import type { Program } from '../../compiler/ir/program.js'
import { traceFn } from '../../compiler/trace/collect.js'
import {
  add,
  gelu,
  grad,
  logSoftmax,
  matmul,
  mean,
  mul,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
} from '../../index.js'
import { crossEntropy, layerNorm, rmsNorm, rotary } from '../../stdlib/nn/index.js'
import { adamw } from '../../stdlib/optim/index.js'
import { target } from './target.js'

/** How many dispatches small programs take: exact, and the same on every machine, because compiling touches no device. */
const array = (...shape: number[]): Tensor<any, 'f32'> =>
  tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape) as Tensor<any, 'f32'>
const program = (f: (...args: any[]) => unknown, args: unknown[], donated: number[] = []): Program =>
  compile(traceFn(f, args, 'f', true).fn, target, { verify: true, donated: new Set(donated) })
const dispatches = (f: (...args: any[]) => unknown, ...args: unknown[]): number => program(f, args).dispatches.length

const x = array(8, 12, 64)
const norm = { weight: array(64), bias: array(64) }

test('one dispatch: pointwise chains, softmax, norms, rotary embeddings, losses (their gradient two)', () => {
  expect(dispatches((a: any) => sub(mul(add(a, 1), 2), square(a)), x)).toBe(1)
  expect(dispatches((a: any) => softmax(a, -1), x)).toBe(1)
  expect(dispatches((a: any) => softmax(a, 1), x)).toBe(1)
  expect(dispatches((a: any) => logSoftmax(a, -1), x)).toBe(1)
  expect(dispatches((a: any) => layerNorm(a, norm, 1e-5), x)).toBe(1)
  expect(dispatches((a: any) => mean(square(a)), x)).toBe(1)
  expect(dispatches((a: any, w: any) => rmsNorm(a, w, 1e-6), x, array(64))).toBe(1)
  expect(dispatches((a: any, b: any) => layerNorm(add(a, b) as any, norm, 1e-5), x, x)).toBe(1)
  const labels = tensor(new Int32Array(96), [8, 12])
  expect(dispatches((a: any, y: any) => crossEntropy(a, y), x, labels)).toBe(1)
  const losses = (a: any, y: any) => grad((b: any) => mean(crossEntropy(b, y) as any) as any)(a)
  expect(dispatches(losses, x, labels)).toBe(2)
  const table = { cos: array(12, 8), sin: array(12, 8) }
  expect(dispatches((a: any, angles: any) => rotary(a, angles), array(8, 12, 4, 16), table)).toBe(1)
})

test('one dispatch: a product with bias, activation and residual', () => {
  const [w, b] = [array(64, 64), array(64)]
  expect(dispatches((a: any) => gelu(add(matmul(a, w), b)), x)).toBe(1)
  expect(dispatches((a: any) => add(a, add(matmul(a, w), b)), x)).toBe(1)
})

test('views are index arithmetic: no dispatch of their own', () => {
  const heads = (a: any) => softmax(matmul(a, a), -1)
  expect(dispatches(heads, array(2, 4, 6, 6))).toBe(2)
})

test('backward passes: softmax 1, layerNorm 2 (one over rows, one over columns)', () => {
  expect(dispatches((a: any, ct: any) => grad((b: any) => sum(mul(softmax(b, -1), ct)))(a), x, x)).toBe(1)
  const both = (a: any, p: any, ct: any) =>
    grad((b: any, q: any) => sum(mul(layerNorm(b, q, 1e-5), ct)), { argnums: [0, 1] })(a, p)
  expect(dispatches(both, x, norm, x)).toBe(2)
})

test('a training step of a two-layer network: loss, gradients and AdamW in place', () => {
  const params = { w1: array(16, 32), b1: array(32), w2: array(32, 16), b2: array(16) }
  const optimizer = adamw({ lr: 1e-3 })
  const step = (p: any, state: any, a: any, y: any) => {
    const [loss, g] = valueAndGrad((q: any) =>
      mean(square(sub(add(matmul(gelu(add(matmul(a, q.w1), q.b1)), q.w2), q.b2), y))),
    )(p)
    return [...optimizer.update(g, state, p), loss]
  }
  const moments = { w1: array(16, 32), b1: array(32), w2: array(32, 16), b2: array(16) }
  const state = { step: tensor(new Int32Array([0]), [], 'i32'), mu: moments, nu: { ...moments, w1: array(16, 32) } }
  const leaves = 4 + 1 + 4 + 4
  const p = program(
    step,
    [params, state, array(8, 16), array(8, 16)],
    Array.from({ length: leaves }, (_, i) => i),
  )
  expect(p.outputs.filter((o) => o.donated).length).toBe(leaves)
  expect(p.dispatches.length).toBe(9)
})
