import { jit, tensor } from '../../index.js'
import type { Probe } from '../parts/probe.js'
import { type AnyClip, isResNetClip } from './checkpoint.js'
import { encodeImage, encodeImageResNet, encodeText } from './model.js'
import { type PictureOptions, pictureBatches } from './pictures.js'
import type { Pixels, Tokens } from './step.js'

/** Unit-length rows of one width, side by side. */
export interface Embeddings {
  readonly count: number
  readonly width: number
  /** `count · width` numbers, row by row. */
  readonly data: Float32Array
}

export interface EmbeddedImage {
  /** The picture's path, as given. */
  readonly image: string
  readonly embedding: Float32Array
}

/** The image tower of either kind of model: pixels [b, 3, s, s] → unit-length [b, e]. */
export const imageEncoder = (model: AnyClip, probe?: Probe) =>
  isResNetClip(model)
    ? (pixels: Pixels) => encodeImageResNet(model.params, model.config, model.stats, pixels, probe)
    : (pixels: Pixels) => encodeImage(model.params, model.config, pixels, probe)

/**
 * Embeds pictures, unit-length rows in the pictures' order, a batch at a time. Their products are cosine similarities.
 * Throws FoveaError 'input' for a picture that can't be decoded, unless `onUnreadable` takes it.
 *
 * @example
 * const model = await loadClip('checkpoints/clip')
 * for await (const { image, embedding } of embedImages(model, ['cat.jpg'])) console.log(image, embedding.length)
 */
export async function* embedImages(
  model: AnyClip,
  images: readonly string[],
  options: PictureOptions = {},
): AsyncGenerator<EmbeddedImage, void, void> {
  const run = jit(imageEncoder(model), { name: 'clip.embed' })
  for await (const { places, pixels } of pictureBatches(model, images, options)) {
    const result = await run(pixels)
    const rows = await result.data()
    const [, width] = result.shape as readonly number[]
    result.dispose()
    for (const [i, place] of places.entries())
      yield { image: images[place], embedding: rows.slice(i * width, (i + 1) * width) }
  }
}

/** Texts in one call. */
const batchSize = 64

/**
 * Embeds texts: unit-length rows in the texts' order. Long texts are cut at the model's length.
 *
 * @example
 * const { data, width } = await embedTexts(await loadClip('checkpoints/clip'), ['a red circle', 'a blue square'])
 */
export async function embedTexts(model: AnyClip, texts: readonly string[]): Promise<Embeddings> {
  const { config, params, tokenizer } = model
  const maxLength = config.text_config.max_position_embeddings
  const run = jit((ids: Tokens, mask: Tokens) => encodeText(params, config, ids, mask), { name: 'clip.texts' })
  const width = config.projection_dim
  const data = new Float32Array(texts.length * width)
  const size = Math.min(batchSize, texts.length)
  for (let at = 0; at < texts.length; at += size) {
    const batch = texts.slice(at, at + size)
    // Filled up, so that one program does for all.
    const { ids, mask, shape } = tokenizer.encode(
      Array.from({ length: size }, (_, i) => batch[Math.min(i, batch.length - 1)]),
      { maxLength },
    )
    const [tokens, seen] = [tensor(ids, shape), tensor(mask, shape)] as unknown as [Tokens, Tokens]
    const result = await run(tokens, seen)
    data.set((await result.data()).subarray(0, batch.length * width), at * width)
    for (const x of [tokens, seen, result]) x.dispose()
  }
  return { count: texts.length, width, data }
}

/** All of a generator's rows. `images` names those that could be read. */
export async function collectEmbeddings(
  rows: AsyncIterable<EmbeddedImage>,
): Promise<{ readonly images: string[]; readonly embeddings: Embeddings }> {
  const all: EmbeddedImage[] = []
  for await (const row of rows) all.push(row)
  const width = all[0]?.embedding.length ?? 0
  const data = new Float32Array(all.length * width)
  all.forEach(({ embedding }, i) => {
    data.set(embedding, i * width)
  })
  return { images: all.map(({ image }) => image), embeddings: { count: all.length, width, data } }
}
