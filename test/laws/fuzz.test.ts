import { afterAll, expect, test, vi } from 'vitest'
import { compile } from '../../compiler/compile.js'
import { destroyDevice, getDevice } from '../../runtime/device.js'
import { type Check, onDevice } from '../../stdlib/testing/fuzz/checks.js'
import { checksWithoutDevice, type FuzzOptions, fuzz, showFinding } from '../../stdlib/testing/fuzz/fuzz.js'
import { target } from '../golden/target.js'

afterAll(destroyDevice)
vi.setConfig({ testTimeout: 300_000 })

const clean = async (options: FuzzOptions): Promise<void> => {
  const { finding } = await fuzz(options)
  if (finding) expect.fail(showFinding(finding))
}

test('random programs keep the laws in the reference interpreter', () => clean({ seed: 1, count: 40 }))

test('compiled, they give what the reference interpreter gives', async () => {
  await clean({ seed: 1_000, count: 25, checks: onDevice(await getDevice()) })
})

test('they compile for a GPU', () => {
  const compiles: Check = {
    name: 'compile',
    run: async ({ fn }) => {
      compile(fn, target, { verify: true })
      return undefined
    },
  }
  return clean({ seed: 2_000, count: 80, checks: [compiles] })
})

test('a seed is a program, and the seed of a run is that of its first', async () => {
  const seen: string[] = []
  const note: Check = {
    name: 'note',
    run: async ({ fn }) => {
      seen.push(JSON.stringify(fn))
      return undefined
    },
  }
  await fuzz({ seed: 7, count: 3, checks: [note] })
  await fuzz({ seed: 9, count: 1, checks: [note] })
  expect(seen[3]).toBe(seen[2])
  expect(new Set(seen).size).toBe(3)
  expect(checksWithoutDevice.length).toBeGreaterThan(5)
})
