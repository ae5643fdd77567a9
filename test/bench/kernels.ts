import { compile } from '../../compiler/compile.js'
import type { DType } from '../../compiler/ir/types.js'
import type { AnyTensor } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { inputTensor } from '../../compiler/trace/tensor.js'
import { vjp } from '../../compiler/transform/index.js'
import { type ArrayStorage, hostArray } from '../../runtime/array.js'
import { destroyDevice, getDevice } from '../../runtime/device.js'
import { load } from '../../runtime/executable.js'

/**
 * Speed of single kernels at the shapes of a small CLIP's training step: `npx tsx test/bench/kernels.ts [part of a name]`.
 * A time is the least of several rounds; on a software adapter it is CPU time over two cores, which a busy machine disturbs less.
 */
interface Case {
  readonly name: string
  readonly f: (...xs: AnyTensor[]) => AnyTensor[]
  readonly inputs: readonly { readonly shape: readonly number[]; readonly dtype?: DType; readonly high?: number }[]
  /** Floating-point operations; without them the bytes of inputs and outputs are counted. */
  readonly flops?: number
}

const f32 = (...shape: number[]) => ({ shape })
type Layout = 'NN' | 'NT' | 'TN'
const product = (layout: Layout, m: number, n: number, k: number, batch: number[] = []): Case => {
  const b = batch.length
  const dims = {
    lhsBatch: batch.map((_, i) => i),
    rhsBatch: batch.map((_, i) => i),
    lhsContract: [layout === 'TN' ? b : b + 1],
    rhsContract: [layout === 'NT' ? b + 1 : b],
  }
  return {
    name: `${layout} ${[...batch, ''].join('x')}${m},${n},${k}`,
    f: (x, y) => [p.dotGeneral(x, y, dims)],
    inputs: [
      f32(...batch, ...(layout === 'TN' ? [k, m] : [m, k])),
      f32(...batch, ...(layout === 'NT' ? [n, k] : [k, n])),
    ],
    flops: 2 * m * n * k * batch.reduce((x, y) => x * y, 1),
  }
}
/** Heads stay in place: [batch, length, heads, width]. */
const scores: Case = {
  name: 'scores 32x17x4x16',
  f: (q, k) => [p.dotGeneral(q, k, { lhsBatch: [0, 2], rhsBatch: [0, 2], lhsContract: [3], rhsContract: [3] })],
  inputs: [f32(32, 17, 4, 16), f32(32, 17, 4, 16)],
  flops: 2 * 128 * 17 * 17 * 16,
}
const weighted: Case = {
  name: 'weighted 32x4x17x17',
  f: (a, v) => [
    p.transpose(
      p.dotGeneral(a, v, { lhsBatch: [0, 1], rhsBatch: [0, 2], lhsContract: [3], rhsContract: [1] }),
      [0, 2, 1, 3],
    ),
  ],
  inputs: [f32(32, 4, 17, 17), f32(32, 17, 4, 16)],
  flops: 2 * 128 * 17 * 17 * 16,
}
const rows = (x: AnyTensor, y: AnyTensor): AnyTensor => p.broadcastInDim(y, x.aval.shape, [0])
const columns = (x: AnyTensor, y: AnyTensor): AnyTensor => p.broadcastInDim(y, x.aval.shape, [1])
const times = (x: AnyTensor, by: number): AnyTensor => p.mul(x, p.like(x, by))
const plus = (x: AnyTensor, by: number): AnyTensor => p.add(x, p.like(x, by))
const gelu = (x: AnyTensor): AnyTensor => p.mul(x, p.logistic(times(x, 1.702)))
const layerNorm = (x: AnyTensor, w: AnyTensor, b: AnyTensor): AnyTensor => {
  const n = x.aval.shape[1]
  const centred = p.sub(x, rows(x, times(p.reduceSum(x, [1]), 1 / n)))
  const variance = times(p.reduceSum(p.mul(centred, centred), [1]), 1 / n)
  return p.add(p.mul(p.mul(centred, rows(x, p.rsqrt(plus(variance, 1e-5)))), columns(x, w)), columns(x, b))
}
const dense = (x: AnyTensor, w: AnyTensor, b: AnyTensor): AnyTensor => {
  const y = p.dotGeneral(x, w, { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] })
  return p.add(y, columns(y, b))
}
const backward =
  (f: (...xs: AnyTensor[]) => AnyTensor) =>
  (ct: AnyTensor, ...xs: AnyTensor[]): AnyTensor[] =>
    vjp((...ys: AnyTensor[]) => f(...ys), ...xs)[1](ct) as unknown as AnyTensor[]
