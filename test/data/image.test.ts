import { readFile } from 'node:fs/promises'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { type HostTensor, readSafetensors } from '../../stdlib/checkpoint/index.js'
import {
  centreCrop,
  decodeImage,
  type PixelValues,
  type PreprocessorConfig,
  preprocess,
  type Rgb,
  resize,
  resizeShortestEdge,
} from '../../stdlib/image/index.js'

const fixture = (name: string): string => new URL(`../models/fixtures/clip-vit/${name}`, import.meta.url).pathname
const json = async (name: string) => JSON.parse(await readFile(fixture(name), 'utf8'))

let expected: Map<string, HostTensor>
let facts: { images: string[]; tensors: Record<string, { atol: number; mean_atol: number }> }
let config: PreprocessorConfig
beforeAll(async () => {
  expected = await readSafetensors(fixture('expected.safetensors'))
  facts = await json('expected.json')
  config = await json('preprocessor_config.json')
})

const golden = (name: string): Rgb => {
  const { shape, data } = expected.get(`rgb/${name}`)!
  return { height: shape[0], width: shape[1], data: data as Uint8Array }
}

function expectClose(got: PixelValues, name: string): void {
  const want = expected.get(name)!
  const { atol, mean_atol } = facts.tensors[name]
  expect(got.shape).toEqual(want.shape)
  const gaps = got.data.map((x, i) => Math.abs(x - want.data[i]))
  expect(Math.max(...gaps)).toBeLessThanOrEqual(atol)
  expect(gaps.reduce((a, b) => a + b) / gaps.length).toBeLessThanOrEqual(mean_atol)
}

describe('decoding', () => {
  test.each(['astronaut.png', 'coffee.png', 'chelsea.png', 'camera.png'])('%s is what PIL sees', async (name) => {
    const got = await decodeImage(fixture(name))
    expect([got.height, got.width, 3]).toEqual(expected.get(`rgb/${name}`)!.shape)
    expect(got.data).toEqual(golden(name).data)
  })

  test('a JPEG differs by a few levels at most', async () => {
    const got = await decodeImage(fixture('rocket.jpg'))
    const want = golden('rocket.jpg')
    expect(Math.max(...got.data.map((x, i) => Math.abs(x - want.data[i])))).toBeLessThanOrEqual(4)
  })

  test('alpha is dropped, orientation is not applied, grey is repeated', async () => {
    const raw = { raw: { width: 2, height: 1, channels: 4 } } as const
    const clear = sharp(new Uint8Array([10, 20, 30, 0, 40, 50, 60, 128]), raw)
    const png = await decodeImage(await clear.clone().png().toBuffer())
    expect([...png.data]).toEqual([10, 20, 30, 40, 50, 60])
    const turned = await clear.removeAlpha().withMetadata({ orientation: 6 }).png().toBuffer()
    expect(await decodeImage(turned)).toMatchObject({ width: 2, height: 1 })
    const grey = sharp(new Uint8Array([7, 9]), { raw: { width: 1, height: 2, channels: 1 } })
    expect([...(await decodeImage(await grey.toColourspace('b-w').png().toBuffer())).data]).toEqual([7, 7, 7, 9, 9, 9])
  })

  test('what cannot be decoded is named', async () => {
    const cut = (await readFile(fixture('coffee.png'))).subarray(0, 6000)
    await expect(decodeImage(cut, { name: 'coffee.png' })).rejects.toMatchObject({
      code: 'input',
      message: expect.stringMatching(/^cannot decode image coffee\.png: .+; replace the file, or leave it out$/),
    })
    const jpeg = (await readFile(fixture('rocket.jpg'))).subarray(0, 3000)
    await expect(decodeImage(jpeg, { name: 'rocket.jpg' })).rejects.toThrow(/^cannot decode image rocket\.jpg: /)
    await expect(decodeImage(fixture('config.json'))).rejects.toThrow(/config\.json: .*unsupported image format/)
    await expect(decodeImage('/nowhere.png')).rejects.toThrow('/nowhere.png: there is no such file; check the path')
  })
})

