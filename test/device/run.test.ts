import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ArrayStorage, hostArray } from '../../runtime/array.js'
import { type Device, destroyDevice, getDevice } from '../../runtime/device.js'
import { load } from '../../runtime/executable.js'
import { accumulate, linear, not, sum } from './kernels.js'
import { double, inPlace, pointwise, program } from './programs.js'

let device: Device
beforeAll(async () => {
  device = await getDevice()
})
afterAll(destroyDevice)

const f32 = (...values: number[]): ArrayStorage => hostArray(Float32Array.from(values), [values.length], 'f32')

test('runs y = 2x + 1 with one submit and one dispatch', async () => {
  const run = await load(device, pointwise(device.target, linear(2, 1), 5))
  const { submits, dispatches } = device.stats
  const [y] = await run.run([f32(0, 1, 2, 3, -4)])
  expect(device.stats.submits - submits).toBe(1)
  expect(device.stats.dispatches - dispatches).toBe(1)
  expect([...(await y.read())]).toEqual([1, 3, 5, 7, -7])
  expect(y).toMatchObject({ shape: [5], dtype: 'f32', disposed: false })
})

test('chains dispatches through scratch slots in one submit', async () => {
  const n = 4
  const tenfold = linear(10, 0)
  const steps = [
    [tenfold, 0, 2],
    [sum, 1, 2, 3],
    [tenfold, 3, 4],
    [sum, 4, 1, 5],
  ] as const
  const chain = program(device.target, n, steps, {
    buffers: [
      { kind: 'input', index: 0, bytes: 4 * n },
      { kind: 'input', index: 1, bytes: 4 * n },
      { kind: 'temp', slot: 0, bytes: 4 * n },
      { kind: 'temp', slot: 1, bytes: 4 * n },
      { kind: 'temp', slot: 0, bytes: 4 * n },
      { kind: 'output', index: 0, bytes: 4 * n },
    ],
    outputs: [{ shape: [n], dtype: 'f32', buffer: 5, donated: false }],
  })
  const run = await load(device, chain)
  const { submits } = device.stats
  const [y] = await run.run([f32(1, 1, 2, 2), f32(1, 2, 3, 4)])
  expect(device.stats.submits - submits).toBe(1)
  expect([...(await y.read())]).toEqual([111, 122, 233, 244])
})

test('a donated input moves into the output', async () => {
  const step = await load(device, inPlace(device.target, 3))
  const x = f32(1, 2, 3)
  const [y] = await step.run([x])
  const { bytesInUse } = device.stats
  const [z] = await step.run([y])
  expect(device.stats.bytesInUse).toBe(bytesInUse)
  expect([...(await z.read())]).toEqual([7, 11, 15])
  expect(x.disposed && y.disposed).toBe(true)
  await expect(y.read()).rejects.toMatchObject({
    code: 'disposed',
    message: expect.stringContaining("donated to 'step'"),
  })
  await expect(step.run([y])).rejects.toMatchObject({ code: 'disposed' })
})

test('donated memory that another array shares is copied first', async () => {
  const step = await load(device, inPlace(device.target, 2))
  const [x] = await step.run([f32(0, 1)])
  const other = x.alias()
  const [y] = await step.run([x])
  expect([...(await other.read())]).toEqual([1, 3])
  expect([...(await y.read())]).toEqual([3, 7])
})

test('an array given twice, once donated, is read as it was', async () => {
  const add = program(device.target, 2, [[accumulate, 1, 0]], {
    buffers: [
      { kind: 'input', index: 0, bytes: 8 },
      { kind: 'input', index: 1, bytes: 8 },
    ],
    outputs: [{ shape: [2], dtype: 'f32', buffer: 0, donated: true }],
  })
  const x = f32(1, 2)
  const [y] = await (await load(device, add)).run([x, x])
  expect([...(await y.read())]).toEqual([2, 4])
  expect(x.disposed).toBe(true)
})

test('a read begun before a donation sees the old values', async () => {
  const step = await load(device, inPlace(device.target, 2))
  const [x] = await step.run([f32(0, 1)])
  const before = x.read()
  const after = step.run([x]).then(([y]) => y.read())
  expect([...(await before)]).toEqual([1, 3])
  expect([...(await after)]).toEqual([3, 7])
})

test('inputs pass through without work, and live on when the input is disposed', async () => {
  const identity = program(device.target, 2, [], {
    outputs: [{ shape: [2, 1], dtype: 'f32', buffer: 0, donated: false }],
    buffers: [{ kind: 'input', index: 0, bytes: 8 }],
  })
  const run = await load(device, identity)
  const { submits } = device.stats
  const x = f32(5, 6)
  const [y] = await run.run([x])
  x.dispose()
  expect(device.stats.submits).toBe(submits)
  expect(y.shape).toEqual([2, 1])
  expect([...(await y.read())]).toEqual([5, 6])
})

