import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FoveaError } from '../../compiler/trace/error.js'
import { writeFileAtomic } from './atomic.js'
import { fileDTypes, type HostTensor, widths } from './format.js'
import { writeSafetensors } from './safetensors.js'

export interface ShardOptions {
  /** Bytes of tensors that one file holds at most, 5e9 if left out; a larger tensor has a file of its own. */
  readonly maxShardSize?: number
}

/** What a folder may hold of the weights of an earlier save. */
const owned = /^model(-\d{5}-of-\d{5})?\.safetensors$|^model\.safetensors\.index\.json$/

/**
 * Writes weights into a folder as Hugging Face lays it out: `model.safetensors`, or where that would be too large
 * `model-00001-of-00002.safetensors`, …, and `model.safetensors.index.json`, which says where each tensor is. Weights of those names that
 * stood there before are gone afterwards. Within `saveFolder`, all of it comes at once.
 *
 * @throws FoveaError 'save' if a file can't be written, 'checkpoint' if a tensor contradicts its shape, 'input' for a size that is none
 * @example
 * await writeWeights('checkpoints/sharded', await toStateDict(params), { maxShardSize: 1e9 })
 */
export async function writeWeights(
  folder: string,
  tensors: ReadonlyMap<string, HostTensor>,
  { maxShardSize = 5e9 }: ShardOptions = {},
): Promise<void> {
  if (!(maxShardSize > 0))
    throw new FoveaError('input', `writeWeights: expected a maxShardSize above 0 bytes, got ${maxShardSize}`)
  const shards = split(tensors, maxShardSize)
  const number = (i: number): string => String(i).padStart(5, '0')
  const nameOf = (i: number): string =>
    shards.length === 1 ? 'model.safetensors' : `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`
  await mkdir(folder, { recursive: true })
  for (const [i, shard] of shards.entries()) await writeSafetensors(join(folder, nameOf(i)), shard)
  const names = new Set(shards.map((_, i) => nameOf(i)))
  if (shards.length > 1) {
    const total_size = [...tensors.values()].reduce((sum, t) => sum + bytesOf(t), 0)
    const weight_map = Object.fromEntries(shards.flatMap((shard, i) => shard.map(([key]) => [key, nameOf(i)])))
    const index = 'model.safetensors.index.json'
    await writeFileAtomic(join(folder, index), `${JSON.stringify({ metadata: { total_size }, weight_map }, null, 2)}\n`)
    names.add(index)
  }
  for (const name of await readdir(folder)) if (owned.test(name) && !names.has(name)) await rm(join(folder, name))
}

const bytesOf = ({ dtype, data }: HostTensor): number => data.length * widths[fileDTypes[dtype]]

/** Tensors in their order, as many to a shard as fit. */
function split(tensors: ReadonlyMap<string, HostTensor>, most: number): [string, HostTensor][][] {
  const shards: [string, HostTensor][][] = [[]]
  let held = 0
  for (const [name, tensor] of tensors) {
    const bytes = bytesOf(tensor)
    if (held > 0 && held + bytes > most) {
      shards.push([])
      held = 0
    }
    shards[shards.length - 1].push([name, tensor])
    held += bytes
  }
  return shards
}
