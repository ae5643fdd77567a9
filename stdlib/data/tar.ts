import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { extract } from 'tar-stream'
import { type CorruptKind, type CorruptLog, captionFault, faultWords } from './corrupt.js'

/** A picture in the memory, still encoded, and what it shows. */
export interface ShardRecord {
  /** Shard and key, for messages. */
  readonly name: string
  readonly image: Uint8Array
  readonly caption: string
}

/** The most that one file in a shard may hold: what is larger is passed over without being kept. */
const largest = 64 * 2 ** 20

interface Group {
  readonly key: string
  readonly files: Map<string, Uint8Array>
}

/**
 * The captioned pictures of a WebDataset shard, in its order: consecutive files that are named alike up to the first dot
 * are one sample (https://github.com/webdataset/webdataset). The shard is read as a stream, one sample at a time, and
 * nothing is ever written. `onRecord` hears of every sample, usable or not.
 */
export async function* shardRecords(
  shard: string,
  log: CorruptLog,
  onRecord: () => void,
): AsyncGenerator<ShardRecord, void, void> {
  const tar = extract()
  // Its error comes out of the loop below too.
  const reading = pipeline(createReadStream(shard), tar).catch(() => {})
  let group: Group | undefined
  const finish = (done: Group | undefined): ShardRecord | undefined => {
    if (!done) return undefined
    onRecord()
    return sample(`${shard}: ${done.key}`, done.files, log)
  }
  try {
    for await (const entry of tar) {
      const { name, type, size = 0 } = entry.header
      const bad = entryFault(name, type, size)
      const [, key, extension] = /^((?:.*\/)?[^/.]+)\.([^/]+)$/.exec(name) ?? []
      if (bad) log.add(bad, `${shard}: ${JSON.stringify(name)} ${entryWords[bad]}`)
      if (bad || type !== 'file' || key === undefined || !wanted.test(extension)) {
        entry.resume()
        continue
      }
      if (group?.key !== key) {
        const record = finish(group)
        group = { key, files: new Map() }
        if (record) yield record
      }
      const chunks: Buffer[] = []
      for await (const chunk of entry) chunks.push(chunk as Buffer)
      group.files.set(extension.toLowerCase(), Buffer.concat(chunks))
    }
  } catch (err) {
    log.add('truncated shard', `${shard}: ${(err as Error).message}; the rest of it is left out`)
    group = undefined // Its last file is cut off.
  } finally {
    tar.destroy()
    await reading
  }
  const last = finish(group)
  if (last) yield last
}

/** The parts of samples that are read. */
const wanted = /^(jpe?g|png|webp|txt|json)$/i

const entryWords = {
  'unsafe name': 'is no plain file below its folder',
  'too large': `holds more than ${largest} bytes`,
}

function entryFault(name: string, type: string | null | undefined, size: number): keyof typeof entryWords | undefined {
  const parts = name.split(/[/\\]/)
  if (parts[0] === '' || /^[a-z]:/i.test(name) || parts.includes('..') || name.includes('\0')) return 'unsafe name'
  if (type !== 'file' && type !== 'directory') return 'unsafe name'
  return size > largest ? 'too large' : undefined
}

function sample(name: string, files: ReadonlyMap<string, Uint8Array>, log: CorruptLog): ShardRecord | undefined {
  const bad = (kind: CorruptKind, what: string): undefined => log.add(kind, `${name} ${what}`) as undefined
  const image = ['jpg', 'jpeg', 'png', 'webp'].map((extension) => files.get(extension)).find((bytes) => bytes)
  if (!image) return bad('missing picture', 'has no .jpg, .png or .webp')
  const bytes = files.get('txt') ?? files.get('json')
  if (!bytes) return bad('missing caption', 'has no .txt or .json')
  let caption: unknown
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    const fields = files.has('txt') ? { caption: text } : JSON.parse(text)
    caption = fields?.caption ?? fields?.text
  } catch (err) {
    return bad('unreadable record', `has a caption that can't be read (${(err as Error).message})`)
  }
  if (typeof caption !== 'string') return bad('unreadable record', 'has no text "caption" in its .json')
  const fault = captionFault(caption)
  if (fault) return bad(fault, `has a caption that ${faultWords[fault]}`)
  return { name, image, caption: caption.trim() }
}
