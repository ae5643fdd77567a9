import { afterEach, describe, expect, test as vitest } from 'vitest'
import { type ArrayStorage, hostArray } from '../../runtime/array.js'
import { type CpuDevice, openCpu } from '../../runtime/cpu/device.js'
import { findFeatures } from '../../runtime/cpu/features.js'
import { findCpu } from '../../runtime/cpu/find.js'
import type { Host, Thread } from '../../runtime/cpu/host.js'
import { host } from '../../runtime/cpu/node.js'
import type { Block } from '../../runtime/device.js'
import { load } from '../../runtime/executable.js'
import { node } from './child.js'
import { endless, type Handmade, linear, slow, sum, trap, update } from './kernels.js'
import { double, inPlace, pointwise, program } from './programs.js'

const test = vitest.skipIf(process.env.FOVEA_DEVICE !== 'cpu')
const features = await findFeatures()
let opened: CpuDevice | undefined
let workers: Thread[] = []
/** Threads that can be got hold of. */
const watched: Host = {
  ...host,
  start(...args) {
    const thread = host.start(...args)
    workers.push(thread)
    return thread
  },
}
async function open(threads: number, shared = true): Promise<CpuDevice> {
  workers = []
  opened = await openCpu({ host: watched, features: { ...features, shared }, threads }, () => {})
  return opened
}
afterEach(async () => {
  await opened?.destroy()
})

const f32 = (...values: number[]): ArrayStorage => hostArray(Float32Array.from(values), [values.length], 'f32')
const modes = [
  { name: '1 thread', threads: 1, shared: true },
  { name: '2 threads', threads: 2, shared: true },
  { name: '7 threads', threads: 7, shared: true },
  { name: 'memory that is not shared', threads: 1, shared: false },
]

