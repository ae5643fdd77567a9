import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, describe, expect, test } from 'vitest'
import { destroyDevice, mul, tensor } from '../../index.js'
import { imageEncoder } from '../../models/clip/embed.js'
import { embedTexts, loadClip, loadResNetClip, saliency } from '../../models/clip/index.js'
import type { Probe } from '../../models/parts/probe.js'
import { decodeImage, overlay, preprocess } from '../../stdlib/image/index.js'
import { fovea } from './run-cli.js'

afterAll(destroyDevice)
const folder = 'test/models/fixtures/clip-vit'
const picture = `${folder}/coffee.png`

describe('saliency', () => {
  for (const [kind, open] of [
    ['ViT', () => loadClip(folder)],
    ['ResNet', () => loadResNetClip('test/models/fixtures/clip-resnet')],
  ] as const)
    test(`${kind}: a grid from 0 to 1, and the similarity that the embeddings have`, async () => {
      const model = await open()
      const image = await decodeImage(picture)
      const { rows, columns, values, similarity } = await saliency(model, image, 'a cup of coffee')
      const side =
        kind === 'ViT' ? model.config.vision_config.image_size / (model.config.vision_config as any).patch_size : 2
      expect([rows, columns]).toEqual([side, side])
      expect(values.every((v) => v >= 0 && v <= 1)).toBe(true)
      const { data, shape } = preprocess([image], model.preprocessor)
      const embedding = await (imageEncoder(model)(tensor(data, shape) as any) as any).data()
      const text = await embedTexts(model, ['a cup of coffee'])
      const dot = text.data.reduce((sum, v, i) => sum + v * embedding[i], 0)
      expect(similarity).toBeCloseTo(dot, 5)
    })

  test('a patch counts as much as growing its state raises the similarity', async () => {
    const model = await loadClip(folder)
    const image = await decodeImage(picture)
    const { values } = await saliency(model, image, 'a cup of coffee')
    const text = await embedTexts(model, ['a cup of coffee'])
    const { data, shape } = preprocess([image], model.preprocessor)
    /** The similarity with the state of one patch a little larger. */
    const grown = async (patch: number, by: number): Promise<number> => {
      const tokens = values.length + 1
      const factor = Float32Array.from({ length: tokens }, (_, i) => (i === patch + 1 ? 1 + by : 1))
      const probe: Probe = (name, x) =>
        name === 'layer_norm1' ? (mul(x, tensor(factor, [tokens, 1]) as any) as any) : x
      const embedding = await (imageEncoder(model, probe)(tensor(data, shape) as any) as any).data()
      return text.data.reduce((sum, v, i) => sum + v * embedding[i], 0)
    }
    const slope = async (patch: number): Promise<number> =>
      ((await grown(patch, 0.01)) - (await grown(patch, -0.01))) / 0.02
    const ranked = [...values.keys()].sort((i, j) => values[j] - values[i])
    const [first, second] = ranked
    expect(values[second]).toBeGreaterThan(0)
    expect((await slope(second)) / (await slope(first))).toBeCloseTo(values[second], 2)
    const none = ranked.find((i) => values[i] === 0)
    if (none !== undefined) expect(await slope(none)).toBeLessThan(1e-4)
  })
})

test('an overlay is half picture, half colour, between the centres of cells', () => {
  const grey = { width: 4, height: 1, data: new Uint8Array(12).fill(100) }
  const { data } = overlay(grey, { rows: 1, columns: 2, values: [0, 1] })
  expect([...data.subarray(0, 3)]).toEqual([50, 50, 116]) // cold
  expect([...data.subarray(9, 12)]).toEqual([114, 50, 50]) // hot
  expect(data[4]).toBeGreaterThan(data[1])
})

test('fovea saliency writes a picture', async () => {
  const out = await mkdtemp(join(tmpdir(), 'saliency-'))
  const file = join(out, 'seen.png')
  const { status } = await fovea('saliency', '--model', folder, '--text', 'coffee', '--out', file, picture)
  expect(status).toBe(0)
  expect(await sharp(await readFile(file)).metadata()).toMatchObject({ format: 'png', width: 448, height: 448 })
  await rm(out, { recursive: true })
})
