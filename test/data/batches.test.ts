import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Batch, type BatchOptions, batches, type Captioned } from '../../stdlib/data/index.js'
import { limiter } from '../../stdlib/data/limit.js'
import { permutation } from '../../stdlib/data/shuffle.js'
import type { Rgb } from '../../stdlib/image/index.js'

let folder: string
let pairs: Captioned[]
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fovea-batches-'))
  pairs = await Promise.all(
    Array.from({ length: 11 }, async (_, i) => {
      const image = join(folder, `${i}.png`)
      await sharp({ create: { width: 4, height: 4, channels: 3, background: { r: i * 20, g: 0, b: 255 } } }).toFile(
        image,
      )
      return { image, caption: `picture ${i}` }
    }),
  )
})
afterAll(() => rm(folder, { recursive: true }))

const options: BatchOptions = { batchSize: 4, seed: 3, preprocessor: { do_resize: false, do_normalize: false } }

async function take(n: number, more: Partial<BatchOptions> = {}, from: readonly Captioned[] = pairs): Promise<Batch[]> {
  const taken: Batch[] = []
  for await (const batch of batches(from, { ...options, ...more })) {
    taken.push(batch)
    if (taken.length === n) break
  }
  return taken
}

describe('batches', () => {
  test('hold pictures and their captions', async () => {
    const [{ pixels, shape, captions, index, step, epoch }] = await take(1)
    expect([step, epoch]).toEqual([0, 0])
    expect(shape).toEqual([4, 3, 4, 4])
    index.forEach((i, n) => {
      expect(captions[n]).toBe(`picture ${i}`)
      expect(pixels[n * 48]).toBeCloseTo((i * 20) / 255, 6)
      expect([pixels[n * 48 + 16], pixels[n * 48 + 32]]).toEqual([0, 1])
    })
  })

  test('an epoch shows no picture twice, drops the rest, and has an order of its own', async () => {
    const all = await take(4)
    expect(all.map((b) => b.epoch)).toEqual([0, 0, 1, 1])
    const epochs = [0, 2].map((at) => [...all[at].index, ...all[at + 1].index])
    for (const epoch of epochs) expect(new Set(epoch).size).toBe(8)
    expect(epochs[0]).not.toEqual(epochs[1])
    expect(permutation(11, 3, 0)).not.toEqual(permutation(11, 4, 0))
    expect([...permutation(11, 3, 5)].sort((a, b) => a - b)).toEqual(Array.from({ length: 11 }, (_, i) => i))
  })

  test('a run that goes on sees what an unbroken one does, with or without the cache', async () => {
    const whole = await take(6, { cache: true })
    expect(await take(3, { startStep: 3, prefetch: 0 })).toEqual(whole.slice(3))
    expect(await take(6)).toEqual(whole)
  })

  test('augmentation differs by epoch, and goes on as it would have', async () => {
    const drawn = new Map<string, number[]>()
    const augment = (image: Rgb, random: () => number): Rgb => ({
      ...image,
      data: image.data.map(() => 255 * random()),
    })
    const whole = await take(6, { augment })
    for (const { index, epoch, pixels } of whole)
      index.forEach((i, n) => {
        drawn.set(`${epoch} ${i}`, [...pixels.subarray(n * 48, n * 48 + 48)])
      })
    expect(new Set([...drawn.values()].map(String)).size).toBe(24)
    expect(await take(2, { augment, startStep: 4, prefetch: 0 })).toEqual(whole.slice(4))
    expect((await take(1, { augment, seed: 4 }))[0].pixels).not.toEqual(whole[0].pixels)
    await expect(take(1, { augment, cache: true })).rejects.toThrow(/expected augment or cache, got both/)
  })

  test('the cache decodes each picture once', async () => {
    const copies = await Promise.all(
      pairs.slice(0, 4).map(async ({ image, caption }, i) => {
        const path = join(folder, `copy-${i}.png`)
        await sharp(image).toFile(path)
        return { image: path, caption }
      }),
    )
    const stream = batches(copies, { ...options, prefetch: 0, cache: true })
    const first = await stream.next()
    for (const { image } of copies) await rm(image)
    const second = await stream.next()
    await stream.return()
    const sorted = (r: typeof first): number[] => [...(r.value as Batch).index].sort()
    expect(sorted(second)).toEqual(sorted(first))
  })

  test('a picture that cannot be decoded fails when its batch is due, not before', async () => {
    const bad = join(folder, 'bad.png')
    await writeFile(bad, 'no picture')
    const order = permutation(11, 3, 0)
    const broken = pairs.map((pair, i) => (i === order[5] ? { ...pair, image: bad } : pair))
    const stream = batches(broken, options)
    await expect(stream.next()).resolves.toMatchObject({ value: { step: 0 } })
    await expect(stream.next()).rejects.toThrow(`cannot decode image ${bad}`)
    expect((await stream.next()).done).toBe(true)
  })

  test('leaving stops the prefetching', async () => {
    const unread = await take(1, { prefetch: 50 })
    expect(unread).toHaveLength(1)
    const stream = batches(pairs, { ...options, prefetch: 50 })
    await stream.next()
    const began = performance.now()
    await stream.return()
    expect(performance.now() - began).toBeLessThan(500)
    expect(await stream.next()).toEqual({ value: undefined, done: true })
  })

  test('bad options are refused', async () => {
    await expect(take(1, { batchSize: 12 })).rejects.toThrow(/got 11 and a batchSize of 12/)
    await expect(take(1, { batchSize: 0 })).rejects.toThrow(/batchSize must be a whole number of at least 1, got 0/)
    await expect(take(1, { startStep: -1 })).rejects.toThrow(/startStep/)
  })
})

test('a limiter runs so many at a time, in order', async () => {
  const limited = limiter(2)
  const begun: number[] = []
  let running = 0
  let most = 0
  const task = (i: number) => async () => {
    begun.push(i)
    most = Math.max(most, ++running)
    await new Promise((done) => setTimeout(done, 1))
    running--
    if (i === 1) throw new Error('one fails')
    return i
  }
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map((i) => limited(task(i))))
  expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
  expect(begun).toEqual([0, 1, 2, 3, 4])
  expect(most).toBe(2)
})
