import { FoveaError, tensor } from '../../index.js'
import { decodeImage, type Rgb, resizeAndCrop, toPixelValues } from '../../stdlib/image/index.js'
import type { AnyClip } from './checkpoint.js'
import type { Pixels } from './step.js'

export interface PictureOptions {
  /** Called for a picture that can't be read, which is then left out. Without it, the first such picture ends it all. */
  readonly onUnreadable?: (error: FoveaError) => void
}

export interface PictureBatch {
  /** Places in the list, of the pictures that could be read. */
  readonly places: readonly number[]
  /** [n, 3, height, width] of one size for all batches: the last is filled up, so that one program does for all. */
  readonly pixels: Pixels
}

/** Pictures in one call. */
const batchSize = 16

/** Files as a model's pixels, a batch at a time; the next is decoded while the last is used. Its tensor is disposed of afterwards. */
export async function* pictureBatches(
  { config, preprocessor }: Pick<AnyClip, 'config' | 'preprocessor'>,
  images: readonly string[],
  { onUnreadable }: PictureOptions = {},
): AsyncGenerator<PictureBatch, void, void> {
  const open = async (image: string, place: number): Promise<{ place: number; picture: Rgb } | undefined> => {
    try {
      return { place, picture: resizeAndCrop(await decodeImage(image), preprocessor) }
    } catch (err) {
      if (!onUnreadable || !(err instanceof FoveaError)) throw err
      onUnreadable(err)
      return undefined
    }
  }
  const size = Math.min(batchSize, images.length)
  const decode = (at: number) => Promise.all(images.slice(at, at + size).map((image, i) => open(image, at + i)))
  let next = images.length > 0 ? decode(0) : undefined
  for (let at = 0; next; at += size) {
    const ready = (await next).filter((x) => x !== undefined)
    next = at + size < images.length ? decode(at + size) : undefined
    // Its error comes when it is awaited.
    next?.catch(() => undefined)
    if (ready.length === 0) continue
    const filled = Array.from({ length: size }, (_, i) => ready[Math.min(i, ready.length - 1)].picture)
    const { data, shape } = toPixelValues(filled, preprocessor)
    checkSize(config.vision_config.image_size, shape)
    const pixels = tensor(data, shape) as unknown as Pixels
    yield { places: ready.map(({ place }) => place), pixels }
    pixels.dispose()
  }
}

function checkSize(expected: number, [, , height, width]: readonly number[]): void {
  if (height === expected && width === expected) return
  throw new FoveaError(
    'input',
    `preprocessor_config.json makes pictures of ${width} x ${height}, but the model's config.json has image_size ${expected}`,
  )
}
