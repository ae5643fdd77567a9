import { readFile } from 'node:fs/promises'
import sharp, { type Metadata, type Sharp } from 'sharp'
import { FoveaError } from '../../compiler/trace/error.js'
import { cmykToRgb, grey16ToRgb } from './channels.js'
import { gifToRgb } from './gif.js'
import type { Rgb } from './rgb.js'

export interface DecodeOptions {
  /** What errors call the picture when `source` is bytes. */
  readonly name?: string
  /** Turns and mirrors the picture upright as its EXIF orientation says, like PIL's `ImageOps.exif_transpose`. */
  readonly exifTranspose?: boolean
  /**
   * A picture of more pixels is refused when its header is read, before memory is taken for it: 178,956,970 by default,
   * where PIL's decompression bomb error begins. A pixel takes 3 bytes, for a while 7.
   */
  readonly maxPixels?: number
}

/**
 * Decodes a picture (PNG, JPEG, WebP, GIF, TIFF, AVIF, SVG) to RGB bytes, as PIL's `Image.open(path).convert('RGB')`:
 * grey is repeated, alpha is dropped (what lay beneath shows, nothing is composited), CMYK is inverted in a JPEG and
 * converted by PIL's formula, 16-bit grey is cut off at 255 while other 16-bit channels keep their high byte, colour
 * profiles are not applied, EXIF orientation only in TIFF, the first frame of several is taken. AVIF differs: its decoder
 * enlarges the colour planes in another way. So does TIFF that stores YCbCr without JPEG, which is taken for RGB.
 *
 * @param source a path, or an encoded picture's bytes
 * @throws FoveaError 'input' if it can't be read or decoded whole, or has more pixels than allowed
 * @example
 * const cat = await decodeImage('cat.jpg', { exifTranspose: true })
 * cat.data.length === cat.width * cat.height * 3
 */
export async function decodeImage(source: string | Uint8Array, options: DecodeOptions = {}): Promise<Rgb> {
  const { name = 'the bytes given', exifTranspose = false, maxPixels = 178_956_970 } = options
  const path = typeof source === 'string' ? source : name
  try {
    const bytes = typeof source === 'string' ? await readFile(source) : source
    // 'error' lets pass what PIL lets pass, such as odd metadata; a picture that is cut off fails.
    const picture = sharp(bytes, { ignoreIcc: true, failOn: 'error', limitInputPixels: false })
    const header = await picture.metadata()
    const pixels = header.width * header.height
    if (!(pixels <= maxPixels)) {
      const size = `${header.width} x ${header.height}`
      throw failure(path, `${size} is ${pixels} pixels, more than ${maxPixels}`, 'raise maxPixels if it can be trusted')
    }
    // PIL applies a TIFF's orientation while it reads.
    if (exifTranspose || header.format === 'tiff') picture.autoOrient()
    return await decode(picture, header, bytes)
  } catch (err) {
    if (err instanceof FoveaError) throw err
    const { code, message } = err as NodeJS.ErrnoException
    if (code === 'ENOENT') throw failure(path, 'there is no such file', 'check the path', err)
    throw failure(path, message.split('\n')[0], 'replace the file, or leave it out', err)
  }
}

async function decode(picture: Sharp, { format, space, channels }: Metadata, bytes: Uint8Array): Promise<Rgb> {
  if (format === 'gif') {
    const { data, width, height } = await raw(picture.toColourspace('srgb').ensureAlpha(), 'uchar')
    return gifToRgb(data, width, height, bytes)
  }
  picture.removeAlpha()
  if (space === 'cmyk') {
    const { data, ...size } = await raw(picture.pipelineColourspace('cmyk').toColourspace('cmyk'), 'uchar')
    return { ...size, data: cmykToRgb(data) }
  }
  if (space === 'grey16' && channels === 1) {
    const { data, ...size } = await raw(picture.pipelineColourspace('grey16').toColourspace('grey16'), 'ushort')
    return { ...size, data: grey16ToRgb(new Uint16Array(data.buffer, data.byteOffset, data.length / 2)) }
  }
  return raw(picture.toColourspace('srgb'), 'uchar')
}

/** The channels as they are, row by row. */
async function raw(
  picture: Sharp,
  depth: 'uchar' | 'ushort',
): Promise<{ width: number; height: number; data: Uint8Array }> {
  const { data, info } = await picture.raw({ depth }).toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) }
}

const failure = (path: string, why: string, todo: string, cause?: unknown): FoveaError =>
  new FoveaError('input', `cannot decode image ${path}: ${why}; ${todo}`, undefined, { cause })
