import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { FoveaError } from '../../compiler/trace/error.js'
import type { Captioned, Read } from './captions.js'
import { type CorruptLog, captionFault, faultWords } from './corrupt.js'

interface Annotations {
  readonly images: readonly { readonly id: number; readonly file_name: string }[]
  readonly annotations: readonly { readonly image_id: number; readonly caption: string }[]
}

/**
 * Reads COCO's `captions_<split>.json` (https://cocodataset.org/#format-data, "image captioning"). Pictures are looked for
 * in `images`, or beside the file: `<split>/`, `images/<split>/`, `images/`, there and one folder up.
 */
export async function readCoco(file: string, images: string | undefined, log: CorruptLog): Promise<Read> {
  const data = parseAnnotations(await readFile(file, 'utf8'), file)
  const folder = images ?? pictureFolder(file, data.images[0]?.file_name)
  const captions = new Map<number, string[]>()
  for (const { id } of data.images) captions.set(id, [])
  data.annotations.forEach((annotation, i) => {
    const words = annotation?.caption
    const all = captions.get(annotation?.image_id)
    const fault = typeof words === 'string' ? captionFault(words) : undefined
    const where = `${file}, annotation ${i}`
    if (!all || typeof words !== 'string') {
      log.add(
        'unreadable record',
        `${where}: expected a caption and the id of an image, got ${JSON.stringify(annotation)}`,
      )
    } else if (fault) log.add(fault, `${where}: the caption of image ${annotation.image_id} ${faultWords[fault]}`)
    else all.push(words)
  })
  const pairs = data.images.flatMap(({ id, file_name }): Captioned[] => {
    const path = resolve(folder, String(file_name))
    const words = captions.get(id)!
    if (words.length === 0) log.add('missing caption', `${file}: image ${id} (${file_name}) has no caption`)
    else if (!existsSync(path)) log.add('missing picture', `${file}: there is no image ${path}`)
    else return [{ image: path, caption: words[0], ...(words.length > 1 && { captions: words }) }]
    return []
  })
  return { pairs, records: data.images.length + data.annotations.length }
}

function parseAnnotations(text: string, file: string): Annotations {
  const fail = (why: string): never => {
    throw new FoveaError('input', `cannot read ${file} as COCO captions: ${why}`)
  }
  let data: Partial<Annotations> | null
  try {
    data = JSON.parse(text)
  } catch (err) {
    return fail(`not JSON (${(err as Error).message})`)
  }
  const { images, annotations } = data ?? {}
  if (!Array.isArray(images) || !Array.isArray(annotations))
    return fail('expected the lists "images" and "annotations"')
  if (!images.every((image) => Number.isSafeInteger(image?.id) && typeof image.file_name === 'string'))
    return fail('expected every image to have a number "id" and a text "file_name"')
  return { images, annotations }
}

function pictureFolder(file: string, first = ''): string {
  const split = basename(file, '.json').replace(/^captions_/, '')
  const here = dirname(file)
  const tried = [dirname(here), here].flatMap((root) =>
    [split, `images/${split}`, 'images', ''].map((name) => join(root, name)),
  )
  const found = tried.find((folder) => first !== '' && existsSync(join(folder, first)))
  // The first picture may be one that is missing.
  return found ?? tried.find((folder) => existsSync(folder)) ?? here
}
