import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { parse } from 'csv-parse/sync'
import { FoveaError } from '../../compiler/trace/error.js'
import { type CorruptKind, type CorruptLog, captionFault, faultWords, strict } from './corrupt.js'

/** A picture and what it shows. */
export interface Captioned {
  /** The picture's path, absolute. */
  readonly image: string
  readonly caption: string
  /** All captions, where a picture has several: each epoch takes one, and so many epochs take all. */
  readonly captions?: readonly string[]
}

interface Row {
  readonly line: number
  readonly fields: unknown
}

/** In the order they are looked for: ours, then the names that Hugging Face's ImageFolder reads. */
export const captionFiles = ['captions.jsonl', 'metadata.jsonl', 'captions.csv', 'metadata.csv']

/**
 * Reads a folder of pictures with captions: `captions.jsonl` with lines `{"image": "…", "caption": "…"}`, or
 * `captions.csv` with the header `image,caption`. Hugging Face's ImageFolder (`metadata.jsonl` or `metadata.csv` with
 * `file_name` and `text`) works as it is. Paths are relative to the folder.
 *
 * @throws FoveaError 'input' if there is no such file, a line can't be read, a caption is empty or its picture missing;
 * the message names file and line
 * @example
 * const pairs = await loadCaptions('shapes/train')
 * pairs[0] // { image: '/data/shapes/train/images/000001.png', caption: 'a large red circle' }
 */
export async function loadCaptions(folder: string): Promise<Captioned[]> {
  const names = await readdir(folder).catch((err: NodeJS.ErrnoException) => {
    const why = err.code === 'ENOENT' ? 'there is no such folder' : err.message
    throw new FoveaError('input', `cannot read captions from ${folder}: ${why}. Check the path.`)
  })
  const name = captionFiles.find((file) => names.includes(file))
  if (name === undefined) {
    const found = names.length > 0 ? `it holds ${names.sort().slice(0, 5).join(', ')}` : 'it is empty'
    throw new FoveaError(
      'input',
      `expected captions.jsonl or captions.csv in ${folder}, but ${found}. ` +
        'Write one line per picture: {"image": "cat.jpg", "caption": "a ginger cat"}.',
    )
  }
  return (await readCaptionFile(join(folder, name), strict)).pairs
}

/** Pairs that can be used, and how many records there were. */
export interface Read {
  readonly pairs: Captioned[]
  readonly records: number
}

/** Reads one such file; paths are relative to its folder. */
export async function readCaptionFile(file: string, log: CorruptLog): Promise<Read> {
  const text = await readFile(file, 'utf8')
  const rows = file.endsWith('.csv') ? csvRows(text, file) : jsonRows(text, file, log)
  if (rows.length === 0) throw new FoveaError('input', `${file} holds no captions. Write one line per picture.`)
  const pairs = rows.map((row) => row && captioned(row, dirname(file), file, log)).filter((pair) => pair !== undefined)
  return { pairs, records: rows.length }
}

function jsonRows(text: string, file: string, log: CorruptLog): (Row | undefined)[] {
  const lines = text.replace(/^\uFEFF/, '').split('\n')
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return []
    try {
      return [{ line: i + 1, fields: JSON.parse(line) }]
    } catch (err) {
      const why = `not JSON (${(err as Error).message})`
      log.add('unreadable record', badLine(file, i + 1, why, 'Write one JSON object per line'))
      return [undefined]
    }
  })
}

function csvRows(text: string, file: string): Row[] {
  try {
    const parsed = parse(text, { columns: true, bom: true, info: true, skip_empty_lines: true, trim: true })
    return (parsed as unknown as { info: { lines: number }; record: unknown }[]).map(({ info, record }) => ({
      line: info.lines,
      fields: record,
    }))
  } catch (err) {
    const { message, lines } = err as Error & { lines?: number }
    const todo = 'Put fields that hold commas or quotes in double quotes'
    throw new FoveaError('input', badLine(file, lines ?? 1, `not CSV (${message})`, todo))
  }
}

function captioned({ line, fields }: Row, folder: string, file: string, log: CorruptLog): Captioned | undefined {
  const bad = (kind: CorruptKind, what: string, todo: string): void => log.add(kind, badLine(file, line, what, todo))
  const { image, file_name, caption, text } = (fields ?? {}) as Record<string, unknown>
  const picture = image ?? file_name
  const words = caption ?? text
  if (typeof picture !== 'string' || typeof words !== 'string') {
    const what = `expected the texts "image" and "caption", got ${JSON.stringify(fields)}`
    bad('unreadable record', what, 'Name them so, or "file_name" and "text"')
    return undefined
  }
  const fault = captionFault(words)
  if (fault) {
    bad(fault, `the caption of ${picture} ${faultWords[fault]}`, 'Write one, or remove the line')
    return undefined
  }
  const path = resolve(folder, picture)
  if (picture === '' || !existsSync(path)) {
    bad('missing picture', `there is no image ${path}`, 'Add it, or remove the line')
    return undefined
  }
  return { image: path, caption: words }
}

const badLine = (file: string, line: number, what: string, todo: string): string =>
  `${file}, line ${line}: ${what}. ${todo}.`
