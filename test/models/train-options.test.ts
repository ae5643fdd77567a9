import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { destroyDevice } from '../../index.js'
import { loadClip } from '../../models/clip/checkpoint.js'
import { type TrainOptions, trainClip } from '../../models/clip/train.js'
import { readSafetensors } from '../../stdlib/checkpoint/index.js'
import { drawShapes } from '../../stdlib/data/index.js'
import { tinyRun } from './tiny.js'

let root: string
let data: string
let evalData: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-train-options-'))
  data = join(root, 'data')
  evalData = join(root, 'eval')
  await drawShapes(data, { count: 12, seed: 1 })
  await drawShapes(evalData, { count: 8, seed: 2 })
})
afterAll(async () => {
  await destroyDevice()
  await rm(root, { recursive: true })
})
const records = async (run: string, name: string): Promise<any[]> =>
  (await readFile(join(run, name), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
const weights = (run: string, folder = 'checkpoint'): Promise<string> =>
  readFile(join(run, folder, 'model.safetensors'), 'latin1')

test('crops, flips and evaluations of a run that was stopped are those of an unbroken one', async () => {
  const run: Omit<TrainOptions, 'out'> = {
    ...tinyRun,
    data,
    evalData,
    steps: 4,
    evalEvery: 2,
    warmup: 0,
    cropScale: 0.5,
    flip: true,
  }
  const [whole, broken, plain] = ['whole', 'broken', 'plain'].map((name) => join(root, name))
  const seen: [number, boolean][] = []
  await trainClip({ ...run, out: whole, onEvaluation: ({ step }, best) => seen.push([step, best]) })
  expect(seen.map(([step]) => step)).toEqual([2, 4])
  expect(seen[0][1]).toBe(true)

  const stop = new AbortController()
  // After the third step: its evaluation has been, and is again.
  const onStep = ({ step }: { step: number }): void => (step === 2 ? stop.abort() : undefined)
  const { step } = await trainClip({ ...run, out: broken, signal: stop.signal, onStep })
  expect([2, 3]).toContain(step)
  await trainClip({ ...tinyRun, data, evalData, evalEvery: 2, out: broken, resume: true })
  expect(await weights(broken)).toBe(await weights(whole))
  expect(await records(broken, 'evaluations.jsonl')).toEqual(await records(whole, 'evaluations.jsonl'))
  const [{ step: _, ...recalls }] = await records(whole, 'evaluations.jsonl')
  expect(Object.keys(recalls).sort()).toEqual(
    [1, 5, 10].flatMap((k) => [`imageToText@${k}`, `textToImage@${k}`]).sort(),
  )

  const best = seen[1][1] ? 4 : 2
  expect((await weights(whole, 'best')) === (await weights(whole))).toBe(best === 4)
  await loadClip(join(whole, 'best'))

  await trainClip({ ...run, cropScale: 1, flip: false, evalData: undefined, out: plain })
  expect(await weights(plain)).not.toBe(await weights(whole))
  expect(existsSync(join(plain, 'evaluations.jsonl'))).toBe(false)
})

test('long gradients are scaled down, in a resumed run as in an unbroken one, and a bound above them changes nothing', async () => {
  const run = { ...tinyRun, data, steps: 3, warmup: 0, muonLr: 0 }
  const [free, above, below, broken] = ['free', 'above', 'below', 'cut'].map((name) => join(root, `norm-${name}`))
  await trainClip({ ...run, out: free })
  await trainClip({ ...run, out: above, clipGradNorm: 1e6 })
  await trainClip({ ...run, out: below, clipGradNorm: 1e-6 })
  expect(await weights(above)).toBe(await weights(free))
  expect(await weights(below)).not.toBe(await weights(free))
  // Squares of gradients of a norm of at most 1e-6 are no more than 1e-12 in all, whatever the step.
  const moments = await readSafetensors(join(below, 'checkpoint', 'optimizer.safetensors'))
  const squares = [...moments]
    .filter(([name]) => name.includes('.nu.'))
    .flatMap(([, { data }]) => [...(data as Float32Array)])
  expect(squares.some((x) => x > 0)).toBe(true)
  expect(squares.reduce((a, b) => a + b, 0)).toBeLessThan(1e-12)

  const stop = new AbortController()
  const cut = await trainClip({
    ...run,
    out: broken,
    clipGradNorm: 1e-6,
    signal: stop.signal,
    onStart: () => stop.abort(),
  })
  expect(cut.step).toBe(1)
  await trainClip({ ...tinyRun, muonLr: 0, data, out: broken, resume: true })
  expect(await weights(broken)).toBe(await weights(below))
})

test('mistakes', async () => {
  const run = { ...tinyRun, data, out: join(root, 'none'), steps: 2 }
  await expect(trainClip({ ...run, cropScale: 0 })).rejects.toThrow(
    'expected cropScale to be above 0 and at most 1, got 0',
  )
  await expect(trainClip({ ...run, evalData: join(root, 'nowhere'), evalEvery: 1 })).rejects.toThrow(
    'there is no such folder',
  )
  await expect(trainClip({ ...run, clipGradNorm: -1 })).rejects.toThrow(
    'expected clipGradNorm to be a number of at least 0, got -1',
  )
  await expect(trainClip({ ...run, evalData, evalEvery: 0 })).rejects.toThrow(
    'expected evalEvery to be at least 1, got 0',
  )
})
