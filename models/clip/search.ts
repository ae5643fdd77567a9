import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { FoveaError } from '../../index.js'
import { readNpy, recoverFolder, saveFolder, writeNpy } from '../../stdlib/checkpoint/index.js'
import { findPictures, type PictureFile } from '../../stdlib/data/index.js'
import type { AnyClip } from './checkpoint.js'
import { collectEmbeddings, type Embeddings, embedImages, embedTexts } from './embed.js'
import { fingerprint } from './fingerprint.js'
import { type EmbedFilesOptions, embedFiles } from './journal.js'

/** Pictures with their embeddings, made by one model. */
export interface PictureIndex {
  /** The model's digest. */
  readonly model: string
  /** Paths are absolute. */
  readonly pictures: readonly PictureFile[]
  readonly embeddings: Embeddings
}

const [list, rowsFile, version] = ['index.json', 'embeddings.npy', 1]

/**
 * Opens an index that `updateIndex` made. Throws FoveaError 'input' if there is none or another model made it, 'checkpoint' if it isn't whole.
 *
 * @example
 * const model = await loadClip('checkpoints/clip')
 * await updateIndex('opened.index', model, ['shapes/train'])
 * const { pictures } = await openIndex('opened.index', model)
 */
export async function openIndex(folder: string, model: AnyClip): Promise<PictureIndex> {
  return open(folder, await fingerprint(model))
}

async function open(folder: string, digest: string): Promise<PictureIndex> {
  await recoverFolder(folder)
  const file = join(folder, list)
  const text = await readFile(file, 'utf8').catch((err: NodeJS.ErrnoException) => {
    const why = err.code === 'ENOENT' ? 'it is not there' : err.message
    throw new FoveaError('input', `cannot read the index ${file}: ${why}; make one of a folder of pictures (--add)`)
  })
  const damaged = (why: string): FoveaError =>
    new FoveaError('checkpoint', `the index ${folder} is damaged: ${why}. Remove it and make it anew.`)
  let index: { version: number; model: string; pictures: readonly PictureFile[] }
  try {
    index = JSON.parse(text)
  } catch (err) {
    throw damaged(`${list} is not JSON (${(err as Error).message})`)
  }
  if (index?.version !== version || !Array.isArray(index.pictures) || !index.pictures.every(isPicture))
    throw damaged(`${list} is no list of pictures of version ${version}`)
  if (index.model !== digest)
    throw new FoveaError(
      'input',
      `the index ${folder} was made by another model: use that model, or make an index of your own for this one`,
    )
  const { shape, data } = await readNpy(join(folder, rowsFile))
  const [count, width] = shape
  if (shape.length !== 2 || count !== index.pictures.length)
    throw damaged(`${index.pictures.length} pictures, but embeddings of shape [${shape}]`)
  return { model: index.model, pictures: index.pictures, embeddings: { count, width, data } }
}

const isPicture = (file: PictureFile | undefined): boolean =>
  typeof file?.image === 'string' && typeof file.size === 'number' && typeof file.mtime === 'number'

export interface UpdatedIndex extends PictureIndex {
  /** Pictures embedded because they are new or have changed. */
  readonly embedded: number
  /** Pictures dropped because they are gone. */
  readonly dropped: number
  readonly unreadable: readonly string[]
}

/**
 * Brings an index up to date, or makes it: of pictures under `paths` those that are new or have changed (by size and time) are embedded, and
 * pictures that are no longer there are dropped. The folder is replaced whole or not at all; a run that was stopped goes on
 * from `FOLDER.partial.jsonl`. Throws FoveaError 'input' if the folder holds something else, or another model's index.
 *
 * @example
 * const index = await updateIndex('shapes.index', await loadClip('checkpoints/clip'), ['shapes/train'])
 */
export async function updateIndex(
  folder: string,
  model: AnyClip,
  paths: readonly string[],
  options: EmbedFilesOptions = {},
): Promise<UpdatedIndex> {
  await recoverFolder(folder)
  const names: string[] = await readdir(folder).catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return []
    throw new FoveaError('input', `cannot write the index ${folder}: ${err.message}; name another folder`)
  })
  const foreign = names.filter((name) => name !== list && name !== rowsFile)
  if (foreign.length > 0)
    throw new FoveaError('input', `${folder} is no index: it holds ${foreign.slice(0, 3).join(', ')}; name another`)
  const digest = await fingerprint(model)
  const before = names.length > 0 ? await open(folder, digest) : undefined
  const found = (await findPictures(paths)).map((file) => ({ ...file, image: resolve(file.image) }))

  const place = new Map(before?.pictures.map(({ image }, i) => [image, i]))
  const fresh = found.filter(({ image, size, mtime }) => {
    const old = before?.pictures[place.get(image) ?? -1]
    return old?.size !== size || old.mtime !== mtime
  })
  const journal = `${resolve(folder)}.partial.jsonl`
  const { rows, unreadable } = await embedFiles(model, fresh, journal, options)
  const isFresh = new Set(fresh.map(({ image }) => image))
  const there = await Promise.all((before?.pictures ?? []).map(({ image }) => stat(image).catch(() => undefined)))
  const kept = (before?.pictures ?? []).filter(({ image }, i) => there[i]?.isFile() && !isFresh.has(image))
  const pictures = [...kept, ...fresh.filter(({ image }) => rows.has(image))]
  if (pictures.length === 0)
    throw new FoveaError('input', `none of the pictures in ${paths.join(', ')} can be read: the index would be empty`)
  const width = model.config.projection_dim
  const data = new Float32Array(pictures.length * width)
  pictures.forEach(({ image }, i) => {
    const old = place.get(image)!
    data.set(rows.get(image) ?? before!.embeddings.data.subarray(old * width, (old + 1) * width), i * width)
  })
  const dropped = there.filter((info) => !info?.isFile()).length
  await saveFolder(folder, async (draft) => {
    await writeNpy(join(draft, rowsFile), { shape: [pictures.length, width], data })
    await writeFile(join(draft, list), `${JSON.stringify({ version, model: digest, pictures }, null, 1)}\n`)
  })
  await rm(journal, { force: true })
  const embeddings = { count: pictures.length, width, data }
  return { model: digest, pictures, embeddings, embedded: rows.size, dropped, unreadable }
}

export interface Hit {
  readonly image: string
  /** Cosine similarity, -1 to 1. */
  readonly score: number
}

/**
 * The `top` pictures of an index that are most similar to a text or to a picture, the best first; of equals the first in the index.
 * Throws FoveaError 'input' if another model made the index, or the picture can't be read.
 *
 * @example
 * const model = await loadClip('checkpoints/clip')
 * const index = await updateIndex('pictures.index', model, ['shapes/train'])
 * const [best] = await searchIndex(index, model, { text: 'a red circle' }, 3)
 * console.log(best.image, best.score)
 */
export async function searchIndex(
  index: PictureIndex,
  model: AnyClip,
  query: { readonly text: string } | { readonly image: string },
  top = 10,
): Promise<Hit[]> {
  if (index.model !== (await fingerprint(model)))
    throw new FoveaError('input', 'the index was made by another model: search it with that model')
  const { data: asked } =
    'text' in query
      ? await embedTexts(model, [query.text])
      : (await collectEmbeddings(embedImages(model, [query.image]))).embeddings
  const { width, data } = index.embeddings
  const hits = index.pictures.map(({ image }, row) => {
    let score = 0
    for (let i = 0; i < width; i++) score += asked[i] * data[row * width + i]
    return { image, score }
  })
  return hits.sort((a, b) => b.score - a.score).slice(0, top)
}
