import { afterEach, expect, test } from 'vitest'
import { hostArray } from '../../runtime/array.js'
import type { CpuDevice } from '../../runtime/cpu/device.js'
import { type Device, destroyDevice, getDevice } from '../../runtime/device.js'
import { inspect } from '../../runtime/doctor.js'
import { load } from '../../runtime/executable.js'
import type { WebgpuDevice } from '../../runtime/webgpu/device.js'
import { node } from './child.js'
import { double, inPlace } from './programs.js'

const wanted = process.env.FOVEA_DEVICE
afterEach(async () => {
  if (wanted === undefined) delete process.env.FOVEA_DEVICE
  else process.env.FOVEA_DEVICE = wanted
  await destroyDevice()
})

const ones = (n: number) => hostArray(new Float32Array(n).fill(1), [n], 'f32')

/** Takes the ground away under a device. */
const lose = (device: Device): unknown =>
  device.target.class === 'cpu' ? (device as CpuDevice).engine.end() : (device as WebgpuDevice).gpu.destroy()

test('a lost device rejects pending and later calls; then a new one opens', async () => {
  const device = await getDevice()
  const run = await load(device, double(device.target, 4))
  const x = ones(4)
  const [y] = await run.run([x])
  const pending = y.read()
  lose(device)
  await expect(pending).rejects.toMatchObject({
    code: 'device-lost',
    message: expect.stringMatching(
      /^the device was lost: .*(destroyed|a thread ended).* a later call opens a device anew$/,
    ),
  })
  await expect(y.read()).rejects.toMatchObject({ code: 'device-lost' })
  await expect(run.run([x])).rejects.toMatchObject({ code: 'device-lost' })

  const next = await getDevice()
  expect(next).not.toBe(device)
  const again = await load(next, double(next.target, 4))
  const [z] = await again.run([x]) // x is on the host still
  expect([...(await z.read())]).toEqual([2, 2, 2, 2])
  await expect(again.run([y])).rejects.toMatchObject({ code: 'device-lost' })
})

test('a destroyed device ends its calls, and later calls say so; then a new one opens', async () => {
  const device = await getDevice()
  const run = await load(device, double(device.target, 4))
  await run.run([ones(4)])
  await destroyDevice()
  await expect(run.run([ones(4)])).rejects.toMatchObject({
    code: 'device-lost',
    message: expect.stringContaining('was destroyed'),
  })

  const next = await getDevice()
  expect(next).not.toBe(device)
  const [z] = await (await load(next, double(next.target, 4))).run([ones(4)])
  expect([...(await z.read())]).toEqual([2, 2, 2, 2])
})

test('a donated input is given back when the call fails', async () => {
  const device = await getDevice()
  const step = await load(device, inPlace(device.target, 2))
  const x = ones(2)
  lose(device)
  while (!device.failure.lost()) await new Promise((resolve) => setTimeout(resolve, 1))
  await expect(step.run([x])).rejects.toMatchObject({ code: 'device-lost' })
  expect(x.disposed).toBe(false)
  expect([...(await x.read())]).toEqual([1, 1])
})

test('disposed arrays say so', async () => {
  const x = ones(2)
  x.dispose()
  x.dispose()
  await expect(x.read()).rejects.toMatchObject({
    code: 'disposed',
    message: expect.stringContaining('f32[2] was disposed'),
  })
})

test('an absurd array is refused with sizes', async () => {
  const { pool } = await getDevice()
  await expect(pool.acquire([2 ** 45])).rejects.toMatchObject({
    code: 'out-of-memory',
    message: expect.stringMatching(/one array needs 32\.0 TiB, this device holds at most .* in one array/),
  })
})

test('FOVEA_DEVICE that names no device', async () => {
  process.env.FOVEA_DEVICE = 'nonsense'
  await expect(getDevice()).rejects.toMatchObject({
    code: 'input',
    message: expect.stringContaining("expected gpu, cpu, lavapipe, swiftshader or nothing, got 'nonsense'"),
  })
})

test('a device that the machine lacks says what was looked for and what to install', async () => {
  const { candidates } = await inspect()
  for (const { name, found } of candidates) {
    if (found) continue
    process.env.FOVEA_DEVICE = name
    await expect(getDevice()).rejects.toMatchObject({
      code: 'no-adapter',
      message: expect.stringMatching(/Looked for:\n.*\nOne of these helps:\n/s),
    })
  }
})

test('the doctor tells every candidate, what is chosen and its limits', async () => {
  const report = await inspect()
  expect(report.candidates.map((c) => c.name)).toEqual(['gpu', 'cpu', 'lavapipe', 'swiftshader'])
  expect(report.candidates.some((c) => c.name === 'cpu' && c.found)).toBe(true)
  expect(report.chosen?.limits.maxStorageBuffersPerShaderStage).toBeGreaterThanOrEqual(8)
  expect(JSON.parse(JSON.stringify(report))).toEqual(report)
})

test('a script ends by itself, with or without closing the device', async () => {
  for (const close of ['', 'await destroyDevice()'])
    await node(`const { getDevice, destroyDevice } = await import('./runtime/device.ts'); await getDevice(); ${close}`)
})
