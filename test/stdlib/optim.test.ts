import { afterAll, expect, test } from 'vitest'
import { arange, destroyDevice, jit, ones, type Tensor, tensor } from '../../index.js'
import { adamw, muon, partition, warmupCosine } from '../../stdlib/optim/index.js'
import { key, normal } from '../../stdlib/random/index.js'
import { assertClose } from '../../stdlib/testing/index.js'

afterAll(destroyDevice)
type F = Tensor<any, 'f32'>

test('warmupCosine rises linearly, then falls along half a cosine', async () => {
  const rate = warmupCosine({ peak: 1, warmup: 4, total: 8, end: 0.2 })
  const want = [0.25, 0.5, 0.75, 1, ...[0, 1, 2, 3].map((t) => 0.2 + 0.4 * (1 + Math.cos((Math.PI * t) / 4)))]
  await assertClose(rate(arange(8) as any) as F, want, { atol: 1e-6, rtol: 0 })
  expect(() => warmupCosine({ peak: 1, warmup: 9, total: 8 })).toThrow(
    'expected 0 <= warmup < total, got warmup 9 and total 8',
  )
})

test('adamw takes the first step of size lr, and decays matrices only', async () => {
  const optimizer = adamw({ lr: 0.1, weightDecay: 0.5 })
  const params = { w: ones([2, 2]) as F, b: ones([2]) as F }
  const grads = {
    w: tensor([
      [1, -2],
      [3, -4],
    ]) as F,
    b: tensor([1, -1]) as F,
  }
  const step = jit((p: typeof params, g: typeof grads) => optimizer.update(g, optimizer.init(p), p)[0])
  const next = await step(params, grads)
  await assertClose(
    next.w,
    [
      [0.85, 1.05],
      [0.85, 1.05],
    ],
    { atol: 1e-5 },
  )
  await assertClose(next.b, [0.9, 1.1], { atol: 1e-5 })
})

test('muon moves every direction of a matrix about equally far', async () => {
  const optimizer = muon({ lr: 1, momentum: 0 })
  for (const [rows, columns] of [
    [6, 10],
    [10, 6],
  ]) {
    // Gradients with one dominant direction.
    const g = (await normal(key(rows), [rows, columns]).data()).map((x, i) => x + 5 * Math.sin(i % columns))
    const start = { w: tensor(new Float32Array(rows * columns), [rows, columns]) as F }
    const { w } = await jit((p: typeof start, gw: F) => optimizer.update({ w: gw }, optimizer.init(p), p)[0])(
      start,
      tensor(g, [rows, columns]) as F,
    )
    const move = [...(await w.data())].map((x) => -x / Math.sqrt(Math.max(1, rows / columns)))
    // The smaller Gram matrix is near the identity: singular values are squared on its diagonal.
    const n = Math.min(rows, columns)
    const at = (i: number, k: number): number => (rows <= columns ? move[i * columns + k] : move[k * columns + i])
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        let dot = 0
        for (let k = 0; k < Math.max(rows, columns); k++) dot += at(i, k) * at(j, k)
        expect(Math.abs(dot - (i === j ? 0.85 : 0))).toBeLessThan(0.55)
      }
    expect(move.reduce((sum, x) => sum + x * x, 0) / n).toBeGreaterThan(0.5)
  }
})

test('partition gives each parameter to one optimiser', async () => {
  const params = { layer: { w: ones([2, 2]) as F, b: ones([2]) as F } }
  const optimizer = partition((_name, p) => p.ndim >= 2, muon({ lr: 0.1 }), adamw({ lr: 0.1 }))
  const state = optimizer.init(params)
  expect(Object.keys(state.first.momentum as object)).toEqual(['layer.w'])
  expect(Object.keys(state.second.mu as object)).toEqual(['layer.b'])
  const [next] = await jit((p: typeof params) => optimizer.update(p, optimizer.init(p), p))(params)
  await assertClose(next.layer.b, [0.9, 0.9], { atol: 1e-5 })
  // The gradient is of rank one: its direction is [[½, ½], [½, ½]].
  const w = await next.layer.w.data()
  for (const x of w) expect(Math.abs(x - 0.95)).toBeLessThan(0.02)
  expect(() => muon().update({ b: ones([2]) }, muon().init({ b: ones([2]) }), { b: ones([2]) })).toThrow(
    'two or more dims',
  )
})