describe('resizing and cropping', () => {
  const ramp = (width: number, height: number): Rgb => ({
    width,
    height,
    data: Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 37 + (i >> 3) * 11) % 256),
  })

  // Made with Pillow 13: Image.fromarray(ramp(*image)).resize(size, resample).tobytes().hex(). The last picture is tall
  // enough for its columns to go first.
  type Case = { image: [number, number]; size: [number, number]; resample: number; hex: string }
  test('every filter gives what Pillow makes', async () => {
    const cases: Case[] = JSON.parse(await readFile(new URL('pillow/resize.json', import.meta.url), 'utf8'))
    expect(cases.length).toBe(18)
    for (const { image, size, resample, hex } of cases) {
      const got = preprocess([ramp(...image)], {
        size: { width: size[0], height: size[1] },
        resample,
        do_rescale: false,
        do_normalize: false,
      })
      const want = Buffer.from(hex, 'hex')
      const pixels = size[0] * size[1]
      const planes = [0, 1, 2].flatMap((c) => Array.from({ length: pixels }, (_, i) => want[i * 3 + c]))
      expect([...got.data], `${image} to ${size} by ${resample}`).toEqual(planes)
    }
  })

  test('the longer edge is cut to a whole number', () => {
    expect(resizeShortestEdge(ramp(63, 96), 32)).toMatchObject({ width: 32, height: 48 })
    expect(resizeShortestEdge(ramp(96, 63), 32)).toMatchObject({ width: 48, height: 32 })
    expect(resizeShortestEdge(ramp(3, 5), 2)).toMatchObject({ width: 2, height: 3 })
  })

  test('the crop rounds its offsets down and surrounds with black', () => {
    const row: Rgb = { width: 4, height: 1, data: Uint8Array.from([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]) }
    const reds = (image: Rgb): number[] => [...image.data].filter((_, i) => i % 3 === 0)
    expect(reds(centreCrop(row, 3, 1))).toEqual([1, 2, 3])
    expect(reds(centreCrop(row, 7, 1))).toEqual([0, 0, 1, 2, 3, 4, 0])
    expect(reds(centreCrop(row, 2, 2))).toEqual([0, 0, 2, 3])
  })

  test('sides and filters that make no picture are refused', () => {
    expect(() => resize(ramp(2, 2), 0, 2)).toThrow(/at least 1 pixel, got 0 x 2/)
    expect(() => resize(ramp(2, 2), 2, 2, 'area' as never)).toThrow(/a filter of nearest, lanczos, .*, got area/)
  })
})

describe('pixel_values', () => {
  test('equal those of transformers', async () => {
    const pictures = await Promise.all(
      facts.images.map((name) => (name.endsWith('.jpg') ? golden(name) : decodeImage(fixture(name)))),
    )
    expectClose(preprocess(pictures, config), 'pixel_values')
    expectClose(preprocess([await decodeImage(fixture('camera.png'))], config), 'pixel_values_extra')
  })

  test('older configs give sizes as numbers', async () => {
    const old = { ...config, size: 32, crop_size: 32 }
    expectClose(preprocess([await decodeImage(fixture('camera.png'))], old), 'pixel_values_extra')
    expect(preprocess([golden('coffee.png')], { ...old, do_center_crop: false }).shape).toEqual([1, 3, 32, 32])
  })

  test('steps that are off are left out', () => {
    const picture: Rgb = { width: 1, height: 1, data: new Uint8Array([255, 0, 51]) }
    const plain = { do_resize: false, do_normalize: false }
    expect([...preprocess([picture], plain).data]).toEqual([1, 0, Math.fround(0.2)])
    expect([...preprocess([picture], { ...plain, do_rescale: false }).data]).toEqual([255, 0, 51])
  })

  test('what a config asks for and is not to be had, is said', () => {
    const pictures = [golden('coffee.png'), golden('astronaut.png')]
    expect(() => preprocess(pictures, { ...config, do_center_crop: false })).toThrow(/48 x 32 and 32 x 48/)
    expect(() => preprocess(pictures, { ...config, resample: 6 })).toThrow(
      /resample as one of Pillow's filters, .* got 6/,
    )
    expect(() => preprocess(pictures, { ...config, size: undefined })).toThrow(/expected size with do_resize, got none/)
    expect(() => preprocess(pictures, { ...config, image_mean: [0.5] })).toThrow(/image_mean as three numbers, got \[0/)
  })
})
