import type * as fs from 'node:fs/promises'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { destroyDevice, getDevice, tensor } from '../../index.js'
import { loadClip } from '../../models/clip/checkpoint.js'
import { classify } from '../../models/clip/classify.js'
import { evaluateShapes } from '../../models/clip/evaluate.js'
import { initClip } from '../../models/clip/params.js'
import { type Pixels, type Tokens, trainStep } from '../../models/clip/step.js'
import { trainClip } from '../../models/clip/train.js'
import { drawShapes } from '../../stdlib/data/index.js'
import { contents, tinyConfig, tinyRun } from './tiny.js'

/** Files whose writing finds the disk full. */
const full = new Set<string>()
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>()
  const writeFile = (async (file: string, ...rest: [string]) => {
    if ([...full].some((name) => String(file).endsWith(name)))
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    return real.writeFile(file, ...rest)
  }) as typeof real.writeFile
  return { ...real, writeFile }
})

let root: string
let data: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-train-'))
  data = join(root, 'data')
  await drawShapes(data, { count: 30, seed: 1 })
})
afterAll(async () => {
  await destroyDevice()
  await rm(root, { recursive: true })
})

const metrics = async (run: string): Promise<{ step: number; loss: number; lr: number; images_per_s: number }[]> =>
  (await readFile(join(run, 'metrics.jsonl'), 'utf8'))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))

describe('a run', () => {
  const steps = 26
  let whole: string
  beforeAll(async () => {
    whole = join(root, 'whole')
    const { step } = await trainClip({ ...tinyRun, data, out: whole, steps })
    expect(step).toBe(steps)
  })

  test('leaves a checkpoint, metrics and a curve', async () => {
    expect(Object.keys(await contents(join(whole, 'checkpoint')))).toEqual([
      'config.json',
      'merges.txt',
      'model.safetensors',
      'optimizer.safetensors',
      'preprocessor_config.json',
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'training.json',
      'vocab.json',
    ])
    const records = await metrics(whole)
    expect(records.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, i) => i + 1))
    // Two steps of warm-up (a tenth of all) to 2e-3.
    expect(records.slice(0, 2).map(({ lr }) => lr)).toEqual([1e-3, 2e-3].map(Math.fround))
    for (const { loss, images_per_s } of records) expect(loss > 0 && images_per_s > 0).toBe(true)
    expect((await readFile(join(whole, 'loss.png'))).subarray(1, 4).toString()).toBe('PNG')
  })

  test('that crashed, was interrupted and was resumed ends with the same bytes', async () => {
    const out = join(root, 'broken')
    const crash = (record: { step: number }): void => {
      if (record.step === 16) throw new Error('crash')
    }
    const run = { ...tinyRun, data, out }
    await expect(trainClip({ ...run, steps, saveEvery: 5, onStep: crash })).rejects.toThrow('crash')
    // Saved at 15; the losses up to 20 were read together.
    expect((await metrics(out)).length).toBe(20)

    const stop = new AbortController()
    const stopped = await trainClip({
      ...run,
      resume: true,
      saveEvery: 50,
      signal: stop.signal,
      onStart({ step }) {
        expect(step).toBe(15)
        stop.abort()
      },
    })
    expect(stopped.step).toBe(16)
    expect(JSON.parse(await readFile(join(out, 'checkpoint', 'training.json'), 'utf8')).step).toBe(16)

    await trainClip({ ...run, resume: true })
    expect(await contents(join(out, 'checkpoint'))).toEqual(await contents(join(whole, 'checkpoint')))
    const losses = async (folder: string): Promise<number[][]> =>
      (await metrics(folder)).map(({ step, loss, lr }) => [step, loss, lr])
    expect(await losses(out)).toEqual(await losses(whole))
  })

  test('can start from a checkpoint', async () => {
    const from = join(whole, 'checkpoint')
    const { clip } = await trainClip({
      ...tinyRun,
      data,
      out: join(root, 'tuned'),
      from,
      steps: 2,
      lr: 1e-6,
      muonLr: 1e-6,
    })
    expect(clip.config).toEqual((await loadClip(from)).config)
    const [before, after] = await Promise.all(
      [(await loadClip(from)).params, clip.params].map((p) => p.visual_projection.weight.data()),
    )
    expect(after).not.toEqual(before)
    for (const [i, x] of after.entries()) expect(x).toBeCloseTo(before[i], 5)
  })

  test('classifies, and is measured', async () => {
    const model = await loadClip(join(whole, 'checkpoint'))
    const images = [1, 2, 3].map((i) => join(data, 'images', `00000${i}.png`))
    const labels = ['a red circle', 'a blue square']
    const results = []
    for await (const result of classify(model, images, labels)) results.push(result)
    expect(results.map(({ image }) => image)).toEqual(images)
    for (const { label, probabilities } of results) {
      expect(Object.keys(probabilities)).toEqual(labels)
      expect(probabilities[labels[0]] + probabilities[labels[1]]).toBeCloseTo(1, 5)
      expect(probabilities[label]).toBe(Math.max(...Object.values(probabilities)))
    }
    const { accuracy, ...counts } = await evaluateShapes(model, data)
    expect(counts).toEqual({ images: 30, classes: 24 })
    expect(accuracy).toBeGreaterThan(0)
  })

  test('that is there already, or is not, or was another', async () => {
    const run = { ...tinyRun, data, out: whole }
    await expect(trainClip({ ...run, steps })).rejects.toThrow(/whole already holds a run \(step 26 of 26\): resume it/)
    await expect(trainClip({ ...run, resume: true, lr: 1 })).rejects.toThrow(/with lr 1: it was started with 0\.002/)
    await expect(trainClip({ ...run, resume: true, out: join(root, 'none') })).rejects.toThrow(
      /nothing to resume: .*none/,
    )
    const other = join(root, 'other')
    await drawShapes(other, { count: 30, seed: 2 })
    await expect(trainClip({ ...run, resume: true, data: other })).rejects.toThrow(
      /the captions in .*other are not those/,
    )
  })
})

