import { expect, test } from 'vitest'
import { compile } from '../../compiler/compile.js'
import type { Program, Target } from '../../compiler/ir/program.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { inputTensor } from '../../compiler/trace/tensor.js'
import { arange, attention, expandDims, lessEqual, logicalOr, sub, vjp } from '../../index.js'
import { target as gpu } from './target.js'

/** Dispatches of attention and its gradients, exact, and what they keep in memory: never the scores. */
const cpu: Target = {
  ...gpu,
  class: 'cpu',
  maxStorageBuffersPerShaderStage: 24,
  wasm: { relaxed: false, shared: true },
}
const [length, heads, width] = [2048, 8, 64]
const scores = heads * length * length * 4

const f32 = (...shape: number[]): any => inputTensor({ shape, dtype: 'f32' }, 'x')
const program = (f: (...xs: any[]) => unknown, target: Target, ...inputs: any[]): Program =>
  compile(traceFn(f, inputs, 'f', true).fn, target, { verify: true })
const x = f32(1, length, heads, width)
const ops = (p: Program): string[] => p.dispatches.flatMap((d) => d.ops.filter((name) => name.startsWith('attention')))
const largest = (p: Program): number => Math.max(...p.buffers.map((b) => b.bytes))
const gradients =
  (options: (bias: any) => object, inputs: number) =>
  (...xs: any[]): any[] => {
    const [y, pullback] = vjp(
      (q: any, k: any, v: any, bias?: any) => attention(q, k, v, options(bias)),
      ...(xs.slice(0, inputs) as [any, any, any]),
    )
    return [y, ...pullback(xs[inputs])]
  }

for (const [name, target] of [
  ['cpu', cpu],
  ['software', gpu],
  ['gpu', { ...gpu, class: 'gpu' as const }],
] as const) {
  test(`${name}: forward is one dispatch, whatever the mask`, () => {
    const window = (): any => {
      const [row, column] = [expandDims(arange(length), 1), expandDims(arange(length), 0)]
      return logicalOr(lessEqual(column, 3), lessEqual(sub(row, column), 128))
    }
    for (const options of [{}, { isCausal: true }, { isCausal: true, mask: window() }]) {
      const p = program((q: any, k: any, v: any) => attention(q, k, v, options), target, x, x, x)
      expect(p.dispatches.length).toBe(1)
      expect(largest(p)).toBe(length * heads * width * 4)
    }
  })

  test(`${name}: backward is at most three dispatches, and its memory grows with the length only`, () => {
    const p = program(
      gradients(() => ({ isCausal: true }), 3),
      target,
      x,
      x,
      x,
      x,
    )
    expect(p.dispatches.length - 1).toBeLessThanOrEqual(3)
    expect(ops(p)).toEqual(
      name === 'cpu' ? ['attention', 'attentionGrad'] : ['attention', 'attentionGrad', 'attentionGrad'],
    )
    expect(largest(p)).toBe(length * heads * width * 4)
    expect(p.memory.peakBytes).toBeLessThan(scores / 5)
  })
}

test('cpu: the gradient of a bias is one dispatch more, and as large as the bias', () => {
  const bias = f32(1, heads, 1, length)
  const p = program(
    gradients((b) => ({ bias: b }), 4),
    cpu,
    x,
    x,
    x,
    bias,
    x,
  )
  expect(p.dispatches.length - 1).toBe(3)
  expect(largest(p)).toBe(length * heads * width * 4)
})

test('cpu: a batch of one head is shared out by blocks of queries and of keys', () => {
  const one = f32(1, length, 1, width)
  const p = program(
    gradients(() => ({}), 3),
    cpu,
    one,
    one,
    one,
    one,
  )
  const items = p.dispatches.flatMap((d) =>
    d.ops.some((name) => name.startsWith('attention')) ? [d.workgroups[0]] : [],
  )
  expect(items).toEqual([32, 32, 16])
})

test('cpu: short sequences are products of their own, as fast and small enough', () => {
  const short = f32(8, 17, 4, 16)
  const p = program((q: any) => attention(q, q, q), cpu, short)
  expect(ops(p)).toEqual([])
  expect(p.dispatches.length).toBe(3)
})
