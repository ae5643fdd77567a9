import { afterEach, expect, test as vitest } from 'vitest'
import { hostArray } from '../../runtime/array.js'
import { destroyDevice, getDevice } from '../../runtime/device.js'
import { load } from '../../runtime/executable.js'
import { node } from './child.js'
import { linear } from './kernels.js'
import { double, pointwise } from './programs.js'

const test = vitest.skipIf(process.env.FOVEA_DEVICE === 'cpu')
afterEach(destroyDevice)

test('a kernel that does not compile names ops, scope, line and the place in the WGSL', async () => {
  const device = await getDevice()
  const broken = { ...linear(2, 0), wgsl: 'b1[i] = 2.0 * nothing[i];' }
  const err = await load(device, pointwise(device.target, broken, 4)).catch((e) => e)
  expect(err).toMatchObject({ code: 'kernel', loc: { file: 'user.ts', line: 7 } })
  expect(err.message).toContain("kernel 'linear' (ops mul, add in model/head)")
  expect(err.message).toContain("unresolved value 'nothing'")
  expect(err.message).toMatch(/>\s+8 \| {3}b1\[i\] = 2\.0 \* nothing\[i\];/)
  expect(err.message).toContain('user.ts:7:3')
  await load(device, double(device.target, 4)) // the device is still good
})

test('a call that the device refuses is an error of the next one', async () => {
  const device = await getDevice()
  const small = double(device.target, 4)
  const run = await load(device, {
    ...small,
    dispatches: [{ ...small.dispatches[0], workgroups: [2 ** 20, 1, 1] }],
  })
  const [y] = await run.run([hostArray(new Float32Array(4), [4], 'f32')])
  await expect(y.read()).rejects.toMatchObject({ code: 'device', message: expect.stringContaining('1048576') })
})

vitest.skipIf(process.env.FOVEA_DEVICE !== 'swiftshader' || process.platform !== 'linux')(
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
    const stdout = await node(script)
    const { code, message, held, stats, reclaimed } = JSON.parse(stdout)
    expect(code).toBe('out-of-memory')
    expect(message).toMatch(/asked for 512\.0 MiB in 1 arrays, with .* in use and .* allocated\. Free arrays/)
    expect(held).toBeGreaterThan(0)
    expect(stats.bytesInUse).toBe(held * 2 ** 29)
    expect(reclaimed).toBe(1)
  },
)
