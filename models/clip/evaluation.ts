import { FoveaError } from '../../index.js'
import { type ClassFolders, loadCaptions, loadClassFolders, permutation } from '../../stdlib/data/index.js'
import { accuracy, confusionMatrix, recallAtK, topKAccuracy } from '../../stdlib/metrics/index.js'
import type { AnyClip } from './checkpoint.js'
import { collectEmbeddings, type Embeddings, embedImages, embedTexts } from './embed.js'
import type { EmbedFilesOptions } from './journal.js'
import { fewShot, type Labelled, linearProbe, predict, sweepProbe } from './probe.js'
import { classEmbeddings } from './zeroshot.js'

/** A matrix with names on its sides. */
export interface NamedMatrix {
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  /** Row by row. */
  readonly values: readonly number[]
}

/** What a model does on a task. */
export interface Evaluation {
  readonly task: 'zeroshot' | 'retrieval' | 'probe' | 'fewshot'
  /** Pictures that could be read. */
  readonly images: number
  readonly unreadable: readonly string[]
  /** By name: 'accuracy', 'top5', 'meanPerClass', 'lambda', 'accuracy@4' (shots), 'imageToText@1', … */
  readonly metrics: Readonly<Record<string, number>>
  /** Counts by true class (row) and predicted class (column). */
  readonly confusion?: NamedMatrix
  /** Cosine similarities: of classes, the mean over their pictures with each class' text; of captions, the first pictures with their texts. */
  readonly similarity: NamedMatrix
}

export interface EvaluateOptions extends EmbedFilesOptions {
  /** Of prompts, with {} where the class' name goes. */
  readonly templates?: readonly string[]
  /** A file that chooses and names classes: `loadClassFolders` has its form. */
  readonly classes?: string
}

export interface EvaluateProbeOptions extends EvaluateOptions {
  /** Of the split and of the draw of shots. 0 by default. */
  readonly seed?: number
}

/**
 * Zero-shot accuracy on a folder for each class: each picture against every class' prompts.
 * Throws FoveaError 'input' for a folder without classes or pictures, or too many that can't be read. Source: Radford et al. 2021, section 3.1.
 *
 * @example
 * for (const kind of ['one', 'two']) await cp('shapes/train/images', `kinds/${kind}`, { recursive: true })
 * const { metrics } = await evaluateZeroShot(await loadClip('checkpoints/clip'), 'kinds')
 * console.log(metrics.accuracy)
 */
export async function evaluateZeroShot(
  model: AnyClip,
  folder: string,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const { rows, classes, texts, unreadable, similarity } = await openClasses(model, folder, options)
  const scores = products(rows, texts)
  const predicted = Array.from({ length: rows.count }, (_, i) =>
    argmax(scores.subarray(i * classes.length, (i + 1) * classes.length)),
  )
  const top5: Record<string, number> = classes.length > 5 ? { top5: topKAccuracy(scores, rows.labels, 5) } : {}
  const { metrics, confusion } = judged(predicted, rows.labels, classes)
  return {
    task: 'zeroshot',
    images: rows.count,
    unreadable,
    metrics: { ...metrics, ...top5 },
    confusion,
    similarity,
  }
}

/**
 * A linear probe on a folder for each class: of each class a fifth of the pictures tests, a fifth chooses the penalty, drawn with `seed`; the probe
 * that is tested has learned from all but the test's. Throws FoveaError 'input' like `evaluateZeroShot`, and for a class of fewer
 * than three pictures. Source: Radford et al. 2021, section 3.2 and appendix A.3.
 *
 * @example
 * for (const kind of ['one', 'two']) await cp('shapes/train/images', `probed/${kind}`, { recursive: true })
 * const { metrics } = await evaluateProbe(await loadClip('checkpoints/clip'), 'probed', { seed: 1 })
 */
export async function evaluateProbe(
  model: AnyClip,
  folder: string,
  options: EvaluateProbeOptions = {},
): Promise<Evaluation> {
  const { rows, classes, unreadable, similarity } = await openClasses(model, folder, options)
  const { train, validation, test } = split(rows, classes, options.seed ?? 0)
  const { probe } = await sweepProbe(take(rows, train), take(rows, validation), classes.length)
  const final = await linearProbe(take(rows, [...train, ...validation]), {
    classes: classes.length,
    lambda: probe.lambda,
  })
  const tested = take(rows, test)
  const { metrics, confusion } = judged(predict(final, tested), tested.labels, classes)
  const sizes = { train: train.length, validation: validation.length, test: test.length }
  const all = { ...metrics, lambda: probe.lambda, ...sizes }
  return { task: 'probe', images: rows.count, unreadable, metrics: all, confusion, similarity }
}

