import { readFile } from 'node:fs/promises'
import { FoveaError } from '../../compiler/trace/error.js'
import { writeFileAtomic } from './atomic.js'

/** A file of NumPy's: `np.load` reads what is written here. Source: NumPy's NEP 1, "A simple file format for NumPy arrays", version 1.0. */
export interface Npy {
  readonly shape: readonly number[]
  readonly data: Float32Array
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]

/**
 * Writes f32 numbers as a `.npy` file, whole or not at all. Throws FoveaError 'save' if it can't be written, 'input' if the shape doesn't fit.
 *
 * @example
 * await writeNpy('rows.npy', { shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) })
 */
export async function writeNpy(path: string, { shape, data }: Npy): Promise<void> {
  const size = shape.reduce((a, b) => a * b, 1)
  if (size !== data.length)
    throw new FoveaError('input', `writeNpy: expected ${size} numbers for shape [${shape}], got ${data.length}`)
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`
  // The numbers begin at a multiple of 64 bytes.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10
  const head = new Uint8Array(10 + length)
  head.set(magic)
  head.set([length & 255, length >> 8], 8)
  head.set(new TextEncoder().encode(`${text.padEnd(length - 1)}\n`), 10)
  await writeFileAtomic(path, [head, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)])
}

/**
 * Reads a `.npy` file of little-endian f32 in C order. Throws FoveaError 'checkpoint' for any other file, or one that isn't whole.
 *
 * @example
 * await writeNpy('rows.npy', { shape: [2], data: new Float32Array([1, 2]) })
 * const { shape, data } = await readNpy('rows.npy')
 */
export async function readNpy(path: string): Promise<Npy> {
  const bytes = await readFile(path).catch((err: NodeJS.ErrnoException) => {
    const why = err.code === 'ENOENT' ? 'there is no such file' : err.message
    throw new FoveaError('checkpoint', `cannot read ${path}: ${why}. Check the path.`)
  })
  const fail = (why: string): never => {
    throw new FoveaError('checkpoint', `cannot read ${path}: ${why}. Write it again.`)
  }
  if (bytes.length < 10 || magic.some((b, i) => i < 6 && bytes[i] !== b)) fail('it is no .npy file')
  if (bytes[6] !== 1) fail(`expected version 1 of the format, got ${bytes[6]}`)
  const begin = 10 + bytes.readUInt16LE(8)
  const header = bytes.toString('latin1', 10, begin)
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1]
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1]
  const tuple = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1]
  if (descr !== '<f4' || order !== 'False' || tuple === undefined)
    fail(`expected '<f4' in C order, got the header ${JSON.stringify(header.trim().slice(0, 80))}`)
  const shape = tuple!
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number)
  const size = shape.reduce((a, b) => a * b, 1)
  if (bytes.length !== begin + 4 * size)
    fail(`expected ${4 * size} bytes of numbers for shape [${shape}], got ${Math.max(0, bytes.length - begin)}`)
  return { shape, data: new Float32Array(new Uint8Array(bytes.subarray(begin)).buffer) }
}
