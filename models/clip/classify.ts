import { FoveaError, jit, softmax, type Tensor, tensor } from '../../index.js'
import type { AnyClip } from './checkpoint.js'
import { embedTexts, imageEncoder } from './embed.js'
import { clipLogits, type encodeText } from './model.js'
import { type PictureOptions, pictureBatches } from './pictures.js'
import type { Pixels } from './step.js'

export interface Classified {
  /** The picture's path, as given. */
  readonly image: string
  /** The likeliest label. */
  readonly label: string
  /** Of every label, in the order given; they sum to 1. */
  readonly probabilities: Readonly<Record<string, number>>
}

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
  model: AnyClip,
  images: readonly string[],
  labels: readonly string[],
  options: PictureOptions = {},
): AsyncGenerator<Classified, void, void> {
  checkLabels(labels)
  const { count, width, data } = await embedTexts(model, labels)
  using texts = tensor(data, [count, width]) as unknown as Rows
  const encode = imageEncoder(model)
  const run = jit(
    (pixels: Pixels, embedded: Rows) => softmax(clipLogits(encode(pixels), embedded, model.params.logit_scale), -1),
    { name: 'clip.classify' },
  )
  for await (const { places, pixels } of pictureBatches(model, images, options)) {
    const result: Tensor<any, 'f32'> = await run(pixels, texts)
    const rows = await result.data()
    result.dispose()
    for (const [i, place] of places.entries()) {
      const row = rows.subarray(i * labels.length, (i + 1) * labels.length)
      const best = row.reduce((top, p, label) => (p > row[top] ? label : top), 0)
      const probabilities = Object.fromEntries(labels.map((label, n) => [label, row[n]]))
      yield { image: images[place], label: labels[best], probabilities }
    }
  }
}
type Rows = ReturnType<typeof encodeText>

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
