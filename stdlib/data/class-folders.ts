import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FoveaError } from '../../compiler/trace/error.js'
import { findPictures } from './pictures.js'

/** Pictures with the class of each. */
export interface ClassFolders {
  /** Names, as prompts say them. */
  readonly classes: readonly string[]
  readonly images: readonly string[]
  /** The place in `classes` of each picture's. */
  readonly labels: readonly number[]
}

/**
 * Reads pictures in a folder for each class, as torchvision's ImageFolder does: classes are the folders' names, sorted. A file of classes
 * chooses and orders them: a folder's name a line, and after a tab what prompts call it (`n02123045⇥tabby cat`).
 * Throws FoveaError 'input' when there is no such folder, fewer than two classes, or a class without pictures.
 *
 * @example
 * await cp('shapes/train/images', 'classed/drawn', { recursive: true })
 * await cp('shapes/train/images', 'classed/more', { recursive: true })
 * const { classes, images, labels } = await loadClassFolders('classed')
 */
export async function loadClassFolders(folder: string, classesFile?: string): Promise<ClassFolders> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((err: NodeJS.ErrnoException) => {
    const why = err.code === 'ENOENT' ? 'there is no such folder' : err.message
    throw new FoveaError('input', `cannot read classes from ${folder}: ${why}. Check the path.`)
  })
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const wanted = classesFile === undefined ? folders.sort().map((name) => [name, name]) : await readClasses(classesFile)
  if (wanted.length < 2)
    throw new FoveaError(
      'input',
      `expected a folder for each class in ${classesFile ?? folder}, two at least, got ${wanted.length}`,
    )
  const images: string[] = []
  const labels: number[] = []
  for (const [label, [name]] of wanted.entries()) {
    if (!folders.includes(name))
      throw new FoveaError('input', `${classesFile}: there is no folder ${join(folder, name)}`)
    for (const { image } of await findPictures([join(folder, name)])) {
      images.push(image)
      labels.push(label)
    }
  }
  return { classes: wanted.map(([, name]) => name), images, labels }
}

async function readClasses(file: string): Promise<string[][]> {
  const text = await readFile(file, 'utf8').catch((err: Error) => {
    throw new FoveaError('input', `cannot read classes from ${file}: ${err.message}; check the path`)
  })
  const rows = text.split(/\r?\n/).flatMap((line) => {
    if (line.trim() === '') return []
    const [folder, name = folder] = line.split('\t').map((part) => part.trim())
    return [[folder, name]]
  })
  const twice = rows.find(([folder], i) => rows.findIndex(([other]) => other === folder) < i)
  if (twice) throw new FoveaError('input', `${file}: the class ${twice[0]} stands there twice: leave one out`)
  return rows
}
