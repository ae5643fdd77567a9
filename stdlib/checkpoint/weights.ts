import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FoveaError } from '../../compiler/trace/error.js'
import { recoverFolder } from './atomic.js'
import type { HostTensor } from './format.js'
import { readSafetensors } from './safetensors.js'

/**
 * Reads the weights of a Hugging Face folder: `model.safetensors`, or the shards that
 * `model.safetensors.index.json` lists. An interrupted save is mended first.
 *
 * @throws FoveaError 'checkpoint' if the folder holds neither, or a file or tensor that the index names is missing
 * @example
 * const weights = await readWeights('checkpoints/clip')
 */
export async function readWeights(folder: string): Promise<Map<string, HostTensor>> {
  await recoverFolder(folder)
  const names = await readdir(folder).catch((err: NodeJS.ErrnoException) => {
    const why = err.code === 'ENOENT' ? 'there is no such folder' : err.message
    throw new FoveaError('checkpoint', `cannot read checkpoint ${folder}: ${why}. Check the path.`)
  })
  if (names.includes('model.safetensors')) return readSafetensors(join(folder, 'model.safetensors'))
  const index = join(folder, 'model.safetensors.index.json')
  if (!names.includes('model.safetensors.index.json')) {
    const found = names.length > 0 ? `it holds ${names.sort().slice(0, 8).join(', ')}` : 'it is empty'
    const pickled = names.some((n) => n.endsWith('.bin') || n.endsWith('.pt') || n.endsWith('.pth'))
    throw new FoveaError(
      'checkpoint',
      `expected model.safetensors or model.safetensors.index.json in ${folder}, but ${found}. ` +
        (pickled ? 'Pickled weights are not read: save them as safetensors first.' : 'Check the path.'),
    )
  }
  const tensors = new Map<string, HostTensor>()
  const map = await weightMap(index)
  for (const shard of new Set(map.values()))
    for (const [name, tensor] of await readSafetensors(join(folder, shard))) tensors.set(name, tensor)
  const lost = [...map].filter(([name]) => !tensors.has(name))
  if (lost.length > 0) {
    const [name, shard] = lost[0]
    throw new FoveaError(
      'checkpoint',
      `${index} says that ${shard} holds '${name}', but it doesn't (${lost.length} such). Fetch the shards again.`,
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
