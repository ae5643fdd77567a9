import { FoveaError } from '../../compiler/trace/error.js'
import { centreCrop } from './crop.js'
import { filters } from './filters.js'
import { resize, resizeShortestEdge } from './resize.js'
import type { Rgb } from './rgb.js'

type Size = number | { readonly shortest_edge: number } | { readonly height: number; readonly width: number }

/**
 * The fields of a Hugging Face `preprocessor_config.json` that say how a picture becomes numbers. Steps are done unless
 * they are set to false, save the crop, which must be asked for.
 */
export interface PreprocessorConfig {
  readonly do_resize?: boolean
  /** A number is the shortest edge if there is a crop, else both sides. */
  readonly size?: Size
  /** Pillow's number of the filter, 3 (bicubic) if left out: 0 nearest, 1 Lanczos, 2 bilinear, 4 box, 5 Hamming. */
  readonly resample?: number
  readonly do_center_crop?: boolean
  /** A number is both sides. */
  readonly crop_size?: number | { readonly height: number; readonly width: number }
  readonly do_rescale?: boolean
  /** Times each byte, 1/255 if left out. */
  readonly rescale_factor?: number
  readonly do_normalize?: boolean
  readonly image_mean?: readonly number[]
  readonly image_std?: readonly number[]
}

/** What a model sees: float32, laid out [pictures, 3, height, width]. */
export interface PixelValues {
  readonly data: Float32Array
  readonly shape: readonly [number, 3, number, number]
}

/**
 * Pictures to `pixel_values`, as transformers' CLIPImageProcessor: resize, crop, rescale, normalise.
 *
 * @throws FoveaError 'input' if the config asks for what isn't supported, or the results differ in size
 * @example
 * const config = JSON.parse(await readFile('clip/preprocessor_config.json', 'utf8'))
 * const { data, shape } = preprocess([await decodeImage('cat.jpg')], config)
 */
export function preprocess(images: readonly Rgb[], config: PreprocessorConfig): PixelValues {
  return toPixelValues(
    images.map((image) => resizeAndCrop(image, config)),
    config,
  )
}

/** The first half of {@link preprocess}, on bytes: what is worth keeping of a picture that will be seen again. */
export function resizeAndCrop(image: Rgb, config: PreprocessorConfig): Rgb {
  const resized = config.do_resize === false ? image : resizeTo(image, config)
  if (!config.do_center_crop) return resized
  if (config.crop_size === undefined) throw wants('crop_size', 'with do_center_crop', undefined)
  const { width, height } = bothSides(config.crop_size, 'crop_size')
  return centreCrop(resized, width, height)
}

function resizeTo(image: Rgb, { size, resample = 3, do_center_crop: crop }: PreprocessorConfig): Rgb {
  const filter = filters[resample]
  if (filter === undefined) throw wants('resample', "as one of Pillow's filters, 0 to 5", resample)
  if (size === undefined) throw wants('size', 'with do_resize', size)
  if (typeof size === 'number')
    return crop ? resizeShortestEdge(image, size, filter) : resize(image, size, size, filter)
  if ('shortest_edge' in size) return resizeShortestEdge(image, size.shortest_edge, filter)
  const { width, height } = bothSides(size, 'size')
  return resize(image, width, height, filter)
}

function bothSides(
  size: number | { readonly height: number; readonly width: number },
  name: string,
): { readonly height: number; readonly width: number } {
  const sides = typeof size === 'number' ? { height: size, width: size } : size
  if (![sides.height, sides.width].every((n) => Number.isInteger(n) && n >= 1))
    throw wants(name, 'as whole numbers { height, width }', size)
  return sides
}

/** The second half of {@link preprocess}: bytes to numbers, rescaled and normalised in float32. */
export function toPixelValues(images: readonly Rgb[], config: PreprocessorConfig): PixelValues {
  const { do_rescale, rescale_factor: factor = 1 / 255, do_normalize, image_mean: mean, image_std: std } = config
  const [width, height] = [images[0]?.width ?? 0, images[0]?.height ?? 0]
  const odd = images.find((image) => image.width !== width || image.height !== height)
  if (odd)
    throw new FoveaError(
      'input',
      `expected pictures of one size after resizing, got ${width} x ${height} and ${odd.width} x ${odd.height}; ` +
        'set do_center_crop, or size to a height and width, in preprocessor_config.json',
    )
  const normalise = do_normalize !== false
  if (normalise && mean?.length !== 3) throw wants('image_mean', 'as three numbers', mean)
  if (normalise && std?.length !== 3) throw wants('image_std', 'as three numbers', std)
  // A channel has 256 values: one table a channel is exact and fast.
  const tables = [0, 1, 2].map((channel) =>
    Float32Array.from({ length: 256 }, (_, byte) => {
      const scaled = do_rescale === false ? byte : Math.fround(byte * factor)
      if (!normalise) return scaled
      return Math.fround(scaled - Math.fround(mean![channel])) / Math.fround(std![channel])
    }),
  )
  const plane = width * height
  const data = new Float32Array(images.length * 3 * plane)
  images.forEach((image, n) => {
    tables.forEach((table, channel) => {
      const at = (n * 3 + channel) * plane
      for (let i = 0; i < plane; i++) data[at + i] = table[image.data[i * 3 + channel]]
    })
  })
  return { data, shape: [images.length, 3, height, width] }
}

const wants = (field: string, how: string, got: unknown): FoveaError =>
  new FoveaError(
    'input',
    `preprocessor_config.json: expected ${field} ${how}, got ${got === undefined ? 'none' : JSON.stringify(got)}`,
  )