describe.each(modes)('$name', ({ threads, shared }) => {
  test('a program of many small dispatches, called many times', async () => {
    const n = 300
    const device = await open(threads, shared)
    const { target } = device
    // Rows, dispatches of several chunks, some that may overlap, and a slot that is used again.
    const steps: (readonly [Handmade, ...number[]])[] = [
      [linear(2, 1), 0, 2],
      [linear(3, 0), 0, 3],
      [sum, 2, 3, 4],
      [update, 4],
      [linear(0.5, 0), 4, 5],
      [sum, 5, 1, 6],
      [linear(1, 2), 6, 3],
      [sum, 3, 6, 7],
      [update, 7],
      [update, 7],
    ]
    const bytes = 4 * n
    const chain = program(target, n, steps, {
      buffers: [
        { kind: 'input', index: 0, bytes },
        { kind: 'input', index: 1, bytes },
        ...[0, 1, 2, 3, 0].map((slot) => ({ kind: 'temp', slot, bytes }) as const),
        { kind: 'output', index: 0, bytes },
      ],
      outputs: [{ shape: [n], dtype: 'f32', buffer: 7, donated: false }],
    })
    const grains = [400, 400, 400, 400, 50, 7, 400, 1, 299, 150]
    const run = await load(device, {
      ...chain,
      dispatches: chain.dispatches.map((x, i) => ({ ...x, grain: grains[i] })),
    })
    const [f, b] = [Math.fround, f32(...Array.from({ length: n }, (_, i) => i))]
    const want = (x: number, i: number): number => {
      const six = f(0.5 * f(2 * f(f(2 * x + 1) + f(3 * x)) + 1)) + i
      const seven = f(six + 2) + six
      return 2 * (2 * seven + 1) + 1
    }
    const results: ArrayStorage[] = []
    for (let call = 0; call < 200; call++) {
      const [y] = await run.run([f32(...Array.from({ length: n }, (_, i) => i % (call + 1))), b])
      results.push(y)
    }
    for (const [call, y] of results.entries())
      expect([...(await y.read())], `call ${call}`).toEqual(
        Array.from({ length: n }, (_, i) => f(want(i % (call + 1), i))),
      )
  })

  test('a program that is timed gives the same, and notes each dispatch', async () => {
    const n = 300
    const device = await open(threads, shared)
    const chain = inPlace(device.target, n)
    const x = f32(...Array.from({ length: n }, (_, i) => i))
    const [want] = await (await load(device, chain)).run([x.alias()])
    const timed = await load(device, chain, true)
    expect(await timed.times()).toEqual([])
    for (let call = 0; call < 5; call++) {
      const began = performance.now()
      const [y] = await timed.run([x.alias()])
      const times = await timed.times()
      const took = performance.now() - began
      expect(await y.read()).toEqual(await want.read())
      expect(times.map((t) => t.runs)).toEqual(chain.dispatches.map(() => 1))
      for (const { ms, begin } of times) {
        expect(ms).toBeGreaterThanOrEqual(0)
        expect(begin + ms).toBeLessThanOrEqual(took)
      }
    }
  })

  test('calls that nobody waits for keep their order, and reads see what came before them', async () => {
    const device = await open(threads, shared)
    const { target } = device
    const step = await load(device, inPlace(target, 70))
    let [x] = await step.run([f32(...new Array(70).fill(0))])
    const reads: Promise<unknown>[] = []
    for (let i = 2; i < 24; i++) {
      reads.push(x.read().then((values) => expect(new Set(values)).toEqual(new Set([2 ** (i - 1) - 1]))))
      ;[x] = await step.run([x])
    }
    await Promise.all(reads)
    expect((await x.read())[69]).toBe(2 ** 23 - 1)
  })

  test('donated memory that others hold is copied first, at any size', async () => {
    const device = await open(threads, shared)
    const { target } = device
    for (const n of [1, 3, 1000]) {
      const step = await load(device, inPlace(target, n))
      const [x] = await step.run([f32(...new Array(n).fill(1))])
      const other = x.alias()
      const [y] = await step.run([x])
      expect(new Set(await other.read())).toEqual(new Set([3]))
      expect(new Set(await y.read())).toEqual(new Set([7]))
    }
  })

  test('a kernel that fails is an error of the calls under way, with its name', async () => {
    const device = await open(threads, shared)
    const { target } = device
    const good = await load(device, double(target, 4))
    const bad = await load(device, pointwise(target, trap, 4))
    await bad.run([f32(0, 1, 2, 4)])
    const [y] = await bad.run([f32(0, 1, 2, 3)])
    const reason = {
      code: 'device-lost',
      message: expect.stringContaining("kernel 'trap' (ops mul, add in model/head) failed: RuntimeError: unreachable"),
    }
    await expect(y.read()).rejects.toMatchObject(reason)
    await expect(good.run([f32(1, 2, 3, 4)])).rejects.toMatchObject(reason)
  })

  test('loops of small kernels and of kernels that are shared, one in another', async () => {
    const n = 300
    const device = await open(threads, shared)
    const bytes = 4 * n
    // x ← 2x + 1 twice in each of three turns; y ← x + y after each.
    const nested = program(
      device.target,
      n,
      [
        [update, 0],
        [update, 0],
        [sum, 0, 1, 2],
        [linear(1, 0), 2, 1],
      ],
      {
        buffers: [
          { kind: 'input', index: 0, bytes },
          { kind: 'input', index: 1, bytes },
          { kind: 'temp', slot: 0, bytes },
        ],
        outputs: [0, 1].map((buffer) => ({ shape: [n], dtype: 'f32', buffer, donated: true })),
        steps: [{ kind: 'loop', count: 3, body: [{ kind: 'loop', count: 2, body: [0] }, 2, 3] }],
      },
    )
    const start = Array.from({ length: n }, (_, i) => i % 5)
    for (const grains of [
      [400, 400, 400, 400],
      [1, 50, 7, 299],
      [64, 1, 400, 400],
      [400, 1, 3, 1],
    ]) {
      const dispatches = nested.dispatches.map((d, i) => ({ ...d, grain: grains[i] }))
      const run = await load(device, { ...nested, dispatches })
      for (let call = 0; call < 30; call++) {
        const [x, y] = await run.run([f32(...start), f32(...start)])
        let [a, b] = [start, start]
        for (let turn = 0; turn < 3; turn++) {
          a = a.map((v) => 2 * (2 * v + 1) + 1)
          b = b.map((v, i) => v + a[i])
        }
        expect([...(await x.read())]).toEqual(a)
        expect([...(await y.read())]).toEqual(b)
      }
    }
  })

  test('a kernel that traps in a loop fails the call, and names itself', async () => {
    const device = await open(threads, shared)
    const bytes = 16
    const bad = program(
      device.target,
      4,
      [
        [trap, 0, 1],
        [update, 0],
      ],
      {
        buffers: [
          { kind: 'input', index: 0, bytes },
          { kind: 'output', index: 0, bytes },
        ],
        outputs: [{ shape: [4], dtype: 'f32', buffer: 1, donated: false }],
        steps: [{ kind: 'loop', count: 1000, body: [0, 1] }],
      },
    )
    const run = await load(device, bad)
    // 0, 1, 3: in the third turn.
    const [y] = await run.run([f32(0, 0, 0, 0)])
    await expect(y.read()).rejects.toMatchObject({
      code: 'device-lost',
      message: expect.stringContaining("kernel 'trap' (ops mul, add in model/head) failed: RuntimeError: unreachable"),
    })
  })

  test('a thread that dies is an error of the calls under way', async () => {
    const device = await open(threads, shared)
    const { target } = device
    const run = await load(device, pointwise(target, endless, 4))
    const [y] = await run.run([f32(1, 2, 3, 4)])
    const read = y.read()
    setTimeout(() => workers[threads - 1].end(), 20)
    await expect(read).rejects.toMatchObject({
      code: 'device-lost',
      message: expect.stringContaining('a thread ended with status'),
    })
  })

  test('a module that the engine refuses names its kernel', async () => {
    const device = await open(threads, shared)
    const { target } = device
    const broken = { ...linear(1, 0), wasm: { ...linear(1, 0).wasm, code: [0x6a] } }
    await expect(load(device, pointwise(target, broken, 4))).rejects.toMatchObject({
      code: 'kernel',
      message: expect.stringContaining("kernel 'linear' (ops mul, add in model/head) did not compile"),
    })
  })
})