const adamw = (w: AnyTensor, g: AnyTensor, m: AnyTensor, v: AnyTensor): AnyTensor[] => {
  const m1 = p.add(times(m, 0.9), times(g, 0.1))
  const v1 = p.add(times(v, 0.98), times(p.mul(g, g), 0.02))
  const step = p.div(m1, plus(p.sqrt(v1), 1e-8))
  return [p.sub(w, times(p.add(step, times(w, 0.1)), 1e-3)), m1, v1]
}
const cases: Case[] = [
  ...(['NN', 'NT', 'TN'] as const).flatMap((layout) => [
    product(layout, 1088, 64, 64),
    product(layout, 1088, 256, 64),
    product(layout, 1088, 64, 256),
  ]),
  product('TN', 64, 64, 1088),
  product('TN', 256, 64, 1088),
  product('NN', 1, 1000, 1000),
  product('NT', 1, 1000, 1000),
  product('NN', 1000, 1, 1000),
  product('TN', 4, 4, 10_000),
  product('NT', 17, 17, 16, [128]),
  product('NN', 17, 16, 17, [128]),
  product('TN', 17, 16, 17, [128]),
  scores,
  weighted,
  {
    name: 'dense+gelu 1088,256,64',
    f: (x, w, b) => [gelu(dense(x, w, b))],
    inputs: [f32(1088, 64), f32(64, 256), f32(256)],
    flops: 2 * 1088 * 256 * 64,
  },
  {
    name: 'dense+add 1088,64,256',
    f: (x, w, b, r) => [p.add(r, dense(x, w, b))],
    inputs: [f32(1088, 256), f32(256, 64), f32(64), f32(1088, 64)],
    flops: 2 * 1088 * 256 * 64,
  },
  { name: 'add 1088x64', f: (x, y) => [p.add(x, y)], inputs: [f32(1088, 64), f32(1088, 64)] },
  { name: 'gelu 1088x256', f: (x, y) => [gelu(columns(x, y)), gelu(x)], inputs: [f32(1088, 256), f32(256)] },
  { name: 'transpose 1088x64', f: (x) => [p.transpose(x, [1, 0])], inputs: [f32(1088, 64)] },
  { name: 'adamw 70k', f: adamw, inputs: [f32(70_000), f32(70_000), f32(70_000), f32(70_000)] },
  { name: 'softmax 2176x17', f: (x) => [p.softmax(x, 1)], inputs: [f32(2176, 17)] },
  { name: 'softmax backward 2176x17', f: backward((x) => p.softmax(x, 1)), inputs: [f32(2176, 17), f32(2176, 17)] },
  { name: 'softmax 64x1024', f: (x) => [p.softmax(x, 1)], inputs: [f32(64, 1024)] },
  { name: 'layerNorm 1088x64', f: (x, w, b) => [layerNorm(x, w, b)], inputs: [f32(1088, 64), f32(64), f32(64)] },
  {
    name: 'layerNorm backward 1088x64',
    f: backward(layerNorm),
    inputs: [f32(1088, 64), f32(1088, 64), f32(64), f32(64)],
  },
  { name: 'column sum 1088x256', f: (x) => [p.reduceSum(x, [0])], inputs: [f32(1088, 256)] },
  { name: 'sum of squares 70k', f: (x) => [p.sumAll(p.mul(x, x))], inputs: [f32(70_000)] },
  {
    name: 'gather 512 of 600x64',
    f: (x, ids) => [p.gather(x, ids)],
    inputs: [f32(600, 64), { shape: [512], dtype: 'i32', high: 600 }],
  },
  {
    name: 'scatterAdd 512 to 600x64',
    f: (ids, x) => [p.scatterAdd(ids, x, 600)],
    inputs: [{ shape: [512], dtype: 'i32', high: 600 }, f32(512, 64)],
  },
]

const device = await getDevice()
const software = device.target.class === 'software'
console.log(`${device.info.kind} ${device.info.description}`)

for (const c of cases.filter(({ name }) => name.includes(process.argv[2] ?? ''))) {
  const traced = traceFn(
    (...xs: AnyTensor[]) => c.f(...xs),
    c.inputs.map(({ shape, dtype = 'f32' }) => inputTensor({ shape, dtype }, '')),
    'f',
  )
  const program = compile(traced.fn, device.target)
  const cpu = cpuMs()
  await (await load(device, program)).run(inputsOf(c))
  await idle()
  const compiled = cpuMs() - cpu
  let repeats = 1
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 6; round++) {
    const repeated = { ...program, dispatches: Array.from({ length: repeats }, () => program.dispatches).flat() }
    const ready = await load(device, repeated)
    const inputs = inputsOf(c)
    await ready.run(inputs)
    await idle()
    const [cpu0, wall0] = [cpuMs(), performance.now()]
    await ready.run(inputs)
    await idle()
    const ms = (software ? (cpuMs() - cpu0) / 2 : performance.now() - wall0) / repeats
    best = Math.min(best, ms)
    repeats = Math.max(1, Math.min(200, Math.round(30 / best)))
    ready.dispose()
  }
  const bytes = [...c.inputs.map(({ shape }) => shape), ...program.outputs.map(({ shape }) => shape)].reduce(
    (n, s) => n + 4 * s.reduce((x, y) => x * y, 1),
    0,
  )
  const speed = c.flops ? `${(c.flops / best / 1e6).toFixed(2)} GFLOP/s` : `${(bytes / best / 1e6).toFixed(2)} GB/s`
  console.log(
    `${c.name.padEnd(28)} ${(best * 1000).toFixed(0).padStart(7)} us  ${speed.padStart(14)}  compile ${compiled.toFixed(0).padStart(4)} ms  ${program.dispatches.length} dispatches`,
  )
}
await destroyDevice()

function inputsOf(c: Case): ArrayStorage[] {
  return c.inputs.map(({ shape, dtype = 'f32', high }) => {
    const n = shape.reduce((x, y) => x * y, 1)
    const value = (i: number): number => (high ? (i * 7919) % high : Math.sin(i * 12.9898))
    return hostArray(
      dtype === 'i32'
        ? Int32Array.from({ length: n }, (_, i) => value(i))
        : Float32Array.from({ length: n }, (_, i) => value(i)),
      shape,
      dtype,
    )
  })
}
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
function idle(): Promise<unknown> {
  return device.finished()
}
