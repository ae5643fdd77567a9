import { afterAll, expect, test } from 'vitest'
import {
  cond,
  destroyDevice,
  exp,
  getDevice,
  jit,
  less,
  matmul,
  mul,
  namedScope,
  ones,
  profile,
  relu,
  scan,
  sum,
  type Tensor,
  tensor,
  whileLoop,
} from '../../index.js'
import type { WebgpuDevice } from '../../runtime/webgpu/device.js'
import { createTimer } from '../../runtime/webgpu/timer.js'

afterAll(destroyDevice)
const sumOf = (xs: readonly { readonly ms: number }[]): number => xs.reduce((total, { ms }) => total + ms, 0)
const rounds = 2

test('each dispatch of the program is there, with the work of its equations', async () => {
  const f = jit((x: Tensor<[8, 16], 'f32'>, w: Tensor<[16, 4], 'f32'>) =>
    namedScope('head', () => sum(exp(namedScope('dense', () => relu(matmul(x, w)))))),
  )
  const args = [ones([8, 16]), ones([16, 4])] as const
  const p = await profile(f, args as any, { rounds, name: 'head' })
  const program = await f.program(...args)
  expect(p.dispatches.map((d) => d.ops)).toEqual(program.dispatches.map((d) => d.ops))
  expect(p.dispatches.map((d) => d.number)).toEqual([...program.dispatches.keys()])
  expect(p.dispatches[0]).toMatchObject({ label: expect.stringMatching(/^product 8×4×16/), runs: 1 })
  // 2 M N K for the product.
  expect(p.dispatches[0].flops).toBeGreaterThanOrEqual(2 * 8 * 4 * 16)
  expect(p.dispatches[0].bytes).toBeGreaterThanOrEqual(4 * (8 * 16 + 16 * 4))
  expect(p.dispatches[0].loc?.file).toContain('profile.test.ts')
  expect(p.name).toBe('head')
  expect(p.call.min).toBeLessThanOrEqual(p.call.median)
  expect(p.limits.flops).toBeGreaterThan(0)
  expect(p.limits.bytes).toBeGreaterThan(0)
})

test('scopes and lines share out all the time, and every dispatch is of some', async () => {
  const layer = (x: any, i: number) => namedScope(`layer${i}`, () => relu(matmul(x, x)))
  const p = await profile((x: Tensor<[32, 32], 'f32'>) => layer(layer(x, 0), 1), [ones([32, 32])], { rounds })
  const total = sumOf(p.dispatches)
  expect(sumOf(p.scopes)).toBeCloseTo(total, 6)
  expect(sumOf(p.lines)).toBeCloseTo(total, 6)
  expect(p.scopes.map((s) => s.name).sort()).toEqual(['layer0', 'layer1'])
  for (const { parts } of p.dispatches) expect(parts.reduce((s, part) => s + part.share, 0)).toBeCloseTo(1, 12)
})

test('kernels of a loop count each of their runs, with the work of all', async () => {
  const f = (n: number) => (x: Tensor<[16, 16], 'f32'>) =>
    (scan as any)((c: any) => [mul(matmul(c, c), 0.01), null], x, null, { length: n })[0]
  const [three, seven] = [3, 7].map((n) => profile(f(n), [ones([16, 16])], { rounds }))
  const product = (p: Awaited<typeof three>) => p.dispatches.find((d) => d.ops.includes('dotGeneral'))!
  const [a, b] = [product(await three), product(await seven)]
  expect([a.runs, b.runs]).toEqual([3, 7])
  expect(b.flops / a.flops).toBeCloseTo(7 / 3, 12)
})

test('a branch that is not taken costs a CPU nothing', async () => {
  const f = (flag: any, x: any) =>
    (cond as any)(
      flag,
      (v: any) => matmul(v, v),
      (v: any) => exp(v),
      x,
    )
  const p = await profile(f, [tensor(false), ones([16, 16])], { rounds })
  const runs = (op: string): number => p.dispatches.find((d) => d.ops.includes(op))!.runs
  expect(runs('exp')).toBe(1)
  // A GPU's kernels see for themselves that they are not to run.
  expect(runs('dotGeneral')).toBe(p.device.kind === 'cpu' ? 0 : 1)
})

