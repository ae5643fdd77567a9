import { FoveaError } from '../../compiler/trace/error.js'
import { decodeImage } from '../image/decode.js'
import { type PreprocessorConfig, resizeAndCrop, toPixelValues } from '../image/preprocess.js'
import type { Rgb } from '../image/rgb.js'
import type { Captioned } from './captions.js'
import type { CorruptLog } from './corrupt.js'
import { limiter } from './limit.js'
import { seededRandom } from './random.js'
import { permutation } from './shuffle.js'

export interface BatchOptions {
  readonly batchSize: number
  /** Same seed, same order of pictures, on every machine. */
  readonly seed: number
  /** How pictures become numbers. */
  readonly preprocessor: PreprocessorConfig
  /**
   * Called with each picture as decoded, before the preprocessor, and with a source of numbers in [0, 1) that depends on
   * nothing but the seed, the epoch and the picture's place in the set. Not together with `cache`.
   */
  readonly augment?: (image: Rgb, random: () => number) => Rgb
  /** The first batch wanted: a run that stopped after `n` steps goes on with `n`. 0 by default. */
  readonly startStep?: number
  /** How many batches are made ready ahead of the one in use, 2 by default. */
  readonly prefetch?: number
  /** Keeps every picture in memory once it is resized and cropped (as bytes): for sets that fit. */
  readonly cache?: boolean
  /** Counts pictures that can't be decoded: others take their places. Without it, the first ends the batches. */
  readonly corrupt?: CorruptLog
  /** Records that the pairs come from, for the share of corrupt ones; the number of pairs if left out. */
  readonly records?: number
}

export interface Batch {
  /** Counted from 0 over all epochs. */
  readonly step: number
  readonly epoch: number
  /** Which pairs of the set these are. */
  readonly index: readonly number[]
  /** [batchSize, 3, height, width], row-major. */
  readonly pixels: Float32Array
  readonly shape: readonly [number, 3, number, number]
  readonly captions: readonly string[]
}

/** Decoding is native work on threads of its own; two pictures at a time keep it busy without starving the rest. */
const picturesAtOnce = 2

/**
 * Batches of pictures and captions without end: each epoch goes once through the set in an order of its own, without the
 * rest that fills no batch. Batch `step` depends on nothing but the pairs and the options, so a run that
 * stopped and goes on sees what an unbroken one does. Leaving the loop stops the prefetching.
 *
 * @throws FoveaError 'input' for a bad option, fewer pairs than a batch holds, or (when its batch is due) a picture that
 * can't be decoded
 * @example
 * const augment = (image: Rgb, random: () => number): Rgb => randomResizedCrop(image, 224, { scale: [0.9, 1], random })
 * for await (const { step, pixels, captions } of batches(pairs, { batchSize: 64, seed: 0, preprocessor, augment })) {
 *   if (step === 10) break
 * }
 */
export async function* batches(pairs: readonly Captioned[], options: BatchOptions): AsyncGenerator<Batch, void, void> {
  const { batchSize, seed, preprocessor, augment, startStep = 0, prefetch = 2, cache = false } = options
  const { corrupt, records = pairs.length } = options
  check('batchSize', batchSize, 1)
  check('seed', seed, 0)
  check('startStep', startStep, 0)
  check('prefetch', prefetch, 0)
  if (augment && cache)
    throw new FoveaError(
      'input',
      'batches: expected augment or cache, got both; a picture that is kept is the same in every epoch',
    )
  const perEpoch = Math.floor(pairs.length / batchSize)
  if (perEpoch === 0)
    throw new FoveaError(
      'input',
      `batches: expected at least as many pairs as a batch holds, got ${pairs.length} and a batchSize of ${batchSize}; add pairs or take a smaller batch`,
    )

  const kept = new Map<number, Rgb>()
  const limited = limiter(picturesAtOnce)
  let stopped = false
  const broken = new Set<number>()
  /** The picture, or undefined for one that is counted as corrupt. */
  const picture = async (i: number, epoch: number): Promise<Rgb | undefined> => {
    const known = kept.get(i)
    if (known || broken.has(i)) return known
    const ready = await limited(async () => {
      if (stopped) throw new FoveaError('input', 'batches: stopped')
      const image = await decodeImage(pairs[i].image).catch((err: FoveaError) => {
        if (!corrupt) throw err
        broken.add(i)
        corrupt.add('undecodable picture', err.message)
        corrupt.check(records)
        return undefined
      })
      return image && resizeAndCrop(augment ? augment(image, seededRandom(seed, epoch, i)) : image, preprocessor)
    })
    if (cache && ready) kept.set(i, ready)
    return ready
  }

  let order: { readonly epoch: number; readonly indices: Uint32Array } | undefined
  const make = async (step: number): Promise<Batch> => {
    const epoch = Math.floor(step / perEpoch)
    if (order?.epoch !== epoch) order = { epoch, indices: permutation(pairs.length, seed, epoch) }
    const at = (step % perEpoch) * batchSize
    const { indices } = order
    const index = [...indices.subarray(at, at + batchSize)]
    const pictures = await Promise.all(index.map((i) => picture(i, epoch)))
    // The epoch's next ones stand in for what can't be decoded, so that a batch still depends on nothing but its step.
    let next = at + batchSize
    for (const [place, found] of pictures.entries()) {
      for (let stand = found; stand === undefined; next++) {
        if (next === at + pairs.length)
          throw new FoveaError('input', `batches: fewer pictures than a batch of ${batchSize} holds can be decoded`)
        index[place] = indices[next % pairs.length]
        stand = pictures[place] = await picture(index[place], epoch)
      }
    }
    const { data, shape } = toPixelValues(pictures as Rgb[], preprocessor)
    return { step, epoch, index, pixels: data, shape, captions: index.map((i) => captionOf(pairs[i], i, seed, epoch)) }
  }

  const ahead: Promise<Batch>[] = []
  try {
    for (let step = startStep, next = startStep; ; step++) {
      for (; next <= step + prefetch; next++) {
        const batch = make(next)
        batch.catch(() => {}) // A failure is thrown when the batch is due, not before.
        ahead.push(batch)
      }
      yield await ahead.shift()!
    }
  } finally {
    stopped = true
    await Promise.allSettled(ahead)
  }
}

/** A picture's caption of an epoch: all of them in turn, in an order of its own. */
function captionOf({ caption, captions = [caption] }: Captioned, index: number, seed: number, epoch: number): string {
  const { length } = captions
  if (length === 1) return captions[0]
  const order = permutation(length, seed + Math.imul(index + 1, 0x9e3779b1), Math.floor(epoch / length))
  return captions[order[epoch % length]]
}

function check(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw new FoveaError('input', `batches: ${name} must be a whole number of at least ${least}, got ${value}`)
}
