import { readFile } from 'node:fs/promises'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { decodeImage } from '../../stdlib/image/index.js'

/**
 * Pictures of a few pixels, saved by Pillow 13 (`Image.save`) or put together by hand (16-bit PNG, JPEG's markers, GIF's
 * frames), with `Image.open(file).convert('RGB').tobytes().hex()`; `turn` with `ImageOps.exif_transpose` before.
 */
interface Case {
  readonly name: string
  readonly turn: boolean
  readonly size: [number, number]
  readonly hex: string
  readonly file: string
}
const cases: Case[] = JSON.parse(await readFile(new URL('pillow/decode.json', import.meta.url), 'utf8'))
const file = (name: string): Buffer => Buffer.from(cases.find((c) => c.name === name)!.file, 'base64')

test.each(cases)('$name is what PIL sees', async ({ turn, size, hex, file }) => {
  const { width, height, data } = await decodeImage(Buffer.from(file, 'base64'), turn ? { exifTranspose: true } : {})
  expect([width, height]).toEqual(size)
  expect(Buffer.from(data).toString('hex')).toBe(hex)
})

test('a JPEG that is cut off anywhere is refused', async () => {
  const whole = file('JPEG 4:2:0')
  const nearly = whole.subarray(0, -1)
  await expect(decodeImage(nearly)).rejects.toThrow(/^cannot decode image the bytes given: /)
  for (let length = 1; length < whole.length; length += 7)
    await expect(decodeImage(whole.subarray(0, length), { name: 'cut.jpg' })).rejects.toThrow(
      /^cannot decode image cut\.jpg: /,
    )
})

test('a picture of too many pixels is refused by its header', async () => {
  const small = file('RGBA PNG')
  expect(await decodeImage(small, { maxPixels: 20 })).toMatchObject({ width: 5, height: 4 })
  await expect(decodeImage(small, { name: 'a.png', maxPixels: 19 })).rejects.toThrow(
    'cannot decode image a.png: 5 x 4 is 20 pixels, more than 19; raise maxPixels if it can be trusted',
  )
  // Just beyond PIL's limit, in a header with nothing behind it.
  const header = await sharp({ create: { width: 1, height: 1, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
  const bomb = (width: number, height: number): Buffer => {
    const bytes = Buffer.from(header)
    bytes.writeUInt32BE(width, 16)
    bytes.writeUInt32BE(height, 20)
    bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29)
    return bytes
  }
  await expect(decodeImage(bomb(13_378, 13_377))).rejects.toThrow(/is 178957506 pixels, more than 178956970; /)
  await expect(decodeImage(bomb(2_000_000_000, 2_000_000_000))).rejects.toThrow(
    /^cannot decode image the bytes given: /,
  )
  await expect(decodeImage(bomb(10_000, 10_000))).rejects.not.toThrow(/pixels/)
})

function crc32(bytes: Uint8Array): number {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return ~crc >>> 0
}
