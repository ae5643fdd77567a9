import { FoveaError, jit, softmax, type Tensor, tensor } from '../../index.js'
import { decodeImage, type Rgb, resizeAndCrop, toPixelValues } from '../../stdlib/image/index.js'
import type { Clip } from './checkpoint.js'
import { clipLogits, encodeImage, encodeText } from './model.js'
import type { ClipParams } from './params.js'
import type { Pixels, Tokens } from './step.js'

export interface Classified {
  /** The picture's path, as given. */
  readonly image: string
  /** The likeliest label. */
  readonly label: string
  /** Of every label, in the order given; they sum to 1. */
  readonly probabilities: Readonly<Record<string, number>>
}

export interface ClassifyOptions {
  /** Called for a picture that can't be read, which is then left out. Without it, the first such picture ends it all. */
  readonly onUnreadable?: (error: FoveaError) => void
}

/** Pictures in one call. The last call is filled up, so that one program does for all. */
const batchSize = 16

type Embeddings = ReturnType<typeof encodeText>

/**
 * Zero-shot classification: which of the labels, texts of any kind, fits each picture best. Probabilities are the softmax
 * of exp(logit_scale) · cosine similarity over the labels. Results come in the pictures' order, a batch at a time.
 *
 * Throws FoveaError 'input' for no label, an empty or repeated one, or a picture that can't be decoded.
 * Source: Radford et al. 2021, section 3.1.
 *
 * @example
 * const model = await loadClip('checkpoints/clip')
 * for await (const { image, label } of classify(model, ['cat.jpg'], ['a red circle', 'a blue square'])) console.log(image, label)
 */
export async function* classify(
  model: Clip,
  images: readonly string[],
  labels: readonly string[],
  { onUnreadable }: ClassifyOptions = {},
): AsyncGenerator<Classified, void, void> {
  checkLabels(labels)
  const { config, params, preprocessor } = model
  const texts = await embedTexts(model, labels)
  const run = jit(
    (p: ClipParams, pixels: Pixels, embedded: Embeddings) =>
      softmax(clipLogits(encodeImage(p, config, pixels), embedded, p.logit_scale), -1),
    { name: 'clip.classify' },
  )
  const open = async (image: string): Promise<{ image: string; picture: Rgb } | undefined> => {
    try {
      return { image, picture: resizeAndCrop(await decodeImage(image), preprocessor) }
    } catch (err) {
      if (!onUnreadable || !(err instanceof FoveaError)) throw err
      onUnreadable(err)
      return undefined
    }
  }
  const size = Math.min(batchSize, images.length)
  for (let at = 0; at < images.length; at += size) {
    const opened = await Promise.all(images.slice(at, at + size).map(open))
    const ready = opened.filter((x) => x !== undefined)
    if (ready.length === 0) continue
    const filled = Array.from({ length: size }, (_, i) => ready[Math.min(i, ready.length - 1)].picture)
    const { data, shape } = toPixelValues(filled, preprocessor)
    checkSize(config.vision_config.image_size, shape)
    const pixels = tensor(data, shape) as unknown as Pixels
    const result: Tensor<any, 'f32'> = await run(params, pixels, texts)
    const rows = await result.data()
    pixels.dispose()
    result.dispose()
    for (const [i, { image }] of ready.entries()) {
      const row = rows.subarray(i * labels.length, (i + 1) * labels.length)
      const best = row.reduce((top, p, label) => (p > row[top] ? label : top), 0)
      const probabilities = Object.fromEntries(labels.map((label, n) => [label, row[n]]))
      yield { image, label: labels[best], probabilities }
    }
  }
}

async function embedTexts({ config, params, tokenizer }: Clip, labels: readonly string[]): Promise<Embeddings> {
  const maxLength = config.text_config.max_position_embeddings
  const { ids, mask, shape } = tokenizer.encode(labels, { maxLength })
  const [tokens, seen] = [tensor(ids, shape), tensor(mask, shape)] as unknown as [Tokens, Tokens]
  return jit((p: ClipParams, x: Tokens, m: Tokens) => encodeText(p, config, x, m), { name: 'clip.labels' })(
    params,
    tokens,
    seen,
  )
}

function checkLabels(labels: readonly string[]): void {
  if (labels.length === 0)
    throw new FoveaError(
      'input',
      "expected at least one label, got none: name what to look for, such as 'a red circle'",
    )
  const empty = labels.findIndex((label) => label.trim() === '')
  if (empty >= 0)
    throw new FoveaError('input', `label ${empty + 1} of ${labels.length} is empty: write it, or leave it out`)
  const twice = labels.find((label, i) => labels.indexOf(label) < i)
  if (twice !== undefined) throw new FoveaError('input', `the label '${twice}' is given twice: leave one out`)
}

function checkSize(expected: number, [, , height, width]: readonly number[]): void {
  if (height === expected && width === expected) return
  throw new FoveaError(
    'input',
    `preprocessor_config.json makes pictures of ${width} x ${height}, but the model's config.json has image_size ${expected}`,
  )
}