test('a step is one submit of so many dispatches', async () => {
  const config = tinyConfig({ vocabSize: 600, bosId: 598, eosId: 599, padId: 599, imageSize: 32, maxLength: 8 })
  const { step, init } = trainStep(config, { steps: 4, lr: 1e-3, warmup: 1, weightDecay: 0.1, muonLr: 0.02 })
  const batch = [
    tensor(new Float32Array(4 * 3 * 32 * 32).fill(0.5), [4, 3, 32, 32]),
    tensor(new Int32Array(4 * 8).fill(599), [4, 8]),
    tensor(new Int32Array(4 * 8).fill(1), [4, 8]),
  ] as unknown as [Pixels, Tokens, Tokens]
  const params = await initClip(config, 1)
  const { dispatches } = await step.program(params, init(params), ...batch)
  // Two layers a tower: forward, backward, Muon for matrices and AdamW for the rest. A CPU's kernels bind more arrays.
  expect(dispatches.length).toBe((await getDevice()).info.kind === 'cpu' ? 266 : 284)
  let [p, state] = await step(params, init(params), ...batch)
  const { stats } = await getDevice()
  for (let i = 0; i < 3; i++) {
    const before = { ...stats }
    ;[p, state] = await step(p, state, ...batch)
    expect(stats.submits - before.submits).toBe(1)
    expect(stats.dispatches - before.dispatches).toBe(dispatches.length)
  }
})

test('memory does not grow over 500 steps', async () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const { stats } = await getDevice()
  const samples: { allocated: number; used: number; rss: number }[] = []
  await trainClip({
    ...tinyRun,
    data,
    out: join(root, 'long'),
    steps: 500,
    saveEvery: 96,
    onStep({ step }) {
      // A save is due, and waits for this: nothing is under way.
      if (step % 96 !== 0) return
      gc()
      samples.push({ allocated: stats.bytesAllocated, used: stats.bytesInUse, rss: process.memoryUsage().rss })
    },
  })
  expect(samples.length).toBe(5)
  // The first collection frees what the start left behind.
  const [, first, ...later] = samples
  for (const { allocated, used } of later) {
    expect(used).toBe(first.used)
    expect(allocated).toBe(first.allocated)
  }
  expect(later[2].rss - first.rss).toBeLessThan(48 * 2 ** 20)
})

describe('nothing is lost', () => {
  const savedStep = async (out: string): Promise<number> =>
    JSON.parse(await readFile(join(out, 'checkpoint', 'training.json'), 'utf8')).step

  test('when the loss is no number', async () => {
    const out = join(root, 'diverging')
    const run = trainClip({ ...tinyRun, data, out, steps: 4, warmup: 0, lr: 1e30, saveEvery: 1 })
    await expect(run).rejects.toMatchObject({
      code: 'diverged',
      message: expect.stringMatching(/the loss of step \d is NaN \(learning rate .*\)\. The checkpoint saved before/),
    })
    expect(await savedStep(out)).toBeGreaterThan(0)
    await loadClip(join(out, 'checkpoint'))
  })

  test('when the disk is full', async () => {
    const out = join(root, 'full')
    const onStep = ({ step }: { step: number }): void => {
      if (step === 4) full.add('training.json')
    }
    const run = trainClip({ ...tinyRun, data, out, steps: 9, saveEvery: 2, onStep })
    await expect(run).rejects.toMatchObject({
      code: 'save',
      message: expect.stringMatching(
        /cannot save .*full.checkpoint .*no space left on the disk.*untouched.*Free some space/,
      ),
    })
    full.clear()
    expect(await savedStep(out)).toBe(2)
    await trainClip({ ...tinyRun, data, out, resume: true })
    expect(await savedStep(out)).toBe(9)
  })
})

test('data and options that can not be used are named', async () => {
  const run = { ...tinyRun, data, out: join(root, 'never') }
  const fails = (options: object, message: RegExp): Promise<void> =>
    expect(trainClip({ ...run, steps: 2, ...options })).rejects.toThrow(message)
  await fails({ steps: 0 }, /expected steps to be a whole number of at least 1, got 0/)
  await fails({ lr: -1 }, /expected lr to be a number above 0, got -1/)
  await fails({ warmup: 2 }, /expected warmup to be less than the 2 steps, got 2/)
  await fails({ batchSize: 31 }, /at least as many pairs as a batch holds, got 30 and a batchSize of 31/)
  const bad = join(root, 'bad')
  await cp(data, bad, { recursive: true })
  await writeFile(join(bad, 'images', '000007.png'), 'no picture')
  await fails({ data: bad, steps: 7 }, /cannot decode image .*000007\.png: .*; replace the file, or leave it out/)
})
