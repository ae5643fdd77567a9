import { expect, test } from 'vitest'
import { compile } from '../../compiler/compile.js'
import type { Program, Target } from '../../compiler/ir/program.js'
import { traceFn } from '../../compiler/trace/collect.js'
import {
  add,
  attention,
  gelu,
  grad,
  logSoftmax,
  matmul,
  mean,
  mul,
  reshape,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
} from '../../index.js'
import { crossEntropy, layerNorm, linear, rmsNorm, rotary } from '../../stdlib/nn/index.js'
import { adamw } from '../../stdlib/optim/index.js'
import { target } from './target.js'

/** How many dispatches small programs take: exact, and the same on every machine, because compiling touches no device. */
const array = (...shape: number[]): Tensor<any, 'f32'> =>
  tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape) as Tensor<any, 'f32'>
const program = (f: (...args: any[]) => unknown, args: unknown[], donated: number[] = []): Program =>
  compile(traceFn(f, args, 'f', true).fn, target, { verify: true, donated: new Set(donated) })
/** The CPU, SwiftShader and a GPU, as far as a Program depends on them. */
const targets: Record<'cpu' | 'software' | 'gpu', Target> = {
  cpu: {
    class: 'cpu',
    maxStorageBuffersPerShaderStage: 1e9,
    maxStorageBufferBindingSize: 2 ** 32,
    maxComputeInvocationsPerWorkgroup: 1,
    maxComputeWorkgroupStorageSize: 0,
    maxComputeWorkgroupsPerDimension: 2 ** 31,
    wasm: { relaxed: true, shared: true },
  },
  software: target,
  gpu: { ...target, class: 'gpu' },
}
/** How many dispatches f takes on each class. */
const onAll = (f: (...args: any[]) => unknown, ...args: unknown[]): Record<string, number> => {
  const { fn } = traceFn(f, args, 'f', true)
  return Object.fromEntries(Object.entries(targets).map(([name, t]) => [name, compile(fn, t).dispatches.length]))
}
const all = (n: number): Record<string, number> => ({ cpu: n, software: n, gpu: n })
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

test('on every class: norms, alone and of a residual sum that is kept, 1; rotary embedding 1', () => {
  expect(onAll((a: any) => softmax(a, -1), x)).toEqual(all(1))
  expect(onAll((a: any) => layerNorm(a, norm, 1e-5), x)).toEqual(all(1))
  expect(onAll((a: any, w: any) => rmsNorm(a, w, 1e-6), x, array(64))).toEqual(all(1))
  const kept = (f: (s: any) => unknown) => (a: any, b: any) => {
    const s = add(a, b)
    return [s, f(s)]
  }
  expect(
    onAll(
      kept((s) => layerNorm(s, norm, 1e-5)),
      x,
      x,
    ),
  ).toEqual(all(1))
  expect(
    onAll(
      kept((s) => rmsNorm(s, norm.weight, 1e-6)),
      x,
      x,
    ),
  ).toEqual(all(1))
  const table = { cos: array(16, 32), sin: array(16, 32) }
  expect(onAll((a: any, angles: any) => rotary(a, angles), array(2, 16, 4, 64), table)).toEqual(all(1))
})

test('on every class: cross entropy of each row 1, with their mean 2, and its gradient 2', () => {
  const labels = tensor(new Int32Array(96), [96], 'i32')
  expect(onAll((a: any, y: any) => crossEntropy(a, y), array(96, 64), labels)).toEqual(all(1))
  const loss = (a: any, y: any) => mean(crossEntropy(a, y) as any) as any
  expect(onAll(loss, array(96, 64), labels)).toEqual(all(2))
  expect(onAll((a: any, y: any) => grad((b: any) => loss(b, y))(a), array(96, 64), labels)).toEqual(all(2))
})

test('a pre-norm transformer block with biases, forward and with every gradient', () => {
  const [b, t, d, heads] = [2, 128, 64, 4]
  const layer = (out: number, from: number) => ({ weight: array(out, from), bias: array(out) })
  const params = {
    norm1: norm,
    norm2: { weight: array(d), bias: array(d) },
    q: layer(d, d),
    k: layer(d, d),
    v: layer(d, d),
    out: layer(d, d),
    up: layer(4 * d, d),
    down: layer(d, 4 * d),
  }
  const block = (a: any, p: any): any => {
    const h = layerNorm(a, p.norm1, 1e-5)
    const [q, k, v] = [p.q, p.k, p.v].map((w) => reshape(linear(h, w) as any, [b, t, heads, d / heads]) as any)
    const y = add(a, linear(reshape(attention(q, k, v) as any, [b, t, d]) as any, p.out) as any) as any
    return add(y, linear(gelu(linear(layerNorm(y, p.norm2, 1e-5), p.up) as any) as any, p.down) as any)
  }
  const rows = array(b, t, d)
  expect(onAll(block, rows, params)).toEqual({ cpu: 9, software: 11, gpu: 9 })
  const grads = (a: any, p: any, ct: any) =>
    grad((a2: any, p2: any) => sum(mul(block(a2, p2), ct)) as any, { argnums: [0, 1] } as any)(a, p)
  expect(onAll(grads, rows, params, rows)).toEqual({ cpu: 32, software: 37, gpu: 33 })
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