test('bool arrays are u32 on the device and bytes on the host', async () => {
  const negate = pointwise(device.target, not, 3)
  const run = await load(device, { ...negate, outputs: [{ ...negate.outputs[0], dtype: 'bool' }] })
  const [y] = await run.run([hostArray(Uint8Array.of(1, 0, 1), [3], 'bool')])
  expect(await y.read()).toEqual(Uint8Array.of(0, 1, 0))
})

test('memory is reused: 500 calls take no more than the first few', async () => {
  const run = await load(device, pointwise(device.target, linear(2, 1), 1000))
  const step = await load(device, inPlace(device.target, 1000))
  let state = hostArray(new Float32Array(1000), [1000], 'f32')
  let settled = 0
  for (let i = 0; i < 500; i++) {
    const x = hostArray(new Float32Array(1000), [1000], 'f32')
    const [y] = await run.run([x])
    ;[state] = await step.run([state])
    x.dispose()
    y.dispose()
    if (i === 5) settled = device.stats.bytesAllocated
  }
  expect(device.stats.bytesAllocated).toBe(settled)
})

test('arrays that nobody can reach give their memory back', async () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const run = await load(device, double(device.target, 5000))
  const x = f32(...Array(5000).fill(1))
  await run.run([x])
  const { bytesInUse } = device.stats
  for (let i = 0; i < 20; i++) await run.run([x])
  for (let i = 0; i < 10 && device.stats.bytesInUse > bytesInUse; i++) {
    gc()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(device.stats.bytesInUse).toBeLessThanOrEqual(bytesInUse)
})

test('large arrays go up in parts', async () => {
  const n = 9 * 2 ** 20
  const data = new Float32Array(n).map((_, i) => i)
  const step = await load(device, {
    ...inPlace(device.target, 1),
    buffers: [{ kind: 'input', index: 0, bytes: 4 * n }],
    outputs: [{ shape: [n], dtype: 'f32', buffer: 0, donated: true }],
  })
  const [y] = await step.run([hostArray(data, [n], 'f32')])
  const back = await y.read()
  data[0] = 1
  expect(Buffer.compare(Buffer.from(back.buffer), Buffer.from(data.buffer))).toBe(0)
  y.dispose()
})

test('calls made without waiting keep their order', async () => {
  const step = await load(device, inPlace(device.target, 1))
  const twice = await load(device, double(device.target, 1))
  const x = f32(1)
  await twice.run([x]) // uploads x
  const calls = [twice.run([x]), step.run([x])]
  const [[before], [after]] = await Promise.all(calls)
  expect([(await before.read())[0], (await after.read())[0]]).toEqual([2, 3])
})

test('a disposed executable frees its memory after the calls under way', async () => {
  const n = 1000
  const addOne = linear(1, 1)
  const steps = [
    [addOne, 0, 1],
    [addOne, 1, 2],
  ] as const
  const twoSteps = program(device.target, n, steps, {
    buffers: [
      { kind: 'input', index: 0, bytes: 4 * n },
      { kind: 'temp', slot: 0, bytes: 4 * n },
      { kind: 'output', index: 0, bytes: 4 * n },
    ],
    outputs: [{ shape: [n], dtype: 'f32', buffer: 2, donated: false }],
  })
  const { bytesInUse } = device.stats
  const run = await load(device, twoSteps)
  const call = run.run([hostArray(new Float32Array(n), [n], 'f32')])
  run.dispose()
  const [y] = await call
  expect((await y.read())[n - 1]).toBe(2)
  y.dispose()
  await expect(run.run([f32(1)])).rejects.toMatchObject({ code: 'disposed' })
  await device.inTurn(async () => {})
  expect(device.stats.bytesInUse).toBeLessThanOrEqual(bytesInUse + 4096) // x, until it is collected
})

test('empty arrays run and read', async () => {
  const run = await load(device, { ...double(device.target, 0), dispatches: [] })
  const [y] = await run.run([f32()])
  expect(await y.read()).toEqual(new Float32Array(0))
})

test('inputs that do not fit are refused', async () => {
  const run = await load(device, double(device.target, 4))
  await expect(run.run([])).rejects.toThrow(/takes 1 arrays, got 0/)
  await expect(run.run([f32(1)])).rejects.toThrow(/expected 16 bytes, got f32\[1\], 4 bytes/)
})
