import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parse } from 'csv-parse/sync'
import { FoveaError } from '../../compiler/trace/error.js'

/** A picture and what it shows. */
export interface Captioned {
  /** The picture's path, absolute. */
  readonly image: string
  readonly caption: string
}

interface Row {
  readonly line: number
  readonly fields: unknown
}

/** In the order they are looked for: ours, then the names that Hugging Face's ImageFolder reads. */
const captionFiles = ['captions.jsonl', 'metadata.jsonl', 'captions.csv', 'metadata.csv']

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
  const file = join(folder, name)
  const text = await readFile(file, 'utf8')
  const rows = name.endsWith('.csv') ? csvRows(text, file) : jsonRows(text, file)
  if (rows.length === 0) throw new FoveaError('input', `${file} holds no captions. Write one line per picture.`)
  return rows.map((row) => captioned(row, folder, file))
}

function jsonRows(text: string, file: string): Row[] {
  const lines = text.replace(/^\uFEFF/, '').split('\n')
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return []
    try {
      return [{ line: i + 1, fields: JSON.parse(line) }]
    } catch (err) {
      throw badLine(file, i + 1, `not JSON (${(err as Error).message})`, 'Write one JSON object per line')
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
    throw badLine(file, lines ?? 1, `not CSV (${message})`, 'Put fields that hold commas or quotes in double quotes')
  }
}

function captioned({ line, fields }: Row, folder: string, file: string): Captioned {
  const { image, file_name, caption, text } = (fields ?? {}) as Record<string, unknown>
  const picture = image ?? file_name
  const words = caption ?? text
  if (typeof picture !== 'string' || typeof words !== 'string')
    throw badLine(
      file,
      line,
      `expected the texts "image" and "caption", got ${JSON.stringify(fields)}`,
      'Name them so, or "file_name" and "text"',
    )
  if (words.trim() === '')
    throw badLine(file, line, `the caption of ${picture} is empty`, 'Write one, or remove the line')
  const path = resolve(folder, picture)
  if (picture === '' || !existsSync(path))
    throw badLine(file, line, `there is no image ${path}`, 'Add it, or remove the line')
  return { image: path, caption: words }
}

const badLine = (file: string, line: number, what: string, todo: string): FoveaError =>
  new FoveaError('input', `${file}, line ${line}: ${what}. ${todo}.`)
