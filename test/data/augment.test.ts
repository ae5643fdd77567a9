import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { seededRandom } from '../../stdlib/data/index.js'
import { mulberry32 } from '../../stdlib/data/random.js'
import { flipHorizontal, type RandomResizedCropOptions, type Rgb, randomResizedCrop } from '../../stdlib/image/index.js'

const ramp = (width: number, height: number): Rgb => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 37 + (i >> 3) * 11) % 256),
})

interface Case extends Omit<RandomResizedCropOptions, 'random'> {
  readonly seed: number
  readonly image: [number, number]
  readonly size: { readonly height: number; readonly width: number }
  readonly hex: string
}

/**
 * torchvision 0.29.1's `RandomResizedCrop(size, scale, ratio, filter)` on `Image.fromarray(ramp(*image))`, with its draws
 * replaced by mulberry32(seed)'s u: `uniform_(a, b)` by float32(u * (b - a) + a), `randint(0, n)` by floor(u * n).
 */
test('the rectangles are those of torchvision', async () => {
  const cases: Case[] = JSON.parse(await readFile(new URL('pillow/random-resized-crop.json', import.meta.url), 'utf8'))
  const draws = new Set<number>()
  for (const { seed, image, size, hex, ...options } of cases) {
    const source = mulberry32(seed)
    let drawn = 0
    const random = (): number => {
      drawn++
      return source()
    }
    const { data } = randomResizedCrop(ramp(...image), size, { ...options, random })
    expect(Buffer.from(data).toString('hex'), `case ${seed}`).toBe(hex)
    draws.add(drawn)
  }
  // The first try, later ones, and none of ten.
  expect([...draws]).toEqual(expect.arrayContaining([4, 6, 20]))
})

test('the same numbers give the same picture', () => {
  const view = (...numbers: number[]) => randomResizedCrop(ramp(40, 30), 8, { random: seededRandom(...numbers) })
  expect(view(1, 2, 3)).toEqual(view(1, 2, 3))
  for (const other of [view(2, 2, 3), view(1, 3, 3), view(1, 2, 4), view(2, 1, 3)])
    expect(other.data).not.toEqual(view(1, 2, 3).data)
})

test('numbers of neighbouring streams are uniform and unlike', () => {
  const first = Array.from({ length: 4000 }, (_, i) => seededRandom(7, Math.floor(i / 100), i % 100)())
  expect(new Set(first).size).toBe(4000)
  // Means of 4000 stray by 0.0046, correlations by 0.016.
  const centred = first.map((x) => x - 0.5)
  expect(Math.abs(centred.reduce((a, b) => a + b) / 4000)).toBeLessThan(0.02)
  const along = centred.slice(1).reduce((sum, x, i) => sum + x * centred[i], 0) / 4000
  expect(Math.abs(along * 12)).toBeLessThan(0.07)
})

test('ranges and sizes that make no sense are refused', () => {
  const random = seededRandom(0)
  const of = (size: number, options: object) => () => randomResizedCrop(ramp(4, 4), size, { ...options, random })
  expect(of(2, { scale: [1, 0.5] })).toThrow(/expected scale as two positive numbers, the smaller first, got \[1,0.5\]/)
  expect(of(2, { ratio: [0, 1] })).toThrow(/expected ratio as two positive numbers/)
  expect(of(0, {})).toThrow(/at least 1 pixel, got 0 x 0/)
})

test('a flip swaps left and right', () => {
  const picture = ramp(3, 2)
  const pixels = [0, 1, 2, 3, 4, 5].map((i) => [...picture.data.subarray(i * 3, i * 3 + 3)])
  const flipped = flipHorizontal(picture)
  expect([...flipped.data]).toEqual([2, 1, 0, 5, 4, 3].flatMap((i) => pixels[i]))
  expect(flipHorizontal(flipped)).toEqual(picture)
})
