import { FoveaError, tensor } from '../../index.js'
import { toStateDict } from '../../stdlib/checkpoint/index.js'
import {
  type BatchOptions,
  batches,
  type CorruptKind,
  type CorruptOptions,
  corruptLog,
  loadCaptions,
} from '../../stdlib/data/index.js'
import { flipHorizontal, randomResizedCrop } from '../../stdlib/image/index.js'
import { combineParams } from '../../stdlib/optim/index.js'
import { trainBpe } from '../../stdlib/text/index.js'
import { type Clip, loadClip } from './checkpoint.js'
import { parseConfig, smallConfig } from './config.js'
import { evaluateRetrieval } from './evaluation.js'
import { diverged, lossReader } from './losses.js'
import { clipPreprocessor, encodeCaptions, loadPairs } from './pairs.js'
import { initClip } from './params.js'
import { recipe } from './recipe.js'
import {
  appendMetrics,
  checkpointFolder,
  drawLoss,
  type EvaluationRecord,
  loadState,
  readProgress,
  type Snapshot,
  type StepRecord,
  saveEvaluation,
  saveRun,
  startRecords,
} from './run.js'
import { type Freeze, type Pixels, type Tokens, trainStep } from './step.js'

/** What the numbers of a run depend on, save its data; `recipe` has the defaults. */
export interface TrainSettings {
  readonly steps: number
  readonly batchSize: number
  /** Peak of the learning rate. */
  readonly lr: number
  /** Steps until the peak; a tenth of the steps at most, if left out. */
  readonly warmup: number
  readonly weightDecay: number
  /** Peak of Muon's rate, for matrices; 0: AdamW for every parameter. */
  readonly muonLr: number
  readonly seed: number
  /** Parts in which a batch goes through the towers, for less memory; the loss is still that of the whole batch. */
  readonly accumulate: number
  /** The tower, with its projection, that is not trained. */
  readonly freeze: Freeze
  /** Learning rates fall by this factor a layer, from the top down. */
  readonly layerDecay: number
  /** Decay of a running mean of the parameters, saved as `checkpoint/ema/`; 0: none. */
  readonly ema: number
  /** Gradients whose norm, over all parameters, is above this are scaled down to it (`clipByGlobalNorm`); 0: none are. */
  readonly clipGradNorm: number
  /** Pictures are cropped at random to at least this share of their area (`randomResizedCrop`); 1: none are. */
  readonly cropScale: number
  /** Pictures are mirrored at random, one in two. */
  readonly flip: boolean
  /** Pixels of a new model's pictures. */
  readonly imageSize: number
  /** Tokens of a new model's texts. */
  readonly maxLength: number
}

export interface TrainOptions extends Partial<TrainSettings>, CorruptOptions {
  /** What `openPairs` reads. */
  readonly data: string
  /** Where the pictures of COCO or a TSV are, if not beside the captions. */
  readonly images?: string
  /** The run's folder: `checkpoint/`, `metrics.jsonl`, `loss.png`. */
  readonly out: string
  /** A CLIP folder to start from, instead of a new model. */
  readonly from?: string
  /** The size of a new model. */
  readonly config?: typeof smallConfig
  /** Goes on from the checkpoint in `out`, with the options it was started with. */
  readonly resume?: boolean
  /** Steps between checkpoints. */
  readonly saveEvery?: number
  /** A folder of captioned pictures on which retrieval is measured, every `evalEvery` steps and at the end; the best model is kept in `best/`. */
  readonly evalData?: string
  /** Steps between evaluations; a tenth of all, if left out. */
  readonly evalEvery?: number
  /** Stops after the step under way, and saves. */
  readonly signal?: AbortSignal
  /** When the first step is under way, its program compiled: how many steps there are, and how many were done before. */
  readonly onStart?: (start: { readonly step: number; readonly steps: number }) => void
  /** Every step, in order, some steps after it was done. */
  readonly onStep?: (record: StepRecord, settings: TrainSettings) => void
  /** Every evaluation, and whether it is the best one so far. */
  readonly onEvaluation?: (record: EvaluationRecord, best: boolean) => void
}

export interface Trained {
  readonly clip: Clip
  /** Steps done; fewer than asked for if the run was stopped. */
  readonly step: number
  readonly steps: number
  /** Where the checkpoint is. */
  readonly checkpoint: string
  /** Records that were skipped, by what is wrong with them. */
  readonly corrupt: Readonly<Partial<Record<CorruptKind, number>>>
}

/** Pictures are kept in memory, resized, if all fit in this many bytes. */
const cacheBytes = 512 * 2 ** 20

/**
 * Trains a CLIP on captioned pictures, in any format that `openPairs` reads. A stopped run that is resumed ends with the
 * same checkpoint, byte for byte, as one that was not stopped (on the same kind of device).
 *
 * Throws FoveaError 'input' for data, options or a run folder that can't be used, 'diverged' when the loss is no longer
 * finite, 'save' when a checkpoint can't be written (the one before stays), and the device's errors.
 *
 * @example
 * const { clip } = await trainClip({ data: 'shapes/train', out: 'runs/shapes', steps: 600 })
 */