/**
 * Linear probes that learn from few pictures of each class: `accuracy@k` for each number of shots, on the test's fifth of `evaluateProbe`. The
 * confusion is that of the most shots. Without `shots`: 1, 2, 4, 8 and 16, as far as there are so many. Throws FoveaError 'input' like it.
 *
 * @example
 * for (const kind of ['one', 'two']) await cp('shapes/train/images', `few/${kind}`, { recursive: true })
 * const { metrics } = await evaluateFewShot(await loadClip('checkpoints/clip'), 'few', { shots: [1, 2] })
 */
export async function evaluateFewShot(
  model: AnyClip,
  folder: string,
  options: EvaluateProbeOptions & { readonly shots?: readonly number[] } = {},
): Promise<Evaluation> {
  const { seed = 0 } = options
  const { rows, classes, unreadable, similarity } = await openClasses(model, folder, options)
  const { train, validation, test } = split(rows, classes, seed)
  const fewest = Math.min(...classes.map((_, c) => train.filter((i) => rows.labels[i] === c).length))
  const shots = [...(options.shots ?? [1, 2, 4, 8, 16].filter((k) => k <= fewest))].sort((a, b) => a - b)
  if (shots.length === 0) throw new FoveaError('input', 'evaluateFewShot: expected at least one number of shots')
  const tested = take(rows, test)
  const metrics: Record<string, number> = {}
  let confusion: NamedMatrix | undefined
  for (const k of shots) {
    const few = fewShot(take(rows, train), classes.length, k, seed)
    const { probe } = await sweepProbe(few, take(rows, validation), classes.length)
    const result = judged(predict(probe, tested), tested.labels, classes)
    metrics[`accuracy@${k}`] = result.metrics.accuracy
    confusion = result.confusion
  }
  return { task: 'fewshot', images: rows.count, unreadable, metrics, confusion, similarity }
}

/**
 * Retrieval both ways between pictures and their captions: recall at 1, 5 and 10. A picture may have several captions.
 * Throws FoveaError 'input' for a folder without captions, or too many pictures that can't be read.
 *
 * @example
 * const { metrics } = await evaluateRetrieval(await loadClip('checkpoints/clip'), 'shapes/train')
 * console.log(metrics['imageToText@1'])
 */
export async function evaluateRetrieval(
  model: AnyClip,
  folder: string,
  options: EmbedFilesOptions = {},
): Promise<Evaluation> {
  const pairs = await loadCaptions(folder)
  const { images, embeddings, unreadable } = await embedAll(model, [...new Set(pairs.map((p) => p.image))], options)
  const place = new Map(images.map((image, i) => [image, i]))
  const captions = pairs.filter(({ image }) => place.has(image))
  const texts = await embedTexts(
    model,
    captions.map(({ caption }) => caption),
  )
  const owner = captions.map(({ image }) => place.get(image)!)
  const metrics: Record<string, number> = {}
  for (const { k, imageToText, textToImage } of recallAtK(embeddings, texts, owner)) {
    metrics[`imageToText@${k}`] = imageToText
    metrics[`textToImage@${k}`] = textToImage
  }
  const [n, m] = [Math.min(images.length, shown), Math.min(captions.length, shown)]
  const similarity = {
    rows: images.slice(0, n).map((image) => image.split(/[\\/]/).pop()!),
    columns: captions.slice(0, m).map(({ caption }) => caption),
    values: Array.from(products(first(embeddings, n), first(texts, m))),
  }
  return { task: 'retrieval', images: images.length, unreadable, metrics, similarity }
}

/** Pairs whose similarities are kept. */
const shown = 24

