import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { hostArray } from '../../runtime/array.js'
import { destroyDevice, getDevice } from '../../runtime/device.js'
import { inspect } from '../../runtime/doctor.js'
import { load } from '../../runtime/executable.js'
import { inPlace, pointwise } from './programs.js'

const wanted = process.env.FOVEA_DEVICE
afterEach(async () => {
  if (wanted === undefined) delete process.env.FOVEA_DEVICE
  else process.env.FOVEA_DEVICE = wanted
  await destroyDevice()
})

const ones = (n: number) => hostArray(new Float32Array(n).fill(1), [n], 'f32')

test('a kernel that does not compile names ops, scope, line and the place in the WGSL', async () => {
  const device = await getDevice()
  const err = await load(device, pointwise('2.0 * nothing[i]', 4)).catch((e) => e)
  expect(err).toMatchObject({ code: 'kernel', loc: { file: 'user.ts', line: 7 } })
  expect(err.message).toContain("kernel 'pointwise' (ops mul, add in model/head)")
  expect(err.message).toContain("unresolved value 'nothing'")
  expect(err.message).toMatch(/>\s+8 \| {3}y\[i\] = 2\.0 \* nothing\[i\];/)
  expect(err.message).toContain('user.ts:7:3')
  await load(device, pointwise('x[i]', 4)) // the device is still good
})

test('a lost device rejects pending and later calls; then a new one opens', async () => {
  const device = await getDevice()
  const double = await load(device, pointwise('2.0 * x[i]', 4))
  const x = ones(4)
  const [y] = await double.run([x])
  const pending = y.read()
  device.gpu.destroy()
  await expect(pending).rejects.toMatchObject({ code: 'device-lost', message: expect.stringContaining('destroyed') })
  await expect(y.read()).rejects.toMatchObject({ code: 'device-lost' })
  await expect(double.run([x])).rejects.toMatchObject({ code: 'device-lost' })

  const next = await getDevice()
  expect(next).not.toBe(device)
  const again = await load(next, pointwise('2.0 * x[i]', 4))
  const [z] = await again.run([x]) // x is on the host still
  expect([...(await z.read())]).toEqual([2, 2, 2, 2])
  await expect(again.run([y])).rejects.toMatchObject({ code: 'device-lost' })
})

test('a donated input is given back when the call fails', async () => {
  const device = await getDevice()
  const step = await load(device, inPlace(2))
  const x = ones(2)
  device.gpu.destroy()
  await device.gpu.lost
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

test.skipIf(process.platform !== 'linux')(
  'memory that runs out is an error with sizes, and the device goes on',
  // Now and then it is the driver's own small allocation that fails, and the child process ends with it.
  { retry: 2 },
  async () => {
    // The address space is bounded, so that the software driver runs out soon.
    const script = `
    const { execFileSync } = await import('node:child_process')
    const { readFileSync } = await import('node:fs')
    const { getDevice, destroyDevice } = await import('./runtime/device.ts')
    const { pool, stats } = await getDevice()
    const pages = Number(readFileSync('/proc/self/statm', 'utf8').split(' ')[0])
    execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + (pages * 4096 + 3 * 2 ** 29)])
    const held = []
    let reclaimed = 0
    pool.onShortage(() => reclaimed++)
    try { while (held.length < 8) held.push(...await pool.acquire([2 ** 29])) }
    catch (err) { console.log(JSON.stringify({ code: err.code, message: err.message, held: held.length, stats, reclaimed })) }
    pool.release(held.pop())
    await pool.acquire([2 ** 29])
    await destroyDevice()`
    process.env.FOVEA_DEVICE = 'swiftshader'
    const stdout = await node(script)
    const { code, message, held, stats, reclaimed } = JSON.parse(stdout)
    expect(code).toBe('out-of-memory')
    expect(message).toMatch(/asked for 512\.0 MiB in 1 arrays, with .* in use and .* allocated\. Free arrays/)
    expect(held).toBeGreaterThan(0)
    expect(stats.bytesInUse).toBe(held * 2 ** 29)
    expect(reclaimed).toBe(1)
  },
)

test('a call that the device refuses is an error of the next one', async () => {
  const device = await getDevice()
  const double = await load(
    device,
    pointwise('2.0 * x[i]', 4, { dispatches: [{ ...pointwise('', 4).dispatches[0], workgroups: [2 ** 20, 1, 1] }] }),
  )
  const [y] = await double.run([ones(4)])
  await expect(y.read()).rejects.toMatchObject({ code: 'device', message: expect.stringContaining('1048576') })
})

test('FOVEA_DEVICE that names no device', async () => {
  process.env.FOVEA_DEVICE = 'nonsense'
  await expect(getDevice()).rejects.toMatchObject({
    code: 'input',
    message: expect.stringContaining("expected gpu, lavapipe, swiftshader or nothing, got 'nonsense'"),
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
  expect(report.candidates.map((c) => c.name)).toEqual(['gpu', 'lavapipe', 'swiftshader'])
  expect(report.candidates.some((c) => c.found)).toBe(true)
  expect(report.chosen?.limits.maxStorageBuffersPerShaderStage).toBeGreaterThanOrEqual(8)
  expect(JSON.parse(JSON.stringify(report))).toEqual(report)
})

test('a script ends by itself, with or without closing the device', async () => {
  for (const close of ['', 'await destroyDevice()'])
    await node(`const { getDevice, destroyDevice } = await import('./runtime/device.ts'); await getDevice(); ${close}`)
})

/** What a script prints; it must be silent on stderr. */
async function node(script: string): Promise<string> {
  const args = ['--import', 'tsx', '--input-type=module', '-e', script]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 })
  expect(stderr).toBe('')
  return stdout
}