export async function trainClip(options: TrainOptions): Promise<Trained> {
  const { out, signal, saveEvery = recipe.saveEvery } = options
  const corrupt = corruptLog(options)
  const { pairs, captions, digest, records } = await loadPairs(options.data, { images: options.images, corrupt })
  const { clip, settings, step: first } = await begin(options, captions, digest)
  const { config, tokenizer, preprocessor } = clip
  const { steps, batchSize, seed } = settings
  const texts = encodeCaptions(captions, tokenizer, config.text_config.max_position_embeddings)
  const size = config.vision_config.image_size
  const { step, split, init, rates } = trainStep(config, settings)

  let [params, held] = split(clip.params)
  let state = options.resume ? await loadState(out, init(params)) : init(params)
  let done = first
  const model = (): Clip => ({ ...clip, params: combineParams(params, held) })
  const result = (): Trained => ({
    clip: model(),
    step: done,
    steps,
    checkpoint: checkpointFolder(out),
    corrupt: corrupt.counts(),
  })
  const snapshot = (): Snapshot => ({
    clip: model(),
    state,
    average: state.average && combineParams(state.average, held),
    progress: { step: done, options: { ...settings }, data: digest },
  })
  if (first === steps) return result()

  await startRecords(out, first)
  const lr = await rates()
  const losses = lossReader({
    rates: lr,
    batchSize,
    async read(records) {
      await appendMetrics(out, records)
      for (const record of records) options.onStep?.(record, settings)
    },
  })
  const save = async (): Promise<void> => {
    await losses.settle()
    // The loss of a step is finite when its update was the first that is not.
    for (const [name, { data }] of await toStateDict(params))
      if (!data.every(Number.isFinite)) throw diverged(`${name} is not finite after step ${done}`, lr[done - 1])
    await saveRun(out, snapshot())
  }

  const { evalData, evalEvery = Math.ceil(steps / 10) } = options
  if (!(evalEvery >= 1)) throw new FoveaError('input', `expected evalEvery to be at least 1, got ${evalEvery}`)
  // A wrong folder is better known now than at the first evaluation.
  if (evalData !== undefined) await loadCaptions(evalData)
  const evaluate = async (data: string): Promise<void> => {
    await losses.settle()
    const { metrics } = await evaluateRetrieval(model(), data)
    const record = { step: done, ...metrics }
    const { best } = await saveEvaluation(out, record, model())
    options.onEvaluation?.(record, best)
  }

  const augment = augmentation(settings, size)
  const cache = !augment && pairs.length * 3 * size ** 2 <= cacheBytes
  const order = { batchSize, seed, preprocessor, startStep: first, cache, augment, corrupt, records }
  let ready = performance.now()
  for await (const batch of batches(pairs, order)) {
    const stall = (performance.now() - ready) / 1000
    if (signal?.aborted) break
    const { ids, mask } = texts.rows(batch.captions)
    const shape = [batchSize, texts.length]
    const inputs = [tensor(batch.pixels, batch.shape), tensor(ids, shape), tensor(mask, shape)] as unknown
    const [pixels, tokens, seen] = inputs as [Pixels, Tokens, Tokens]
    const [nextParams, nextState, loss] = await step(params, state, pixels, tokens, seen, held)
    for (const x of [pixels, tokens, seen]) x.dispose()
    if (done === first) options.onStart?.({ step: first, steps })
    params = nextParams
    state = nextState
    done = batch.step + 1
    await losses.take(done, loss, stall)
    if (evalData !== undefined && (done % evalEvery === 0 || done === steps)) await evaluate(evalData)
    if (done === steps) break
    if (done % saveEvery === 0) await save()
    ready = performance.now()
  }
  await save()
  await drawLoss(out)
  return result()
}

/** What is done to a picture before it is prepared, or undefined. */
function augmentation({ cropScale, flip }: TrainSettings, size: number): BatchOptions['augment'] {
  if (cropScale === 1 && !flip) return undefined
  const scale = [cropScale, 1] as const
  return (image, random) => {
    const seen = cropScale < 1 ? randomResizedCrop(image, size, { scale, filter: 'bicubic', random }) : image
    return flip && random() < 0.5 ? flipHorizontal(seen) : seen
  }
}

