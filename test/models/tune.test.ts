import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { flatten } from '../../compiler/trace/tree.js'
import { destroyDevice, jit, type Tensor, tensor } from '../../index.js'
import { loadClip } from '../../models/clip/checkpoint.js'
import { clipLoss } from '../../models/clip/model.js'
import { type ClipParams, initClip } from '../../models/clip/params.js'
import { type Freeze, type Pixels, type Tokens, trainStep } from '../../models/clip/step.js'
import { trainClip } from '../../models/clip/train.js'
import { readSafetensors } from '../../stdlib/checkpoint/index.js'
import { drawShapes } from '../../stdlib/data/index.js'
import { contents, tinyConfig, tinyRun } from './tiny.js'

let root: string
let data: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-tune-'))
  data = join(root, 'data')
  await drawShapes(data, { count: 12, seed: 1 })
})
afterAll(async () => {
  await destroyDevice()
  await rm(root, { recursive: true })
})

const files = ['model.safetensors', 'optimizer.safetensors', 'training.json', join('ema', 'model.safetensors')]
const saved = (run: string): Promise<string[]> =>
  Promise.all(files.map((name) => readFile(join(run, 'checkpoint', name), 'latin1')))

test('a run in parts, with a frozen tower, rates by layer and a mean, is resumed to the same bytes', async () => {
  const run = {
    ...tinyRun,
    data,
    steps: 3,
    warmup: 0,
    accumulate: 2,
    freeze: 'image',
    layerDecay: 0.5,
    ema: 0.5,
  } as const
  const whole = join(root, 'whole')
  const { clip } = await trainClip({ ...run, out: whole })
  const broken = join(root, 'broken')
  const stop = new AbortController()
  const { step } = await trainClip({ ...run, out: broken, signal: stop.signal, onStart: () => stop.abort() })
  expect(step).toBe(1)
  await expect(trainClip({ ...tinyRun, data, out: broken, resume: true, freeze: 'text' })).rejects.toThrow(
    'with freeze text: it was started with image',
  )
  await trainClip({ ...tinyRun, data, out: broken, resume: true })
  const [again, first] = [await saved(broken), await saved(whole)]
  expect(files.filter((_, i) => again[i] !== first[i])).toEqual([])

  const start = await initClip(clip.config, tinyRun.seed)
  const mean = (await loadClip(join(whole, 'checkpoint', 'ema'))).params
  const [before, after, average] = [start, clip.params, mean].map((p) => flatten(p))
  const values = async (x: Tensor<any, any>): Promise<number[]> => [...((await x.data()) as Float32Array)]
  for (const [i, name] of before.paths.entries()) {
    const [a, b, m] = await Promise.all([before, after, average].map(({ leaves }) => values(leaves[i])))
    if (/^vision_model|^visual_projection/.test(name)) expect([b, m]).toEqual([a, a])
    else if (name !== 'logit_scale' && !name.endsWith('k_proj.bias')) {
      expect(b, name).not.toEqual(a)
      expect(m, name).not.toEqual(b)
    }
  }
  const kept = [...(await readSafetensors(join(whole, 'checkpoint', 'optimizer.safetensors'))).keys()]
  expect(kept.filter((name) => name.includes('vision_model'))).toEqual([])
  expect(Object.keys(await contents(join(whole, 'checkpoint', 'ema')))).toContain('config.json')
})

test('a frozen tower costs no gradient and no update', async () => {
  const config = tinyConfig({ vocabSize: 600, bosId: 598, eosId: 599, padId: 599, imageSize: 32, maxLength: 8 })
  const batch = [
    tensor(new Float32Array(4 * 3 * 32 * 32).fill(0.5), [4, 3, 32, 32]),
    tensor(new Int32Array(4 * 8).fill(599), [4, 8]),
    tensor(new Int32Array(4 * 8).fill(1), [4, 8]),
  ] as unknown as [Pixels, Tokens, Tokens]
  const start = await initClip(config, 1)
  const dispatches = async (freeze: Freeze): Promise<number> => {
    const { step, split, init } = trainStep(config, {
      steps: 4,
      lr: 1e-3,
      warmup: 1,
      weightDecay: 0.1,
      muonLr: 0,
      freeze,
    })
    const [trained, held] = split(start)
    return (await step.program(trained, init(trained), ...batch, held)).dispatches.length
  }
  const [none, image, text] = [await dispatches('none'), await dispatches('image'), await dispatches('text')]
  const loss = jit((p: ClipParams, ...pairs: typeof batch) => clipLoss(p, config, ...pairs))
  const forward = (await loss.program(start, ...batch)).dispatches.length
  // Each of the two is forward whole, back and updated in one tower only; the loss's own way back is in all three.
  expect(Math.abs(image + text - none - forward)).toBeLessThanOrEqual(8)
})

test('options of tuning that can not be used are named', async () => {
  const fails = (options: object, message: string): Promise<void> =>
    expect(trainClip({ ...tinyRun, data, out: join(root, 'never'), steps: 2, ...options })).rejects.toThrow(message)
  await fails({ accumulate: 3 }, 'expected accumulate to be a divisor of the batch of 4 pairs, got 3')
  await fails({ freeze: 'both' }, "expected freeze to be 'none', 'image' or 'text', got both")
  await fails({ layerDecay: 0 }, 'expected layerDecay to be above 0 and at most 1, got 0')
  await fails({ ema: 1 }, 'expected ema to be at least 0 and below 1, got 1')
})
