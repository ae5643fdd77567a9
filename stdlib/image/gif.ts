import type { Rgb } from './rgb.js'

/**
 * The first frame of a GIF that was decoded to RGBA, with PIL's colours where it is see-through or does not reach: the
 * palette's colour of the transparent index, of index 0 if there is none. A decoder's RGBA leaves no trace of it.
 *
 * @param bytes the file, of which enough was read before to trust its blocks
 */
export function gifToRgb(rgba: Uint8Array, width: number, height: number, bytes: Uint8Array): Rgb {
  const { left, right, top, bottom, backdrop } = firstFrame(bytes)
  const data = new Uint8Array(width * height * 3)
  for (let i = 0, y = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const drawn = rgba[i * 4 + 3] > 0 && x >= left && x < right && y >= top && y < bottom
      data.set(drawn ? rgba.subarray(i * 4, i * 4 + 3) : backdrop, i * 3)
    }
  return { width, height, data }
}

interface Frame {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
  readonly backdrop: readonly number[]
}

/** Layout: CompuServe, "Graphics Interchange Format, Version 89a" (1990). */
function firstFrame(bytes: Uint8Array): Frame {
  const word = (at: number): number => bytes[at] | (bytes[at + 1] << 8)
  const colours = (flags: number, at: number): Uint8Array =>
    bytes.subarray(at, flags & 0x80 ? at + 3 * 2 ** ((flags & 7) + 1) : at)
  const shared = colours(bytes[10], 13)
  let at = 13 + shared.length
  let index = 0
  while (bytes[at] === 0x21) {
    const isControl = bytes[at + 1] === 0xf9
    if (isControl) index = bytes[at + 3] & 1 ? bytes[at + 6] : 0
    at += 2
    while (bytes[at] > 0) at += bytes[at] + 1
    at++
  }
  const [left, top] = [word(at + 1), word(at + 3)]
  const own = colours(bytes[at + 9], at + 10)
  const palette = own.length > 0 ? own : shared
  // Beyond a palette's end, PIL has a ramp of greys.
  const known = index * 3 < palette.length
  const backdrop = known ? [...palette.subarray(index * 3, index * 3 + 3)] : [index, index, index]
  return { left, right: left + word(at + 5), top, bottom: top + word(at + 7), backdrop }
}
