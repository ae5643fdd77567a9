import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { FoveaError } from '../../compiler/trace/error.js'
import { recoverFolder } from './atomic.js'
import { type HostTensor, readAs } from './format.js'
import { openSafetensors, readSafetensors } from './safetensors.js'
import type { ShapeDType } from './state.js'
import { readTorch } from './torch.js'

/** Files that hold a whole model, in the order of preference: data alone before pickles. */
const whole = ['model.safetensors', 'open_clip_model.safetensors', 'pytorch_model.bin', 'open_clip_pytorch_model.bin']
/** Lists of shards. */
const indexes = ['model.safetensors.index.json', 'pytorch_model.bin.index.json']

/**
 * Reads weights by name: of a file (`.safetensors`, or PyTorch's `.pt`, `.pth` and `.bin`), or of a folder as Hugging Face and open_clip lay
 * it out: one such file, or the shards that its index lists. An interrupted save is mended first.
 *
 * @throws FoveaError 'checkpoint' if there is nothing to read, or a file or tensor that the index names is missing
 * @example
 * const weights = await readWeights('checkpoints/clip')
 */
export const readWeights = (path: string): Promise<Map<string, HostTensor>> => gather(path, readFileOf)

/**
 * Shapes and dtypes of the weights that `readWeights` reads, in their order; of safetensors only headers are read.
 *
 * @throws FoveaError 'checkpoint' as `readWeights` does
 * @example
 * const shapes = await readShapes('checkpoints/clip')
 */
export const readShapes = (path: string): Promise<Map<string, ShapeDType>> => gather(path, shapesOf)

/** What `read` finds by name in each file that holds weights. */
async function gather<T>(path: string, read: (file: string) => Promise<Map<string, T>>): Promise<Map<string, T>> {
  if (/\.(safetensors|pt|pth|bin)$/.test(path)) return read(path)
  await recoverFolder(path)
  const names = await readdir(path).catch((err: NodeJS.ErrnoException) => {
    const why = err.code === 'ENOENT' ? 'there is no such folder' : err.message
    throw new FoveaError('checkpoint', `cannot read checkpoint ${path}: ${why}. Check the path.`)
  })
  const order = [whole[0], indexes[0], whole[1], whole[2], indexes[1], whole[3]]
  const found = order.find((name) => names.includes(name))
  if (found && indexes.includes(found)) return gatherShards(path, found, read)
  if (found) return read(join(path, found))
  const holds = names.length > 0 ? `it holds ${names.sort().slice(0, 8).join(', ')}` : 'it is empty'
  throw new FoveaError('checkpoint', `expected one of ${order.join(', ')} in ${path}, but ${holds}. Check the path.`)
}

const readFileOf = (file: string): Promise<Map<string, HostTensor>> =>
  file.endsWith('.safetensors') ? readSafetensors(file) : readTorch(file)

async function shapesOf(file: string): Promise<Map<string, ShapeDType>> {
  if (!file.endsWith('.safetensors')) return readTorch(file)
  const { entries, close } = await openSafetensors(file)
  await close()
  return new Map(Array.from(entries, ([name, { shape, dtype }]) => [name, { shape, dtype: readAs[dtype] }]))
}

async function gatherShards<T>(
  folder: string,
  name: string,
  read: (file: string) => Promise<Map<string, T>>,
): Promise<Map<string, T>> {
  const index = join(folder, name)
  const tensors = new Map<string, T>()
  const map = await weightMap(index)
  for (const shard of new Set(map.values())) {
    if (basename(shard) !== shard)
      throw new FoveaError(
        'checkpoint',
        `${index} names a shard outside of its folder: '${shard}'. It is not followed.`,
      )
    for (const [key, tensor] of await read(join(folder, shard))) {
      if (tensors.has(key))
        throw new FoveaError(
          'checkpoint',
          `two shards of ${index} hold '${key}', the second is ${shard}. Fetch the shards again.`,
        )
      tensors.set(key, tensor)
    }
  }
  const lost = [...map].filter(([key]) => !tensors.has(key))
  if (lost.length > 0) {
    const [key, shard] = lost[0]
    throw new FoveaError(
      'checkpoint',
      `${index} says that ${shard} holds '${key}', but it doesn't (${lost.length} such). Fetch the shards again.`,
    )
  }
  return tensors
}

async function weightMap(index: string): Promise<Map<string, string>> {
  try {
    const { weight_map: map } = JSON.parse(await readFile(index, 'utf8'))
    return new Map(Object.entries(map as Record<string, string>))
  } catch (err) {
    throw new FoveaError(
      'checkpoint',
      `cannot read ${index}: expected JSON with a weight_map (${(err as Error).message}). Fetch it again.`,
    )
  }
}
