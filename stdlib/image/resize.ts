import { FoveaError } from '../../compiler/trace/error.js'
import { type Filter, filters, type Kernel, kernels } from './filters.js'
import type { Rgb } from './rgb.js'

/**
 * Antialiased resizing, bit for bit as Pillow's `Image.resize` on 8-bit pictures (python-pillow/Pillow,
 * src/libImaging/Resample.c): the kernel widens with the reduction, weights are fixed-point with 22 fractional bits, and
 * each of the two passes rounds to a byte. Vision models were trained behind exactly these roundings.
 */

const fractionBits = 22

/** For each output position: the first input position that it sees, and the weights from there on. */
interface Taps {
  readonly first: Int32Array
  readonly count: Int32Array
  /** `stride` weights per output position. */
  readonly weights: Int32Array
  readonly stride: number
}

function taps(from: number, to: number, kernel: Kernel): Taps {
  const scale = from / to
  const widening = Math.max(scale, 1) // Enlarging interpolates with the plain kernel.
  const support = kernel.support * widening
  const stride = Math.ceil(support) * 2 + 1
  const first = new Int32Array(to)
  const count = new Int32Array(to)
  const weights = new Int32Array(to * stride)
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale
    const low = Math.max(0, Math.trunc(centre - support + 0.5))
    const high = Math.min(from, Math.trunc(centre + support + 0.5))
    const exact = Array.from({ length: high - low }, (_, k) => kernel.weight((k + low - centre + 0.5) * (1 / widening)))
    const sum = exact.reduce((a, b) => a + b, 0)
    first[i] = low
    count[i] = high - low
    exact.forEach((w, k) => {
      const fixed = (w / sum) * 2 ** fractionBits
      weights[i * stride + k] = Math.trunc(fixed < 0 ? fixed - 0.5 : fixed + 0.5)
    })
  }
  return { first, count, weights, stride }
}

const toByte = (sum: number): number => Math.max(0, Math.min(255, sum >> fractionBits))

/**
 * Resizes to `width` by `height` pixels, with the bytes that Pillow 13's `Image.resize` gives for the same filter.
 *
 * @param filter 'nearest', 'lanczos', 'bilinear', 'bicubic' (the default), 'box' or 'hamming'
 * @throws FoveaError 'input' if a side is not a whole number of at least 1, or there is no such filter
 * @example
 * const small = resize(picture, 224, 224, 'bilinear')
 */
export function resize(image: Rgb, width: number, height: number, filter: Filter = 'bicubic'): Rgb {
  if (![width, height].every((n) => Number.isInteger(n) && n >= 1))
    throw new FoveaError('input', `resize: expected a width and height of at least 1 pixel, got ${width} x ${height}`)
  if (!filters.includes(filter))
    throw new FoveaError('input', `resize: expected a filter of ${filters.join(', ')}, got ${filter}`)
  if (filter === 'nearest') return nearest(image, width, height)
  const kernel = kernels[filter]
  return columnsFirst(image, width, height)
    ? resizeWidth(resizeHeight(image, height, kernel), width, kernel)
    : resizeHeight(resizeWidth(image, width, kernel), height, kernel)
}

/**
 * Which pass goes first shows in the roundings. Up to version 12 of Pillow rows always did; since 13 columns do where the
 * height loses more than twice as many pixels as the width (python-pillow/Pillow, pull request 9549).
 */
const columnsFirst = (image: Rgb, width: number, height: number): boolean =>
  image.height > height && image.height - height > 2 * (image.width - width)

function nearest(image: Rgb, width: number, height: number): Rgb {
  const columns = places(image.width, width)
  const rows = places(image.height, height)
  const data = new Uint8Array(width * height * 3)
  for (let y = 0, out = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (rows[y] * image.width + columns[x]) * 3
      data[out++] = image.data[at]
      data[out++] = image.data[at + 1]
      data[out++] = image.data[at + 2]
    }
  }
  return { width, height, data }
}

/** Which pixels of a row are taken. Steps are added up, not multiplied, as Pillow does: where one falls depends on it. */
function places(from: number, to: number): Int32Array {
  const step = from / to
  const out = new Int32Array(to)
  for (let i = 0, at = step * 0.5; i < to; i++, at += step) out[i] = at
  return out
}

function resizeWidth(image: Rgb, width: number, kernel: Kernel): Rgb {
  if (width === image.width) return image
  const { first, count, weights, stride } = taps(image.width, width, kernel)
  const data = new Uint8Array(width * image.height * 3)
  for (let y = 0, out = 0; y < image.height; y++) {
    for (let x = 0; x < width; x++) {
      let at = (y * image.width + first[x]) * 3
      let r = 1 << (fractionBits - 1)
      let g = r
      let b = r
      for (let k = x * stride, end = k + count[x]; k < end; k++) {
        r += image.data[at++] * weights[k]
        g += image.data[at++] * weights[k]
        b += image.data[at++] * weights[k]
      }
      data[out++] = toByte(r)
      data[out++] = toByte(g)
      data[out++] = toByte(b)
    }
  }
  return { width, height: image.height, data }
}

function resizeHeight(image: Rgb, height: number, kernel: Kernel): Rgb {
  if (height === image.height) return image
  const { first, count, weights, stride } = taps(image.height, height, kernel)
  const row = image.width * 3
  const data = new Uint8Array(row * height)
  const sums = new Int32Array(row)
  for (let y = 0; y < height; y++) {
    sums.fill(1 << (fractionBits - 1))
    for (let k = 0; k < count[y]; k++) {
      const weight = weights[y * stride + k]
      const at = (first[y] + k) * row
      for (let x = 0; x < row; x++) sums[x] += image.data[at + x] * weight
    }
    for (let x = 0; x < row; x++) data[y * row + x] = toByte(sums[x])
  }
  return { width: image.width, height, data }
}

/**
 * Resizes so that the shorter side has `edge` pixels; the longer one is cut to a whole number, as in transformers.
 *
 * @throws FoveaError 'input' if `edge` is not a whole number of at least 1, or there is no such filter
 * @example
 * const { width, height } = resizeShortestEdge(picture, 224)
 */
export function resizeShortestEdge(image: Rgb, edge: number, filter: Filter = 'bicubic'): Rgb {
  const { width, height } = image
  const long = Math.trunc((edge * Math.max(width, height)) / Math.min(width, height))
  return width <= height ? resize(image, edge, long, filter) : resize(image, long, edge, filter)
}
