import { readFile, rm } from 'node:fs/promises'
import { extname } from 'node:path'
import { FoveaError } from '../../index.js'
import {
  openSafetensors,
  readNpy,
  readSafetensors,
  writeFileAtomic,
  writeNpy,
  writeSafetensors,
} from '../../stdlib/checkpoint/index.js'
import { findPictures } from '../../stdlib/data/index.js'
import type { AnyClip } from './checkpoint.js'
import { type Embeddings, embedTexts } from './embed.js'
import { type EmbedFilesOptions, embedFiles } from './journal.js'

/** Embeddings, and what each row is of: a picture's path, or a text. */
export interface NamedEmbeddings extends Embeddings {
  readonly names: readonly string[]
}

const formats = ['.npy', '.safetensors', '.jsonl'] as const

function formatOf(file: string): (typeof formats)[number] {
  const ending = formats.find((format) => format === extname(file))
  if (!ending) throw new FoveaError('input', `expected a file that ends in ${formats.join(', ')}, got ${file}`)
  return ending
}

/** `.npy` has no place for names: they stand beside it, a JSON text a line. */
const namesFile = (file: string): string => `${file}.names.jsonl`

/**
 * Writes embeddings, whole or not at all, in the format that the file's ending names: `.npy` for NumPy, with the names beside it in
 * `FILE.names.jsonl`; `.safetensors`, the tensor `embeddings` with the names as a JSON array in its metadata; `.jsonl`, a line
 * `{"name": …, "embedding": […]}` a row.
 * Throws FoveaError 'input' for another ending or names that don't fit, 'save' if it can't be written.
 *
 * @example
 * await writeEmbeddings('rows.npy', { names: ['a.png'], count: 1, width: 2, data: new Float32Array([0.6, 0.8]) })
 */
export async function writeEmbeddings(file: string, rows: NamedEmbeddings): Promise<void> {
  const { names, count, width, data } = rows
  const format = formatOf(file)
  if (names.length !== count || data.length !== count * width)
    throw new FoveaError(
      'input',
      `writeEmbeddings: expected ${count} names and ${count * width} numbers, got ${names.length} and ${data.length}`,
    )
  if (format === '.npy') {
    await writeFileAtomic(namesFile(file), names.map((name) => `${JSON.stringify(name)}\n`).join(''))
    await writeNpy(file, { shape: [count, width], data })
  } else if (format === '.safetensors')
    await writeSafetensors(file, [['embeddings', { shape: [count, width], dtype: 'f32', data }]], {
      format: 'pt',
      names: JSON.stringify(names),
    })
  else {
    const encoder = new TextEncoder()
    const line = (name: string, i: number): string =>
      `${JSON.stringify({ name, embedding: Array.from(data.subarray(i * width, (i + 1) * width)) })}\n`
    await writeFileAtomic(
      file,
      names.map((name, i) => encoder.encode(line(name, i))),
    )
  }
}

/**
 * Reads what `writeEmbeddings` wrote. Throws FoveaError 'input' for another ending, 'checkpoint' for a file that can't be read or isn't whole.
 *
 * @example
 * await writeEmbeddings('rows.jsonl', { names: ['a.png'], count: 1, width: 2, data: new Float32Array([0.6, 0.8]) })
 * const { names, width, data } = await readEmbeddings('rows.jsonl')
 */
export async function readEmbeddings(file: string): Promise<NamedEmbeddings> {
  const format = formatOf(file)
  try {
    if (format === '.jsonl') return fromLines(await jsonLines(file))
    const isNpy = format === '.npy'
    const { shape, data } = isNpy ? await readNpy(file) : (await readSafetensors(file)).get('embeddings')!
    const names = isNpy ? await jsonLines(namesFile(file)) : await safetensorsNames(file)
    const [count, width] = shape
    if (shape.length !== 2 || !(data instanceof Float32Array) || !isTexts(names) || names.length !== count)
      throw new Error(`expected rows of f32 with a name each, got shape [${shape}] and ${names.length} names`)
    return { names, count, width, data }
  } catch (err) {
    if (err instanceof FoveaError) throw err
    throw new FoveaError('checkpoint', `cannot read ${file}: ${(err as Error).message}. Write it again.`)
  }
}

const isTexts = (names: readonly unknown[]): names is string[] => names.every((name) => typeof name === 'string')

async function safetensorsNames(file: string): Promise<unknown[]> {
  const { metadata, close } = await openSafetensors(file)
  await close()
  return JSON.parse(metadata.names ?? '[]')
}

async function jsonLines(file: string): Promise<unknown[]> {
  return (await readFile(file, 'utf8')).split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
}

function fromLines(lines: readonly unknown[]): NamedEmbeddings {
  const rows = lines as readonly { name: string; embedding: readonly number[] }[]
  const width = rows[0]?.embedding.length ?? 0
  const data = new Float32Array(rows.length * width)
  rows.forEach(({ name, embedding }, i) => {
    if (typeof name !== 'string' || embedding.length !== width || !embedding.every(Number.isFinite))
      throw new Error(`line ${i + 1}: expected a name and ${width} numbers`)
    data.set(embedding, i * width)
  })
  return { names: rows.map(({ name }) => name), count: rows.length, width, data }
}

export interface EmbedToFileOptions extends EmbedFilesOptions {
  /** Their rows follow the pictures'. */
  readonly texts?: readonly string[]
}

/**
 * Embeds pictures, files and folders of them, and texts into a file ({@link writeEmbeddings} has the formats). A run that was stopped goes on:
 * until all is written, rows wait in `FILE.partial.jsonl`. Throws FoveaError 'input' for too many unreadable pictures, or none that can be read.
 *
 * @example
 * const { images, width } = await embedToFile(await loadClip('checkpoints/clip'), ['shapes/train'], 'shapes.npy')
 */
export async function embedToFile(
  model: AnyClip,
  paths: readonly string[],
  file: string,
  { texts = [], ...options }: EmbedToFileOptions = {},
): Promise<{ images: number; texts: number; width: number; kept: number; unreadable: readonly string[] }> {
  formatOf(file)
  const files = paths.length === 0 && texts.length > 0 ? [] : await findPictures(paths)
  const journal = `${file}.partial.jsonl`
  const { rows, unreadable, kept } = await embedFiles(model, files, journal, options)
  if (files.length > 0 && rows.size === 0)
    throw new FoveaError('input', `none of the ${files.length} pictures can be read`)
  const width = model.config.projection_dim
  const count = rows.size + texts.length
  const data = new Float32Array(count * width)
  const images = files.flatMap(({ image }) => (rows.has(image) ? [image] : []))
  images.forEach((image, i) => {
    data.set(rows.get(image)!, i * width)
  })
  if (texts.length > 0) data.set((await embedTexts(model, texts)).data, images.length * width)
  await writeEmbeddings(file, { names: [...images, ...texts], count, width, data })
  await rm(journal, { force: true })
  return { images: images.length, texts: texts.length, width, kept, unreadable }
}
