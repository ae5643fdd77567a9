import { afterAll, describe, expect, test } from 'vitest'
import { destroyDevice } from '../../index.js'
import {
  classEmbeddings,
  embedImages,
  embedTexts,
  fewShot,
  type Labelled,
  linearProbe,
  loadClip,
  loadResNetClip,
  predict,
  sweepProbe,
} from '../../models/clip/index.js'
import { accuracy } from '../../stdlib/metrics/index.js'

afterAll(destroyDevice)

/** Three clusters on a circle, `spread` wide. */
function clusters(count: number, spread: number): Labelled {
  const labels = Array.from({ length: count }, (_, i) => i % 3)
  const data = Float32Array.from({ length: count * 2 }, (_, j) => {
    const i = j >> 1
    const angle = (labels[i] * 2 * Math.PI) / 3 + spread * Math.sin(i * 12.9898)
    return j % 2 ? Math.sin(angle) : Math.cos(angle)
  })
  return { count, width: 2, data, labels }
}

describe('linear probe', () => {
  test('separates what can be separated; a penalty shrinks the weights', async () => {
    const rows = clusters(60, 0.8)
    const free = await linearProbe(rows, { classes: 3, lambda: 1e-4 })
    expect(free.converged).toBe(true)
    expect(accuracy(predict(free, rows), rows.labels)).toBe(1)
    const held = await linearProbe(rows, { classes: 3, lambda: 1 })
    const size = (w: Float64Array): number => Math.hypot(...w)
    expect(size(held.weights)).toBeLessThan(size(free.weights) / 5)
    await expect(linearProbe({ ...rows, labels: [3] }, { classes: 3, lambda: 1 })).rejects.toThrow(
      'expected 60 labels of 0 … 2',
    )
  })
  test('at the minimum the gradient is zero', async () => {
    const rows: Labelled = { count: 4, width: 1, data: new Float32Array([-2, -1, 1, 3]), labels: [0, 0, 1, 1] }
    const { weights } = await linearProbe(rows, { classes: 2, lambda: 0.5 })
    const [w0, b0, w1, b1] = weights
    expect(w0).toBeCloseTo(-w1, 4)
    const p1 = (x: number): number => 1 / (1 + Math.exp(-((w1 - w0) * x + b1 - b0)))
    const slope = [-2, -1, 1, 3].reduce((sum, x, i) => sum + (p1(x) - rows.labels[i]) * x, 0) / 4 + 0.5 * w1
    expect(slope).toBeCloseTo(0, 3)
  })
  test('the sweep keeps the strongest of the best penalties; few shots are drawn by class', async () => {
    const rows = clusters(30, 0.3)
    const { probe, accuracies } = await sweepProbe(rows, rows, 3, [1e-3, 1e-2])
    expect([...accuracies.values()]).toEqual([1, 1])
    expect(probe.lambda).toBe(1e-2)
    const few = fewShot(rows, 3, 2, 1)
    expect([...Array.from(few.labels)]).toEqual([0, 0, 1, 1, 2, 2])
    expect(() => fewShot(rows, 3, 11, 1)).toThrow('class 0 has 10 rows, fewer than 11')
  })
})

describe('embeddings', () => {
  test('pictures and texts of either kind of model, unit length, in batches', async () => {
    const folder = 'test/models/fixtures/clip-vit'
    const images = ['coffee.png', 'camera.png'].map((name) => `${folder}/${name}`)
    for (const model of [await loadClip(folder), await loadResNetClip('test/models/fixtures/clip-resnet')]) {
      const rows: Float32Array[] = []
      for await (const { embedding } of embedImages(model, images)) rows.push(embedding)
      expect(rows.map((row) => row.length)).toEqual([model.config.projection_dim, model.config.projection_dim])
      for (const row of rows) expect(Math.hypot(...row)).toBeCloseTo(1, 5)
      const texts = await embedTexts(
        model,
        Array.from({ length: 70 }, (_, i) => `number ${i}`),
      )
      expect(texts.data.length).toBe(70 * model.config.projection_dim)
      expect(Math.hypot(...texts.data.subarray(69 * texts.width))).toBeCloseTo(1, 5)
    }
  })
  test('a class is the mean of its prompts', async () => {
    const model = await loadClip('test/models/fixtures/clip-vit')
    const { data, width } = await embedTexts(model, ['a cat', 'the cat'])
    const mean = Float64Array.from({ length: width }, (_, i) => data[i] + data[width + i])
    const length = Math.hypot(...mean)
    const classes = await classEmbeddings(model, ['cat'], ['a {}', 'the {}'])
    classes.data.forEach((x, i) => {
      expect(x).toBeCloseTo(mean[i] / length, 5)
    })
  })
})
