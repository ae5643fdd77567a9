import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FoveaError } from '../../compiler/trace/error.js'
import { type CorruptLog, describeCounts } from './corrupt.js'
import { seededRandom } from './random.js'
import { permutation } from './shuffle.js'
import { type ShardRecord, shardRecords } from './tar.js'

/** Where a stream of shards is: which epoch, and how many of its records were taken. */
export interface ShardPosition {
  readonly epoch: number
  readonly taken: number
}

export interface ShardOptions {
  readonly seed: number
  /** Records that are mixed at a time, 1000 by default; fewer, if they hold more than 256 MiB. */
  readonly shuffle?: number
  /** Where to go on. The records before are read again, but not decoded. */
  readonly start?: ShardPosition
  readonly corrupt: CorruptLog
}

/** Encoded pictures mixed at a time hold so many bytes at most. */
const bufferBytes = 256 * 2 ** 20
/** Before an epoch has shown how many records there are, a few corrupt ones among the first say little. */
const grace = 1000

/**
 * The shards that `{000..009}` in a name, a name, or a folder of `.tar` files stand for, in their order.
 *
 * @throws FoveaError 'input' if one of them is not there
 * @example
 * await findShards('shards/{000..000}.tar') // ['shards/000.tar']
 */
export async function findShards(path: string): Promise<readonly string[]> {
  const about = await stat(path).catch(() => undefined)
  const shards = about?.isDirectory()
    ? (await readdir(path))
        .filter((name) => name.endsWith('.tar'))
        .sort()
        .map((name) => join(path, name))
    : about
      ? [path]
      : expand(path)
  for (const shard of shards)
    if (!(await stat(shard).catch(() => undefined))?.isFile())
      throw new FoveaError('input', `there is no shard ${shard}; check the path`)
  return shards
}

function expand(pattern: string): string[] {
  const match = /^(.*?)\{(\d+)\.\.(\d+)\}(.*)$/.exec(pattern)
  if (!match) return [pattern]
  const [, before, from, to, after] = match
  const count = Number(to) - Number(from) + 1
  if (!(count >= 1 && count <= 100_000))
    throw new FoveaError('input', `expected {${from}..${to}} in ${pattern} to name 1 to 100000 shards`)
  const width = from.startsWith('0') ? from.length : 0
  const numbers = Array.from({ length: count }, (_, i) => String(Number(from) + i).padStart(width, '0'))
  return numbers.flatMap((number) => expand(after).map((rest) => `${before}${number}${rest}`))
}

/**
 * Records of shards without end: each epoch takes the shards in an order of its own and mixes neighbours in a buffer, so
 * memory is bounded whatever the size of the set. The order depends on nothing but shards, seed, `shuffle` and epoch;
 * `next` is where to go on after a record. Records that can't be used are counted and left out.
 *
 * @throws FoveaError 'input' if too many records can't be used, or none can
 * @example
 * const shards = await findShards('shards')
 * for await (const { image, caption, next } of streamShards(shards, { seed: 0, corrupt: corruptLog() })) {
 *   if (next.epoch === 1) break
 * }
 */
export async function* streamShards(
  shards: readonly string[],
  { seed, shuffle = 1000, start = { epoch: 0, taken: 0 }, corrupt }: ShardOptions,
): AsyncGenerator<ShardRecord & { readonly next: ShardPosition; readonly records: number }, void, void> {
  let most = grace
  for (let { epoch } = start; ; epoch++) {
    let records = 0
    let taken = 0
    const onRecord = (): void => {
      records++
      most = Math.max(most, records)
    }
    for await (const record of mixed(shards, { seed, shuffle, epoch, corrupt, onRecord })) {
      taken++
      if (epoch > start.epoch || taken > start.taken) yield { ...record, next: { epoch, taken }, records: most }
      corrupt.check(most)
    }
    if (taken === 0) {
      const bad = describeCounts(corrupt.counts())
      const why = bad && ` (${bad})`
      throw new FoveaError('input', `no picture with a caption in ${shards.length} shards, such as ${shards[0]}${why}`)
    }
    corrupt.check(records)
    most = records
  }
}

async function* mixed(
  shards: readonly string[],
  options: { seed: number; shuffle: number; epoch: number; corrupt: CorruptLog; onRecord: () => void },
): AsyncGenerator<ShardRecord, void, void> {
  const { seed, shuffle, epoch, corrupt, onRecord } = options
  const random = seededRandom(seed, epoch, 0)
  const buffer: ShardRecord[] = []
  let bytes = 0
  const draw = (): ShardRecord => {
    const at = Math.floor(random() * buffer.length)
    const [record, last] = [buffer[at], buffer.pop()!]
    if (at < buffer.length) buffer[at] = last
    bytes -= record.image.length
    return record
  }
  for (const i of permutation(shards.length, seed, epoch)) {
    for await (const record of shardRecords(shards[i], corrupt, onRecord)) {
      buffer.push(record)
      bytes += record.image.length
      while (buffer.length > shuffle || bytes > bufferBytes) yield draw()
    }
  }
  while (buffer.length > 0) yield draw()
}
