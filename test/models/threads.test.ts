import { afterAll, expect, test } from 'vitest'
import { flatten } from '../../compiler/trace/tree.js'
import { destroyDevice, getDevice, tensor } from '../../index.js'
import { initClip } from '../../models/clip/params.js'
import { trainStep } from '../../models/clip/step.js'
import { tinyConfig } from './tiny.js'

afterAll(async () => {
  delete process.env.FOVEA_THREADS
  await destroyDevice()
})

/** Every bit of parameters, optimiser state and losses after some steps with so many threads. */
async function trained(threads: number): Promise<number[][]> {
  await destroyDevice()
  process.env.FOVEA_THREADS = String(threads)
  expect((await getDevice()).info.description).toContain(`, ${threads} thread`)
  const config = tinyConfig({ vocabSize: 600, bosId: 598, eosId: 599, padId: 599, imageSize: 32, maxLength: 8 })
  const { step, init } = trainStep(config, { steps: 6, lr: 1e-3, warmup: 1, weightDecay: 0.1, muonLr: 0.02 })
  let params = await initClip(config, 1)
  let state = init(params)
  const losses = []
  for (let i = 0; i < 6; i++) {
    const pixels = Float32Array.from({ length: 16 * 3 * 32 * 32 }, (_, n) => Math.sin(n * 0.37 + i))
    const ids = Int32Array.from({ length: 16 * 8 }, (_, n) => (n % 8 === 7 ? 599 : (n * 31 + i) % 590))
    const batch: any = [
      tensor(pixels, [16, 3, 32, 32]),
      tensor(ids, [16, 8]),
      tensor(new Int32Array(16 * 8).fill(1), [16, 8]),
    ]
    const [p, s, loss] = await step(params, state, batch[0], batch[1], batch[2])
    ;[params, state] = [p, s]
    losses.push(loss)
  }
  const all = flatten([params, state, losses]).leaves
  return Promise.all(all.map(async (x) => [...new Uint8Array((await x.data()).buffer)]))
}

test.skipIf(process.env.FOVEA_DEVICE !== 'cpu')(
  'training has the same bits for 1, 2 and 4 threads, and again',
  async () => {
    const one = await trained(1)
    for (const threads of [2, 4, 4]) expect(await trained(threads)).toEqual(one)
  },
)