test('a while counts its turns', async () => {
  const f = (x: any) =>
    (whileLoop as any)(
      (v: any) => less(sum(v), 1000),
      (v: any) => mul(v, 2),
      x,
    )
  const p = await profile(f, [ones([16])], { rounds })
  // 16, 32, … 1024.
  const turns = p.dispatches.find((d) => d.ops.includes('mul') && !d.ops.includes('reduceSum'))!.runs
  if (p.device.kind === 'cpu') expect(turns).toBe(6)
  else expect(turns).toBeGreaterThanOrEqual(6)
})

test.runIf(process.env.FOVEA_DEVICE !== 'cpu')(
  'a device without timestamps waits for each dispatch instead',
  async () => {
    const { gpu } = (await getDevice()) as WebgpuDevice
    const features = new Set([...gpu.features].filter((name) => name !== 'timestamp-query'))
    const timer = createTimer({ features } as unknown as GPUDevice)
    expect(timer.perSubmit).toBe(1)
    for (const [dispatch, begin] of [0, 1, 1].map((d, i) => [d, 10 + 5 * i])) {
      expect(timer.writes(dispatch)).toBeUndefined()
      timer.waited!(begin, begin + 2)
    }
    expect(await timer.read(3)).toEqual([
      { runs: 1, ms: 2, begin: 0 },
      { runs: 2, ms: 4, begin: 5 },
      { runs: 0, ms: 0, begin: 0 },
    ])
  },
)

test('donated arguments are those of jit, and are still there afterwards', async () => {
  const step = jit((w: Tensor<[64], 'f32'>, g: Tensor<[64], 'f32'>) => w.sub(g.mul(0.5)), { donate: [0], name: 'sgd' })
  const [w, g] = [tensor(new Float32Array(64).fill(1), [64]), tensor(new Float32Array(64).fill(1), [64])]
  const p = await profile(step, [w, g], { rounds })
  expect(p.name).toBe('sgd')
  expect((await w.data())[0]).toBe(1)
  // The result takes the argument's memory.
  expect(p.memory.peak).toBe(0)
  expect((await (await step(w, g)).data())[0]).toBe(0.5)
})

test('memory at its peak is what the plan says, held by what writes it', async () => {
  const f = (x: Tensor<[32, 32], 'f32'>) => matmul(exp(matmul(x, x)), matmul(x, exp(x)))
  const p = await profile(f, [ones([32, 32])], { rounds })
  const { memory } = await jit(f).program(ones([32, 32]))
  expect(p.memory.peak).toBe(memory.peakBytes)
  expect(p.memory.holders.reduce((s, h) => s + h.bytes, 0)).toBe(p.memory.peak)
  expect(p.memory.live.map((l) => l.dispatch)).toEqual(p.dispatches.map((d) => d.number))
  expect(p.memory.arguments).toBe(4 * 32 * 32)
  for (const { from, to } of p.edges) expect(from).toBeLessThan(to)
  expect(p.edges.length).toBeGreaterThanOrEqual(2)
})

test('results are those of a call, and nothing is left on the device', async () => {
  const x = ones([32, 32])
  await x.data()
  const f = jit((a: Tensor<[32, 32], 'f32'>) => exp(matmul(a, a)))
  await profile(f, [x], { rounds: 1 })
  const device = await getDevice()
  await device.finished()
  const { bytesInUse } = device.stats
  for (let i = 0; i < 3; i++) await profile(f, [x], { rounds: 1 })
  await device.finished()
  expect(device.stats.bytesInUse).toBeLessThanOrEqual(bytesInUse)
})

test('an empty program and mistakes', async () => {
  const x = ones([3])
  const p = await profile((_: Tensor<[3], 'f32'>) => [], [x], { rounds })
  expect(p.dispatches).toEqual([])
  expect(p.parts.median).toBe(0)
  await expect(profile((a: any) => a, [x], { rounds: 0 })).rejects.toMatchObject({
    code: 'input',
    message: 'profile: expected a whole number of rounds from 1 on, got 0',
  })
  await expect(profile((a: any) => matmul(a, ones([4, 4]) as any), [ones([2, 3])], { rounds })).rejects.toMatchObject({
    code: 'shape',
  })
})
