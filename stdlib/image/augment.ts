import { FoveaError } from '../../compiler/trace/error.js'
import { crop } from './crop.js'
import type { Filter } from './filters.js'
import { resize } from './resize.js'
import type { Rgb } from './rgb.js'

export interface RandomResizedCropOptions {
  /** The least and greatest part of the picture's area, [0.08, 1] by default. */
  readonly scale?: readonly [number, number]
  /** The least and greatest width by height, [3/4, 4/3] by default. */
  readonly ratio?: readonly [number, number]
  /** 'bilinear' by default, as in torchvision. */
  readonly filter?: Filter
  /** Numbers in [0, 1), such as those of `seededRandom`. */
  readonly random: () => number
}

/**
 * A rectangle of the picture, resized: torchvision's `RandomResizedCrop` on PIL pictures, except where the numbers come
 * from. Up to ten times, one number gives the area and the next the ratio, uniform in its logarithm; once a rectangle
 * fits, two more give its top and left. If none fits, the middle is taken, as wide or high as the ratios allow.
 *
 * @param size both sides of the result, or its height and width
 * @throws FoveaError 'input' if a size is not a whole number of at least 1, or a range not two rising positive numbers
 * @example
 * const random = seededRandom(0, 3, 17)
 * const view = randomResizedCrop(picture, 224, { scale: [0.9, 1], filter: 'bicubic', random })
 */
export function randomResizedCrop(
  image: Rgb,
  size: number | { readonly height: number; readonly width: number },
  { scale = [0.08, 1], ratio = [3 / 4, 4 / 3], filter = 'bilinear', random }: RandomResizedCropOptions,
): Rgb {
  checkRange('scale', scale)
  checkRange('ratio', ratio)
  const { top, left, height, width } = rectangle(image, scale, ratio, random)
  const to = typeof size === 'number' ? { height: size, width: size } : size
  return resize(crop(image, left, top, width, height), to.width, to.height, filter)
}

interface Rectangle {
  readonly top: number
  readonly left: number
  readonly height: number
  readonly width: number
}

type Range = readonly [number, number]

function rectangle(image: Rgb, scale: Range, ratio: Range, random: () => number): Rectangle {
  const { fround, exp, log, sqrt, floor } = Math
  // torchvision draws in float32, and a rectangle's side can hang on the last bit.
  const uniform = (low: number, high: number): number => fround(random() * (high - low) + low)
  const logRatio = ratio.map((r) => fround(log(fround(r))))
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = image.height * image.width * uniform(...scale)
    const aspect = fround(exp(uniform(logRatio[0], logRatio[1])))
    const width = roundHalfEven(sqrt(area * aspect))
    const height = roundHalfEven(sqrt(area / aspect))
    if (width < 1 || width > image.width || height < 1 || height > image.height) continue
    const top = floor(random() * (image.height - height + 1))
    const left = floor(random() * (image.width - width + 1))
    return { top, left, height, width }
  }
  const aspect = image.width / image.height
  const width = aspect > ratio[1] ? roundHalfEven(image.height * ratio[1]) : image.width
  const height = aspect < ratio[0] ? roundHalfEven(image.width / ratio[0]) : image.height
  return { top: floor((image.height - height) / 2), left: floor((image.width - width) / 2), height, width }
}

/** Python's `round`. */
function roundHalfEven(x: number): number {
  const low = Math.floor(x)
  return x - low === 0.5 ? low + (low % 2) : Math.round(x)
}

function checkRange(name: string, range: Range): void {
  const [low, high] = range
  if (range.length === 2 && low > 0 && low <= high && high < Number.POSITIVE_INFINITY) return
  throw new FoveaError(
    'input',
    `randomResizedCrop: expected ${name} as two positive numbers, the smaller first, got ${JSON.stringify(range)}`,
  )
}

/**
 * The picture mirrored: left becomes right.
 *
 * @example
 * const random = seededRandom(0, 3, 17)
 * const view = random() < 0.5 ? flipHorizontal(picture) : picture
 */
export function flipHorizontal({ width, height, data }: Rgb): Rgb {
  const out = new Uint8Array(data.length)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3
      out.set(data.subarray(at, at + 3), (y * width + width - 1 - x) * 3)
    }
  return { width, height, data: out }
}
