import type { Rgb } from './rgb.js'

/**
 * Cuts `width` by `height` pixels out of the middle; offsets round down. Where the picture is smaller than that, it is
 * surrounded with black. This is transformers' `center_crop`.
 */
export function centreCrop(image: Rgb, width: number, height: number): Rgb {
  return crop(image, Math.floor((image.width - width) / 2), Math.floor((image.height - height) / 2), width, height)
}

/** Cuts `width` by `height` pixels out from `left`, `top` on; black beyond the picture. */
export function crop(image: Rgb, left: number, top: number, width: number, height: number): Rgb {
  const data = new Uint8Array(width * height * 3)
  const from = Math.max(0, left)
  const to = Math.min(image.width, left + width)
  for (let y = Math.max(0, -top); y < Math.min(height, image.height - top); y++) {
    const row = (y + top) * image.width
    data.set(image.data.subarray((row + from) * 3, (row + to) * 3), (y * width + from - left) * 3)
  }
  return { width, height, data }
}
