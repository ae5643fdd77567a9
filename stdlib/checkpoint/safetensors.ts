import { type FileHandle, open } from 'node:fs/promises'
import { FoveaError } from '../../compiler/trace/error.js'
import { writeFileAtomic } from './atomic.js'
import { decode, type Entry, encode, type Halves, type HostTensor, headerLength, parseHeader } from './format.js'

/** An open safetensors file: what it holds, and a way to read one tensor at a time. */
export interface SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>
  readonly entries: ReadonlyMap<string, Entry>
  /** Reads one tensor from the disk. Throws FoveaError 'checkpoint' if the file holds none of that name. */
  read(name: string, halves?: Halves): Promise<HostTensor>
  close(): Promise<void>
}

/**
 * Opens a safetensors file and checks its whole header; the weights stay on the disk until they are read.
 *
 * @throws FoveaError 'checkpoint' if the file can't be opened or isn't whole; the message names file, tensor and remedy
 * @example
 * const file = await openSafetensors('clip/model.safetensors')
 * console.log([...file.entries.keys()])
 * await file.close()
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const handle = await open(path, 'r').catch((err: NodeJS.ErrnoException) => {
    const why = err.code === 'ENOENT' ? 'there is no such file' : err.message
    throw new FoveaError('checkpoint', `cannot open ${path}: ${why}. Check the path.`, undefined, { cause: err })
  })
  try {
    const stats = await handle.stat()
    if (!stats.isFile()) throw new FoveaError('checkpoint', `cannot open ${path}: it is not a file. Check the path.`)
    const { size } = stats
    const first = new Uint8Array(await readBytes(handle, 0, Math.min(8, size), path))
    const length = headerLength(first, size, path)
    const json = new Uint8Array(await readBytes(handle, 8, 8 + length, path))
    const { metadata, entries } = parseHeader(json, size, path)
    const read = async (name: string, halves?: Halves): Promise<HostTensor> => {
      const entry = entries.get(name)
      if (!entry)
        throw new FoveaError('checkpoint', `${path} holds no tensor '${name}'. See its entries for the names.`)
      return decode(entry, await readBytes(handle, entry.begin, entry.end, path), name, path, halves)
    }
    return { metadata, entries, read, close: () => handle.close() }
  } catch (err) {
    await handle.close()
    throw err
  }
}

/**
 * Reads every tensor of a safetensors file, in the header's order. F16 and BF16 become f32, or with `halves: 'keep'` stay f16
 * and bf16.
 *
 * @throws FoveaError 'checkpoint' as {@link openSafetensors} does
 * @example
 * const weights = await readSafetensors('clip/model.safetensors')
 * weights.get('logit_scale') // { shape: [], dtype: 'f32', data: Float32Array [2.6592] }
 */
export async function readSafetensors(
  path: string,
  { halves }: { readonly halves?: Halves } = {},
): Promise<Map<string, HostTensor>> {
  const file = await openSafetensors(path)
  try {
    const tensors = new Map<string, HostTensor>()
    for (const name of file.entries.keys()) tensors.set(name, await file.read(name, halves))
    return tensors
  } finally {
    await file.close()
  }
}

/**
 * Writes tensors as a safetensors file, whole or not at all: a file that stood there stays until the new one is on disk.
 * `metadata` defaults to what PyTorch's loaders look for.
 *
 * @throws FoveaError 'save' if the disk is full or can't be written, 'checkpoint' if a tensor contradicts its shape
 * @example
 * await writeSafetensors('out.safetensors', new Map([['w', { shape: [2], dtype: 'f32', data: new Float32Array([1, 2]) }]]))
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<readonly [string, HostTensor]>,
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Promise<void> {
  await writeFileAtomic(path, encode(tensors, metadata))
}

/** Bytes `begin` to `end`, in a buffer of their own, so that a view of any element type is aligned. */
async function readBytes(handle: FileHandle, begin: number, end: number, path: string): Promise<ArrayBuffer> {
  const buffer = new ArrayBuffer(end - begin)
  const most = 1 << 30 // One read takes at most 2 GiB.
  for (let at = 0; at < buffer.byteLength; ) {
    const view = new Uint8Array(buffer, at, Math.min(most, buffer.byteLength - at))
    const { bytesRead } = await handle.read(view, 0, view.length, begin + at)
    if (bytesRead === 0)
      throw new FoveaError('checkpoint', `cannot read ${path}: it became shorter while it was read. Try again.`)
    at += bytesRead
  }
  return buffer
}
