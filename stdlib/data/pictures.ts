import { readdir, stat } from 'node:fs/promises'
import { extname, join, resolve } from 'node:path'
import { FoveaError } from '../../compiler/trace/error.js'

/** A picture's file, and what tells whether it has changed. */
export interface PictureFile {
  /** As given, or beneath the folder given. */
  readonly image: string
  /** In bytes. */
  readonly size: number
  /** When it was last written, in milliseconds. */
  readonly mtime: number
}

/** What `decodeImage` reads. */
const endings = new Set(['.png', '.jpg', '.jpeg', '.webp', '.gif', '.tif', '.tiff', '.avif', '.svg'])

/**
 * Pictures among files and folders: files as they are given, folders whole, by the endings of names and sorted; none twice.
 * A file that isn't there is listed with size -1, so that reading it names it.
 * Throws FoveaError 'input' for a folder that can't be read, or when there are no pictures at all.
 *
 * @example
 * const files = await findPictures(['shapes/train'])
 */
export async function findPictures(paths: readonly string[]): Promise<PictureFile[]> {
  const found = new Map<string, PictureFile>()
  const add = async (image: string): Promise<void> => {
    const info = await stat(image).catch(() => undefined)
    const { size, mtimeMs: mtime } = info?.isFile() ? info : { size: -1, mtimeMs: 0 }
    const key = resolve(image)
    if (!found.has(key)) found.set(key, { image, size, mtime })
  }
  for (const path of paths) {
    const isFolder = (await stat(path).catch(() => undefined))?.isDirectory()
    if (!isFolder) await add(path)
    else for (const image of await beneath(path)) await add(image)
  }
  if (found.size === 0)
    throw new FoveaError('input', `there are no pictures in ${paths.join(', ') || 'nothing'}: check the paths`)
  return [...found.values()]
}

/** A folder's pictures, those of its folders too, sorted. Links to folders are not followed: they could lead round in a ring. */
async function beneath(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((err: Error) => {
    throw new FoveaError('input', `cannot read the folder ${folder}: ${err.message}; check the path`)
  })
  const images: string[] = []
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) images.push(...(await beneath(path)))
    else if (endings.has(extname(entry.name).toLowerCase())) images.push(path)
  }
  return images
}