async function openClasses(model: AnyClip, folder: string, { templates, classes: file, ...options }: EvaluateOptions) {
  const { classes, images, labels }: ClassFolders = await loadClassFolders(folder, file)
  const texts = await classEmbeddings(model, classes, templates)
  const { images: read, embeddings, unreadable } = await embedAll(model, images, options)
  const labelOf = new Map(images.map((image, i) => [image, labels[i]]))
  const rows: Labelled = { ...embeddings, labels: read.map((image) => labelOf.get(image)!) }
  const values = new Array<number>(classes.length ** 2).fill(0)
  const scores = products(rows, texts)
  const sizes = new Array<number>(classes.length).fill(0)
  for (let i = 0; i < rows.count; i++) {
    sizes[rows.labels[i]]++
    for (let c = 0; c < classes.length; c++)
      values[rows.labels[i] * classes.length + c] += scores[i * classes.length + c]
  }
  const similarity = {
    rows: classes,
    columns: classes,
    values: values.map((sum, i) => sum / Math.max(1, sizes[Math.floor(i / classes.length)])),
  }
  return { rows, classes, texts, unreadable, similarity }
}

/** Rows of the pictures that can be read. */
async function embedAll(
  model: AnyClip,
  images: readonly string[],
  { maxUnreadable = 100, onUnreadable, onProgress }: EmbedFilesOptions,
) {
  let [done, failed] = [0, 0]
  const counted = async function* () {
    const rows = embedImages(model, images, {
      onUnreadable(error) {
        failed++
        onUnreadable?.(error)
        if (failed > maxUnreadable)
          throw new FoveaError('input', `${failed} pictures can't be read, and at most ${maxUnreadable} may be`)
      },
    })
    onProgress?.(0, images.length)
    for await (const row of rows) {
      yield row
      onProgress?.(++done, images.length)
    }
  }
  const { images: read, embeddings } = await collectEmbeddings(counted())
  if (read.length === 0) throw new FoveaError('input', `none of the ${images.length} pictures can be read`)
  const isRead = new Set(read)
  return { images: read, embeddings, unreadable: images.filter((image) => !isRead.has(image)) }
}

/** Of each class a fifth for the test, a fifth for validation, the rest for training. */
function split(rows: Labelled, classes: readonly string[], seed: number) {
  const order = Array.from(permutation(rows.count, seed, 0))
  const parts = { train: [] as number[], validation: [] as number[], test: [] as number[] }
  classes.forEach((name, c) => {
    const own = order.filter((i) => rows.labels[i] === c)
    if (own.length < 3)
      throw new FoveaError('input', `class ${name} has ${own.length} pictures: a probe needs three at least`)
    const fifth = Math.ceil(own.length / 5)
    parts.test.push(...own.slice(0, fifth))
    parts.validation.push(...own.slice(fifth, 2 * fifth))
    parts.train.push(...own.slice(2 * fifth))
  })
  return parts
}

function judged(predicted: ArrayLike<number>, labels: ArrayLike<number>, classes: readonly string[]) {
  const { counts } = confusionMatrix(predicted, labels, classes.length)
  const recalls = classes.flatMap((_, c) => {
    const row = counts.subarray(c * classes.length, (c + 1) * classes.length)
    const all = row.reduce((a, b) => a + b, 0)
    return all > 0 ? [row[c] / all] : []
  })
  const meanPerClass = recalls.reduce((a, b) => a + b, 0) / recalls.length
  return {
    metrics: { accuracy: accuracy(predicted, labels), meanPerClass },
    confusion: { rows: classes, columns: classes, values: Array.from(counts) },
  }
}

function take({ width, data, labels }: Labelled, places: readonly number[]): Labelled {
  const out = new Float32Array(places.length * width)
  places.forEach((row, i) => {
    out.set(data.subarray(row * width, (row + 1) * width), i * width)
  })
  return { count: places.length, width, data: out, labels: places.map((row) => labels[row]) }
}

const first = ({ width, data }: Embeddings, n: number): Embeddings => ({
  count: n,
  width,
  data: data.subarray(0, n * width),
})

/** a · bᵀ, row by row. */
function products(a: Embeddings, b: Embeddings): Float32Array {
  const out = new Float32Array(a.count * b.count)
  for (let i = 0; i < a.count; i++)
    for (let j = 0; j < b.count; j++) {
      let sum = 0
      for (let k = 0; k < a.width; k++) sum += a.data[i * a.width + k] * b.data[j * b.width + k]
      out[i * b.count + j] = sum
    }
  return out
}

const argmax = (row: Float32Array): number => row.reduce((top, x, i) => (x > row[top] ? i : top), 0)
