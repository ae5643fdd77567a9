import type { Browser, Page as Tab } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RefArray } from '../../compiler/ops/op.js'
import { assertClose } from '../../stdlib/testing/index.js'
import { reference } from '../../stdlib/testing/reference.js'
import { launch, noChromium } from './chromium.js'
import type { Page } from './page.js'
import { choices, scoreArgs, scoreGrads, step, stepArgs, steps } from './programs.js'
import { type Site, serve } from './serve.js'

/** A page over http from another host than localhost is not secure: no WebGPU, no shared memory. */
const insecureHost = 'plain.test'

/** The reference's results, of arguments that are made there too. */
const ofReference = async (f: (...args: any[]) => unknown, makeArgs: () => readonly unknown[]) => {
  const args = (await reference(makeArgs, [])).run([])
  return { args, run: (await reference(f, makeArgs())).run }
}

async function expectedValues(): Promise<RefArray[]> {
  const all = await ofReference((x, w, y) => [choices(x, w), scoreGrads(x, w, y)], scoreArgs)
  return all.run(all.args)
}

async function expectedTraining(): Promise<{ losses: number[]; params: RefArray[] }> {
  const { args, run } = await ofReference(step, stepArgs)
  const data = args.slice(-2)
  let state = args.slice(0, -2)
  const losses = []
  for (let i = 0; i < steps; i++) {
    const results = run([...state, ...data])
    losses.push(results.pop()!.data[0])
    state = results
  }
  return { losses, params: state.slice(0, 4) }
}

describe.skipIf(noChromium)(`in Chromium${noChromium ? `: ${noChromium}` : ''}`, () => {
  let site: Site
  let browser: Browser
  beforeAll(async () => {
    site = await serve()
    browser = await launch([insecureHost])
  })
  afterAll(async () => {
    await Promise.all([browser?.close(), site?.close()])
  })

  const pages = [
    {
      name: 'with a GPU',
      host: 'localhost',
      path: '/plain/',
      // SwiftShader's adapter says that it is a GPU's.
      script: () => {
        Object.defineProperty(GPUAdapterInfo.prototype, 'architecture', { get: () => '' })
        Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', { get: () => false })
      },
      device: { isolated: false, webgpu: true, kind: 'hardware', backend: 'browser' },
    },
    {
      name: 'isolated, with three cores and a GPU in software',
      host: 'localhost',
      path: '/isolated/',
      script: () => Object.defineProperty(navigator, 'hardwareConcurrency', { get: () => 3 }),
      device: { isolated: true, webgpu: true, kind: 'cpu', description: 'CPU, 3 threads' },
    },
    {
      name: 'that is not secure, so has neither WebGPU nor shared memory',
      host: insecureHost,
      path: '/plain/',
      script: () => {},
      device: { isolated: false, webgpu: false, kind: 'cpu', description: 'CPU, 1 thread' },
    },
  ]
  /** By kind of device, for each page. */
  const results = new Map<string, number[][][]>()
  describe.each(pages)('a page $name', ({ host, path, script, device }) => {
    let tab: Tab
    const complaints: string[] = []
    beforeAll(async () => {
      tab = await browser.newPage()
      tab.on('pageerror', (err) => complaints.push(String(err)))
      tab.on('console', (message) => complaints.push(message.text()))
      await tab.addInitScript(script)
      await tab.goto(`http://${host}:${site.port}${path}`)
    })
    afterAll(() => tab?.close())
    const call = <K extends keyof Page>(name: K) => tab.evaluate<Awaited<ReturnType<Page[K]>>>(`page.${name}()`)

    test('chooses its device', async () => {
      expect(await call('device')).toMatchObject(device)
    })

    test('runs a jitted function and its gradient as the reference does', async () => {
      const [got, want] = await Promise.all([call('values'), expectedValues()])
      for (const [i, x] of want.entries()) await assertClose(Float32Array.from(got[i]), x)
      results.set(device.kind, [...(results.get(device.kind) ?? []), got])
    })

    test('trains', async () => {
      const [got, want] = await Promise.all([call('train'), expectedTraining()])
      await assertClose(got.losses, want.losses, { rtol: 1e-4 })
      for (const [i, x] of want.params.entries())
        await assertClose(Float32Array.from(got.params[i]), x, { atol: 1e-4, rtol: 1e-3 })
    })

    // A GPU's work is done elsewhere in any case.
    test.runIf(device.kind === 'cpu')('answers while a program runs', async () => {
      expect(await call('ticksWhileBusy')).toBeGreaterThan(10)
    })

    test('closes its device, with nothing on the console', async () => {
      await call('close')
      expect(complaints).toEqual([])
    })
  })

  test('three threads give the same bits as one', () => {
    const [three, one] = results.get('cpu')!
    expect(three).toEqual(one)
  })
})
