import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import type { Captioned, Read } from './captions.js'
import { type CorruptLog, captionFault, faultWords } from './corrupt.js'

/** Names of columns: ours, Conceptual Captions', OpenCLIP's. */
const captionColumns = ['caption', 'title', 'text']
const imageColumns = ['image', 'url', 'path', 'filepath', 'file_name']

/**
 * Reads lines of `caption<TAB>path or url`, as Conceptual Captions has them (unquoted; Sharma et al. 2018), or with a
 * header that names the columns. Nothing is downloaded: a URL stands for the file of its last part's name. Files are
 * looked for in `images`, or beside the file.
 */
export async function readTsv(file: string, images: string | undefined, log: CorruptLog): Promise<Read> {
  const folder = images ?? dirname(file)
  const pairs: Captioned[] = []
  let line = 0
  let records = 0
  let columns = { caption: 0, image: 1 }
  const handle = await open(file)
  // Line by line: a text holds 512 MB at most, which Conceptual 12M exceeds.
  for await (const text of handle.readLines()) {
    line++
    const fields = text.replace(/^\uFEFF/, '').split('\t')
    if (line === 1) {
      const at = (names: readonly string[]): number => fields.findIndex((x) => names.includes(x.trim().toLowerCase()))
      const named = { caption: at(captionColumns), image: at(imageColumns) }
      if (named.caption >= 0 && named.image >= 0) {
        columns = named
        continue
      }
    }
    if (text.trim() === '') continue
    records++
    const caption = fields[columns.caption]
    const source = fields[columns.image]?.trim()
    const where = `${file}, line ${line}`
    if (caption === undefined || !source) {
      log.add(
        'unreadable record',
        `${where}: expected a caption, a tab, and a path or URL, got ${JSON.stringify(text)}`,
      )
      continue
    }
    const fault = captionFault(caption)
    const path = resolve(folder, localName(source))
    if (fault) log.add(fault, `${where}: the caption of ${source} ${faultWords[fault]}`)
    else if (path === resolve(folder) || !existsSync(path))
      log.add('missing picture', `${where}: there is no image ${path}`)
    else pairs.push({ image: path, caption })
  }
  return { pairs, records }
}

/** A path as it is; of a URL, the last part of its path. */
function localName(source: string): string {
  if (!/^https?:\/\//i.test(source)) return source
  try {
    const name = basename(decodeURIComponent(new URL(source).pathname))
    return name === '..' ? '' : name
  } catch {
    return ''
  }
}
