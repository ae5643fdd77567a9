import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FoveaError } from '../../index.js'
import {
  fromStateDict,
  readSafetensors,
  recoverFolder,
  saveFolder,
  toStateDict,
  writeFileAtomic,
  writeSafetensors,
} from '../../stdlib/checkpoint/index.js'
import { lossCurvePng } from '../../stdlib/show/index.js'
import { hostToParams } from '../parts/folder.js'
import { type Clip, saveClip } from './checkpoint.js'
import type { TrainState } from './step.js'

/**
 * The folder of one training run: `checkpoint/`, replaced whole at every save; `metrics.jsonl`, one line a step; `evaluations.jsonl` and
 * `best/` where the run is evaluated on its way; and `loss.png`. With a running mean of the parameters, `checkpoint/ema/` is the model that it makes. The checkpoint holds nothing that differs between two runs of the same numbers: no times, no paths.
 */

/** What a step did, as a line of metrics.jsonl. */
export interface StepRecord {
  /** Steps done, this one included. */
  readonly step: number
  readonly loss: number
  readonly lr: number
  readonly images_per_s: number
  /** Seconds that the step waited for its data. */
  readonly stall_s: number
}

/** What an evaluation on the way measured, as a line of evaluations.jsonl: recalls of retrieval. */
export type EvaluationRecord = { readonly step: number } & Readonly<Record<string, number>>

/** training.json: where the run is, and all that its numbers depend on. */
export interface Progress {
  readonly step: number
  readonly options: Readonly<Record<string, number | string | boolean>> & { readonly steps: number }
  /** A digest of the captions. */
  readonly data: string
}

export interface Snapshot {
  readonly clip: Clip
  readonly state: TrainState
  /** The running mean of all steps' parameters, if one is kept. */
  readonly average?: Clip['params']
  readonly progress: Progress
}

export const checkpointFolder = (run: string): string => join(run, 'checkpoint')
const metricsFile = (run: string): string => join(run, 'metrics.jsonl')
const evaluationsFile = (run: string): string => join(run, 'evaluations.jsonl')

/** Saves a run's checkpoint, whole or not at all. Throws FoveaError 'save'; the checkpoint before is then as it was. */
export async function saveRun(run: string, { clip, state, average, progress }: Snapshot): Promise<void> {
  await saveFolder(checkpointFolder(run), async (draft) => {
    await saveClip(draft, clip)
    if (average) {
      await mkdir(join(draft, 'ema'))
      await saveClip(join(draft, 'ema'), { ...clip, params: average })
    }
    await writeSafetensors(join(draft, 'optimizer.safetensors'), await toStateDict(state))
    await writeFile(join(draft, 'training.json'), `${JSON.stringify(progress, null, 2)}\n`)
  })
}

/** Where a run's checkpoint is, or undefined if it has none. Throws FoveaError 'checkpoint' if that can't be read. */
export async function readProgress(run: string): Promise<Progress | undefined> {
  const folder = checkpointFolder(run)
  await recoverFolder(folder)
  const file = join(folder, 'training.json')
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Progress
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new FoveaError('checkpoint', `cannot read ${file}: ${(err as Error).message}. Train into another folder.`)
  }
}

/** Reads the optimiser's state of a run's checkpoint; `template` has its tree. Throws FoveaError 'checkpoint'. */
export async function loadState(run: string, template: Snapshot['state']): Promise<Snapshot['state']> {
  const file = join(checkpointFolder(run), 'optimizer.safetensors')
  return hostToParams(fromStateDict(template, await readSafetensors(file))) as unknown as Snapshot['state']
}

/** Makes the folder, and its records up to `step`: a run that goes on writes the later ones again. */
export async function startRecords(run: string, step: number): Promise<void> {
  await saving(run, () => mkdir(run, { recursive: true }))
  for (const file of [metricsFile(run), evaluationsFile(run)]) {
    const kept = step === 0 ? [] : (await readRecords(file)).filter((record) => record.step <= step)
    if (kept.length > 0 || file === metricsFile(run)) await writeFileAtomic(file, lines(kept))
    else await rm(file, { force: true })
  }
}

/** Throws FoveaError 'save'. */
export async function appendMetrics(run: string, records: readonly StepRecord[]): Promise<void> {
  await saving(metricsFile(run), () => writeFile(metricsFile(run), lines(records), { flag: 'a' }))
}

/**
 * Appends to evaluations.jsonl, and where the mean of the recalls is above all before, saves the model as `best/`. Throws FoveaError 'save'.
 */
export async function saveEvaluation(run: string, record: EvaluationRecord, clip: Clip): Promise<{ best: boolean }> {
  const before = await readRecords<EvaluationRecord>(evaluationsFile(run))
  const best = before.every((other) => meanRecall(other) < meanRecall(record))
  if (best) await saveFolder(join(run, 'best'), (draft) => saveClip(draft, clip))
  await saving(evaluationsFile(run), () => writeFile(evaluationsFile(run), lines([record]), { flag: 'a' }))
  return { best }
}
function meanRecall({ step: _, ...recalls }: EvaluationRecord): number {
  const all = Object.values(recalls)
  return all.reduce((a, b) => a + b, 0) / all.length
}

/** Draws loss.png from metrics.jsonl. */
export async function drawLoss(run: string): Promise<void> {
  const records = await readRecords<StepRecord>(metricsFile(run))
  if (records.length === 0) return
  await writeFileAtomic(join(run, 'loss.png'), [await lossCurvePng(records, { title: 'Contrastive loss' })])
}

const lines = (records: readonly object[]): string => records.map((record) => `${JSON.stringify(record)}\n`).join('')

async function readRecords<T extends { readonly step: number }>(file: string): Promise<T[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as T]
    } catch {
      return [] // the end of the file, or a line that a crash cut off
    }
  })
}

async function saving(path: string, write: () => Promise<unknown>): Promise<void> {
  try {
    await write()
  } catch (err) {
    const why = (err as NodeJS.ErrnoException).code === 'ENOSPC' ? 'no space left on the disk' : (err as Error).message
    throw new FoveaError('save', `cannot write ${path}: ${why}. Checkpoints saved before are untouched.`, undefined, {
      cause: err,
    })
  }
}
