import { readFile } from 'node:fs/promises'
import sharp from 'sharp'
import { FoveaError } from '../../compiler/trace/error.js'
import type { Rgb } from './rgb.js'

/**
 * Decodes a picture (PNG, JPEG, WebP, GIF, TIFF, AVIF, SVG) to RGB bytes, as PIL's `Image.open(path).convert('RGB')`:
 * grey is repeated, alpha is dropped (what lay beneath shows, nothing is composited), colour profiles and the EXIF
 * orientation are not applied, the first frame of several is taken. Three things differ: JPEG decoders by a few levels,
 * CMYK pictures by libvips' own profile, and 16-bit grey, which is scaled to 8 bits where PIL cuts it off at 255.
 *
 * @param source a path, or an encoded picture's bytes
 * @param name what errors call the picture when `source` is bytes
 * @throws FoveaError 'input' if it can't be read or decoded whole
 * @example
 * const cat = await decodeImage('cat.jpg')
 * cat.data.length === cat.width * cat.height * 3
 */
export async function decodeImage(source: string | Uint8Array, name = 'the bytes given'): Promise<Rgb> {
  const path = typeof source === 'string' ? source : name
  try {
    const bytes = typeof source === 'string' ? await readFile(source) : source
    // 'error' lets pass what PIL lets pass, such as odd metadata; a picture that is cut off fails.
    const { data, info } = await sharp(bytes, { ignoreIcc: true, failOn: 'error' })
      .removeAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    return { width: info.width, height: info.height, data: new Uint8Array(data.buffer, data.byteOffset, data.length) }
  } catch (err) {
    const { code, message } = err as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : message.split('\n')[0]
    const todo = code === 'ENOENT' ? 'check the path' : 'replace the file, or leave it out'
    throw new FoveaError('input', `cannot decode image ${path}: ${why}; ${todo}`, undefined, { cause: err })
  }
}
