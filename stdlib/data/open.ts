import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { FoveaError } from '../../compiler/trace/error.js'
import { type Captioned, captionFiles, loadCaptions, readCaptionFile } from './captions.js'
import { readCoco } from './coco.js'
import { type CorruptLog, corruptLog } from './corrupt.js'
import { readTsv } from './tsv.js'

export interface OpenOptions {
  /** Where the pictures of COCO or a TSV are, if not beside the captions. */
  readonly images?: string
  /** Counts records that can't be used; by default one in a hundred may be skipped. */
  readonly corrupt?: CorruptLog
}

/** Pictures and captions in files of their own. */
export interface PairList {
  readonly format: 'captions' | 'coco' | 'tsv'
  readonly pairs: readonly Captioned[]
  /** Those that can't be used included. */
  readonly records: number
}

/**
 * Opens captioned pictures in the format that `path` holds: a folder with `captions.jsonl` or `captions.csv`
 * (`loadCaptions`); COCO's `annotations/captions_<split>.json`; a TSV of captions and paths or URLs, as Conceptual
 * Captions. `path` may be the file of captions itself. Records that can't be used are counted and skipped.
 *
 * @throws FoveaError 'input' if the path holds none of these, several, or too many records that can't be used
 * @example
 * const { format, pairs } = await openPairs('shapes/train')
 */
export async function openPairs(path: string, options: OpenOptions = {}): Promise<PairList> {
  const { images, corrupt = corruptLog() } = options
  const file = await captionsOf(path)
  const read = (): Promise<{ pairs: Captioned[]; records: number }> => {
    if (file.endsWith('.json')) return readCoco(file, images, corrupt)
    if (file.endsWith('.tsv')) return readTsv(file, images, corrupt)
    return readCaptionFile(file, corrupt)
  }
  const { pairs, records } = await read()
  corrupt.check(records)
  if (pairs.length === 0) throw new FoveaError('input', `${file} holds no captions`)
  return { format: file.endsWith('.json') ? 'coco' : file.endsWith('.tsv') ? 'tsv' : 'captions', pairs, records }
}

/** The file of captions at a path. */
async function captionsOf(path: string): Promise<string> {
  const about = await stat(path).catch(() => undefined)
  if (about?.isFile()) {
    if (/\.(jsonl|csv|json|tsv)$/.test(path)) return path
    throw new FoveaError('input', `expected ${path} to end in .jsonl, .csv, .json (COCO) or .tsv`)
  }
  const names = about ? (await readdir(path)).sort() : []
  const own = captionFiles.find((name) => names.includes(name))
  if (own) return join(path, own)
  const annotations = names.includes('annotations') ? await readdir(join(path, 'annotations')) : []
  const coco = [...names, ...annotations.sort().map((name) => join('annotations', name))].filter((name) =>
    /^captions_.*\.json$/.test(basename(name)),
  )
  const training = coco.filter((name) => name.includes('train'))
  const found = [...(training.length === 1 ? training : coco), ...names.filter((name) => name.endsWith('.tsv'))]
  if (found.length === 1) return join(path, found[0])
  if (found.length > 1)
    throw new FoveaError('input', `${path} holds several files of captions: ${found.join(', ')}. Name one of them.`)
  await loadCaptions(path) // Its error says what is expected.
  throw new FoveaError('input', `${path} holds no captions`)
}