test('at most three calls are unfinished, and uploads do not wait for them', async () => {
  const device = await open(2)
  const { target } = device
  const run = await load(device, pointwise(target, slow(200_000), 64))
  const results: ArrayStorage[] = []
  let most = 0
  for (let i = 0; i < 12; i++) {
    const x = f32(...new Array(64).fill(i))
    results.push((await run.run([x]))[0])
    x.dispose()
    most = Math.max(most, device.engine.calls.submitted - device.engine.calls.completed)
  }
  expect(most).toBe(3)
  for (const [i, y] of results.entries()) expect(new Set(await y.read())).toEqual(new Set([i + 1]))
})

test('memory that runs out is an error with sizes, and the device goes on', async () => {
  const { pool, stats } = await open(1)
  const held: Block[] = []
  let reclaimed = 0
  pool.onShortage(() => reclaimed++)
  const all = async () => {
    for (;;) held.push(...(await pool.acquire([2 ** 29])))
  }
  await expect(all()).rejects.toMatchObject({
    code: 'out-of-memory',
    message: expect.stringMatching(
      /^out of memory: asked for 512\.0 MiB in 1 arrays, with 3\.5 GiB in use and 3\.\d GiB allocated\. Free arrays .*ends at 4\.0 GiB\)$/,
    ),
  })
  expect([held.length, reclaimed]).toEqual([7, 1])
  expect(stats.bytesInUse).toBeGreaterThanOrEqual(7 * 2 ** 29)
  pool.release(held.pop()!)
  await pool.acquire([2 ** 29 - 64])
  // What is left beside them is still to be had.
  await pool.acquire([2 ** 28])
  await expect(pool.acquire([2 ** 32])).rejects.toThrow(/one array needs 4\.0 GiB, this device holds at most 4\.0 GiB/)
})

test('a program of a GPU is refused', async () => {
  const device = await open(1)
  const { target } = device
  await expect(load(device, double({ ...target, class: 'gpu' }, 4))).rejects.toMatchObject({
    code: 'input',
    message: expect.stringContaining("'linear' was compiled for a GPU"),
  })
})

test('a process ends by itself, after the calls under way', async () => {
  const script = `
    const { getDevice } = await import('./runtime/device.ts')
    const { load } = await import('./runtime/executable.ts')
    const { hostArray } = await import('./runtime/array.ts')
    const { pointwise } = await import('./test/device/programs.ts')
    const { slow } = await import('./test/device/kernels.ts')
    const device = await getDevice()
    const run = await load(device, pointwise(device.target, slow(1e6), 64))
    const [y] = await run.run([hostArray(new Float32Array(64), [64], 'f32')])
    y.read().then((values) => console.log(device.info.description.replace(/.*, /, ''), values[63]))`
  expect(await node(script, { FOVEA_DEVICE: 'cpu', FOVEA_THREADS: '3' })).toBe('3 threads 1\n')
})

test.each(['0', '2.5', 'all', '65'])('FOVEA_THREADS=%s is refused', async (threads) => {
  const before = process.env.FOVEA_THREADS
  process.env.FOVEA_THREADS = threads
  try {
    await expect(findCpu()).rejects.toMatchObject({
      code: 'input',
      message: expect.stringContaining(
        `FOVEA_THREADS: expected a whole number from 1 to 64, got '${threads}'; unset it to use`,
      ),
    })
  } finally {
    if (before === undefined) delete process.env.FOVEA_THREADS
    else process.env.FOVEA_THREADS = before
  }
})