/** What a run starts with: a new model, a given one, or its own checkpoint. */
async function begin(
  options: TrainOptions,
  captions: readonly string[],
  digest: string,
): Promise<{ clip: Clip; settings: TrainSettings; step: number }> {
  const { out, data, from, resume = false } = options
  const saved = await readProgress(out)
  if (!resume) {
    if (saved)
      throw new FoveaError(
        'input',
        `${out} already holds a run (step ${saved.step} of ${saved.options.steps}): resume it (--resume), or train into another folder`,
      )
    return { ...(await fresh(options, captions)), step: 0 }
  }
  if (!saved)
    throw new FoveaError('input', `nothing to resume: ${out} holds no checkpoint; start a run without resuming`)
  const absent = { ...later(recipe), ...saved.options }
  const settings = { ...saved.options, ...absent } as unknown as TrainSettings
  for (const [name, value] of Object.entries(settings)) {
    const given = options[name as keyof TrainSettings]
    if (given !== undefined && given !== value)
      throw new FoveaError(
        'input',
        `cannot resume ${out} with ${name} ${given}: it was started with ${value}; leave the option out, or train into another folder`,
      )
  }
  if (from !== undefined)
    throw new FoveaError('input', `cannot resume ${out} from ${from}: a run goes on from its own checkpoint`)
  if (saved.data !== digest)
    throw new FoveaError('input', `cannot resume ${out}: the captions in ${data} are not those it was started with`)
  return { clip: await loadClip(checkpointFolder(out)), settings, step: saved.step }
}

async function fresh(
  options: TrainOptions,
  captions: readonly string[],
): Promise<{ clip: Clip; settings: TrainSettings }> {
  const { from, config: sized = smallConfig, steps = recipe.steps } = options
  const { warmup = Math.min(recipe.warmup, Math.floor(steps / 10)) } = options
  const wanted = { ...recipe, ...defined(options) }
  const { batchSize, lr, weightDecay, muonLr, seed } = wanted
  const given = { steps, batchSize, lr, warmup, weightDecay, muonLr, seed, ...later(wanted) }
  check(given)
  if (from === undefined) {
    const { imageSize = recipe.imageSize, maxLength = recipe.maxLength } = options
    const tokenizer = trainBpe(captions, { vocabSize: recipe.vocabSize, maxLength })
    const { vocabSize, bosId, eosId, padId } = tokenizer
    const sizes = { vocabSize, bosId: bosId!, eosId: eosId!, padId, imageSize, maxLength }
    // Parsed as it will be when the run is resumed: the same fields in the same order.
    const config = parseConfig(sized(sizes), "the new model's config")
    const params = await initClip(config, seed)
    const clip = { config, params, tokenizer, preprocessor: clipPreprocessor(imageSize) }
    return { clip, settings: { ...given, imageSize, maxLength } }
  }
  const clip = await loadClip(from)
  const imageSize = clip.config.vision_config.image_size
  const maxLength = clip.config.text_config.max_position_embeddings
  for (const [name, value] of Object.entries({ imageSize, maxLength })) {
    const wanted = options[name as 'imageSize' | 'maxLength']
    if (wanted !== undefined && wanted !== value)
      throw new FoveaError('input', `${name} ${wanted}: the model in ${from} has ${value}; leave the option out`)
  }
  return { clip, settings: { ...given, imageSize, maxLength } }
}

/** Settings that checkpoints of earlier versions don't have: those runs had the recipe's. */
const later = ({
  accumulate,
  freeze,
  layerDecay,
  ema,
  clipGradNorm,
  cropScale,
  flip,
}: Omit<TrainSettings, 'warmup'>) => ({
  accumulate,
  freeze,
  layerDecay,
  ema,
  clipGradNorm,
  cropScale,
  flip,
})

const defined = <T extends object>(options: T): Partial<T> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>

function check(settings: Omit<TrainSettings, 'imageSize' | 'maxLength'>): void {
  const bad = (name: string, expected: string, got: number | string): never => {
    throw new FoveaError('input', `expected ${name} to be ${expected}, got ${got}`)
  }
  const least = { steps: 1, batchSize: 2, warmup: 0, seed: 0, accumulate: 1 } as const
  for (const [name, low] of Object.entries(least)) {
    const value = settings[name as keyof typeof least]
    if (!Number.isSafeInteger(value) || value < low) bad(name, `a whole number of at least ${low}`, value)
  }
  const { batchSize, accumulate, freeze, layerDecay, ema, cropScale } = settings
  if (batchSize % accumulate !== 0) bad('accumulate', `a divisor of the batch of ${batchSize} pairs`, accumulate)
  if (!['none', 'image', 'text'].includes(freeze)) bad('freeze', "'none', 'image' or 'text'", freeze)
  if (!(layerDecay > 0 && layerDecay <= 1)) bad('layerDecay', 'above 0 and at most 1', layerDecay)
  if (!(cropScale > 0 && cropScale <= 1)) bad('cropScale', 'above 0 and at most 1', cropScale)
  if (!(ema >= 0 && ema < 1)) bad('ema', 'at least 0 and below 1', ema)
  if (settings.warmup >= settings.steps) bad('warmup', `less than the ${settings.steps} steps`, settings.warmup)
  if (!(settings.lr > 0 && settings.lr < Infinity)) bad('lr', 'a number above 0', settings.lr)
  for (const name of ['weightDecay', 'muonLr', 'clipGradNorm'] as const)
    if (!(settings[name] >= 0 && settings[name] < Infinity)) bad(name, 'a number of at least 0', settings[name])
}
