import { afterAll, expect, test } from 'vitest'
import { flatten } from '../../compiler/trace/tree.js'
import { destroyDevice, getDevice, jit, ones, type Tensor, tensor, valueAndGrad } from '../../index.js'
import {
  type ClipParams,
  clipLoss,
  embeddedLoss,
  embedPairs,
  loadClip,
  type PairBatch,
} from '../../models/clip/index.js'
import { accumulatedGrad } from '../../stdlib/optim/index.js'

afterAll(destroyDevice)

/** Pairs that all differ, with texts of several lengths. */
function pairs(count: number, size: number, length: number, vocabulary: number): PairBatch {
  const pixels = Float32Array.from({ length: count * 3 * size * size }, (_, i) => Math.sin(i * 0.37 + (i % 89)))
  const ends = Array.from({ length: count }, (_, row) => 3 + (row % (length - 3)))
  const at = (f: (row: number, t: number) => number): Int32Array =>
    Int32Array.from({ length: count * length }, (_, i) => f(Math.floor(i / length), i % length))
  const ids = at((row, t) => (t < ends[row] ? 1 + ((row * 7 + t * 11) % (vocabulary - 3)) : vocabulary - 1))
  const mask = at((row, t) => (t <= ends[row] ? 1 : 0))
  const shape = [count, length]
  return {
    pixels: tensor(pixels, [count, 3, size, size]),
    ids: tensor(ids, shape),
    mask: tensor(mask, shape),
  } as unknown as PairBatch
}

test('parts give the gradient of the whole batch, every parameter', async () => {
  const { config, params } = await loadClip('test/models/fixtures/clip-vit')
  const { image_size } = config.vision_config
  const batch = pairs(6, image_size, 8, config.text_config.eos_token_id + 1)
  const whole = jit((p: ClipParams, b: PairBatch) =>
    valueAndGrad((q: ClipParams) => clipLoss(q, config, b.pixels, b.ids, b.mask))(p),
  )
  const [wantLoss, want] = await whole(params, batch)
  const expected = await Promise.all(flatten(want).leaves.map((x) => x.data()))
  // Biases of keys have no gradient but rounding: softmax sees no shift.
  const noise = 1e-7 * Math.max(...expected.map((x) => Math.max(...(x as Float32Array).map(Math.abs))))
  const parts = 3
  const inParts = jit((p: ClipParams, b: PairBatch) =>
    accumulatedGrad((q: ClipParams, part: PairBatch) => embedPairs(q, config, part), embeddedLoss, parts)(p, b),
  )
  const { submits } = (await getDevice()).stats
  const [loss, grads] = await inParts(params, batch)
  expect((await getDevice()).stats.submits - submits).toBe(1)
  expect(Math.abs((await loss.item()) - (await wantLoss.item()))).toBeLessThan(1e-6)
  const { leaves, paths } = flatten(grads)
  expect(paths).toEqual(flatten(params).paths)
  for (const [i, leaf] of leaves.entries()) {
    const [got, reference] = [(await leaf.data()) as Float32Array, expected[i] as Float32Array]
    const largest = Math.max(...reference.map(Math.abs))
    for (const [k, x] of reference.entries())
      if (!(Math.abs(got[k] - x) <= 1e-5 * largest + noise))
        expect.fail(`${paths[i]}[${k}] in ${parts} parts: ${got[k]}, expected ${x} (largest ${largest})`)
  }
})

test('parts that do not divide a batch', () => {
  const loss = (_: unknown, y: Tensor<any, 'f32'>): Tensor<[], 'f32'> => y as Tensor<[], 'f32'>
  const embed = (w: Tensor<any, 'f32'>): Tensor<any, 'f32'> => w
  expect(() => accumulatedGrad(embed, loss, 0)).toThrow('expected a whole number of parts, got 0')
  expect(() => accumulatedGrad(embed, loss, 3)(ones([1]), ones([4, 2]))).toThrow(
    'accumulatedGrad: expected leading dims that 3 parts divide, got [4, 2]',
  )
})
