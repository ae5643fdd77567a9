import { type DType, showShape, size } from '../../compiler/ir/types.js'
import { FoveaError } from '../../compiler/trace/error.js'
import type { HostData } from '../../runtime/bytes.js'
import { bfloatToFloat, halfToFloat } from '../../runtime/half.js'

/**
 * The safetensors format (github.com/huggingface/safetensors, README "Format"), as bytes:
 * a little-endian u64 N, N bytes of JSON { name: { dtype, shape, data_offsets: [begin, end] } }, then the data,
 * which the tensors fill without holes. Names, shapes and bytes only: loading one runs no code.
 */

/** A tensor in host memory, row-major: what `tensor(data, shape, dtype)` takes. f16 and bf16 are Uint16Arrays of their bits. */
export interface HostTensor {
  readonly shape: readonly number[]
  readonly dtype: DType
  readonly data: HostData
}

/** Where one tensor's bytes lie, counted from the file's first byte. */
export interface Entry {
  readonly dtype: FileDType
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

export interface Header {
  readonly metadata: Readonly<Record<string, string>>
  readonly entries: ReadonlyMap<string, Entry>
}

/** Bytes per element of every dtype that can be read. */
export const widths = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, U32: 4, I8: 1, U8: 1, BOOL: 1 } as const
export type FileDType = keyof typeof widths

/** What elements become when they are read, unless halves are kept. */
export const readAs = {
  F64: 'f32',
  F32: 'f32',
  F16: 'f32',
  BF16: 'f32',
  I64: 'i32',
  I32: 'i32',
  U32: 'u32',
  I8: 'i8',
  U8: 'u8',
  BOOL: 'bool',
} as const satisfies Record<FileDType, DType>

/** The reference implementation refuses longer headers too. */
const longestHeader = 100_000_000

/**
 * The length of the JSON header, from a file's first eight bytes.
 *
 * @throws FoveaError 'checkpoint' if the file is too short to be safetensors, or the header longer than the file
 */
export function headerLength(first: Uint8Array, fileSize: number, file: string): number {
  if (first.length < 8)
    throw broken(file, `expected at least 8 bytes, found ${fileSize}`, 'The file is empty or cut off: fetch it again')
  const length = Number(new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true))
  if (length > longestHeader || 8 + length > fileSize)
    throw broken(
      file,
      `its header says it is ${length} bytes long, but the file has ${fileSize} bytes`,
      'It is cut off, or is no safetensors file (a Git LFS pointer, or a pickle): fetch the real file again',
    )
  return length
}

/**
 * Reads and checks the JSON header.
 *
 * @throws FoveaError 'checkpoint' naming file and tensor, for anything that the format forbids
 */
export function parseHeader(json: Uint8Array, fileSize: number, file: string): Header {
  let raw: unknown
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
  } catch (err) {
    throw broken(file, `its header is not JSON (${(err as Error).message})`, 'It is damaged: fetch it again')
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw broken(file, 'its header is not a JSON object', 'It is damaged: fetch it again')
  const start = 8 + json.length
  const { __metadata__: metadata = {}, ...tensors } = raw as Record<string, unknown>
  const entries = new Map<string, Entry>()
  for (const [name, info] of Object.entries(tensors)) entries.set(name, entry(info, name, start, fileSize, file))
  checkLayout(entries, start, fileSize, file)
  return { metadata: metadata as Record<string, string>, entries }
}

function entry(info: unknown, name: string, start: number, fileSize: number, file: string): Entry {
  const { dtype, shape, data_offsets: offsets } = (info ?? {}) as Record<string, unknown>
  if (!Object.hasOwn(widths, String(dtype)))
    throw broken(
      file,
      `tensor '${name}' has dtype ${JSON.stringify(dtype)}, expected one of ${Object.keys(widths).join(', ')}`,
      'Convert the checkpoint to one of these (for example with .float() in PyTorch)',
    )
  if (!isCounts(shape))
    throw broken(
      file,
      `tensor '${name}' has shape ${JSON.stringify(shape)}, expected a list of whole numbers`,
      'Fetch it again',
    )
  if (!isCounts(offsets) || offsets.length !== 2)
    throw broken(
      file,
      `tensor '${name}' has data_offsets ${JSON.stringify(offsets)}, expected [begin, end]`,
      'Fetch it again',
    )
  const [begin, end] = offsets
  if (begin > end || start + end > fileSize)
    throw broken(
      file,
      `tensor '${name}' lies at bytes ${begin} to ${end} of the data, but the file has ${fileSize - start} bytes of data`,
      'It is cut off: fetch it again',
    )
  const bytes = size(shape) * widths[dtype as FileDType]
  if (end - begin !== bytes)
    throw broken(
      file,
      `tensor '${name}' of ${dtype} ${showShape(shape)} needs ${bytes} bytes, but its data_offsets span ${end - begin}`,
      'Whatever wrote it is at fault: save it again',
    )
  return { dtype: dtype as FileDType, shape, begin: start + begin, end: start + end }
}

const isCounts = (x: unknown): x is number[] => Array.isArray(x) && x.every((n) => Number.isSafeInteger(n) && n >= 0)

/** The data must be filled exactly: what overlaps or is left over belongs to no tensor that can be trusted. */
function checkLayout(entries: ReadonlyMap<string, Entry>, start: number, fileSize: number, file: string): void {
  const byPlace = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)
  let at = start
  let before = 'the header'
  for (const [name, { begin, end }] of byPlace) {
    if (begin !== at) {
      const how = begin < at ? 'overlaps' : `leaves a hole of ${begin - at} bytes after`
      throw broken(file, `tensor '${name}' ${how} '${before}'`, 'Whatever wrote it is at fault: save it again')
    }
    at = end
    before = name
  }
  if (at !== fileSize)
    throw broken(file, `${fileSize - at} bytes after the last tensor ('${before}') belong to none`, 'Fetch it again')
}

/** F16 and BF16 of a file: as f32, or as what they are. */
export type Halves = 'widen' | 'keep'

/**
 * One tensor from its bytes. F64 becomes f32 and I64 i32. F16 and BF16 become f32 too, unless `halves` says to keep them.
 *
 * @param bytes the tensor's own buffer: the result may be a view of it
 * @throws FoveaError 'checkpoint' if an I64 value does not fit 32 bits
 */
export function decode(
  { dtype, shape }: Entry,
  bytes: ArrayBuffer,
  name: string,
  file: string,
  halves: Halves = 'widen',
): HostTensor {
  switch (dtype) {
    case 'F32':
      return { shape, dtype: 'f32', data: new Float32Array(bytes) }
    case 'F64':
      return { shape, dtype: 'f32', data: new Float32Array(new Float64Array(bytes)) }
    case 'F16':
      if (halves === 'keep') return { shape, dtype: 'f16', data: new Uint16Array(bytes) }
      return { shape, dtype: 'f32', data: halfToFloat(new Uint16Array(bytes)) }
    case 'BF16':
      if (halves === 'keep') return { shape, dtype: 'bf16', data: new Uint16Array(bytes) }
      return { shape, dtype: 'f32', data: bfloatToFloat(new Uint16Array(bytes)) }
    case 'I64':
      return { shape, dtype: 'i32', data: narrow(new BigInt64Array(bytes), name, file) }
    case 'I32':
      return { shape, dtype: 'i32', data: new Int32Array(bytes) }
    case 'U32':
      return { shape, dtype: 'u32', data: new Uint32Array(bytes) }
    case 'I8':
      return { shape, dtype: 'i8', data: new Int8Array(bytes) }
    case 'U8':
      return { shape, dtype: 'u8', data: new Uint8Array(bytes) }
    case 'BOOL':
      return { shape, dtype: 'bool', data: new Uint8Array(bytes) }
  }
}

function narrow(wide: BigInt64Array, name: string, file: string): Int32Array {
  const out = new Int32Array(wide.length)
  for (let i = 0; i < wide.length; i++) {
    out[i] = Number(wide[i])
    if (BigInt(out[i]) !== wide[i])
      throw broken(
        file,
        `tensor '${name}' (I64) holds ${wide[i]} at ${i}, which does not fit 32 bits`,
        'Ignore it by name',
      )
  }
  return out
}

/** The file's name of each dtype. */
export const fileDTypes = {
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
  i32: 'I32',
  i8: 'I8',
  u32: 'U32',
  u8: 'U8',
  bool: 'BOOL',
} as const

/**
 * A file's bytes in pieces, none of them copied save bools. The header lists the tensors in the order given; the data has
 * four-byte types first, so that every tensor is aligned. Equal input gives equal bytes.
 *
 * @throws FoveaError 'checkpoint' if a tensor's data does not have as many elements as its shape says
 */
export function encode(
  tensors: Iterable<readonly [string, HostTensor]>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array[] {
  const all = [...tensors].map(([name, t]) => {
    if (t.data.length !== size(t.shape))
      throw new FoveaError(
        'checkpoint',
        `cannot save tensor '${name}': shape ${showShape(t.shape)} has ${size(t.shape)} elements, but its data has ${t.data.length}`,
      )
    const dtype = fileDTypes[t.dtype]
    const narrowed = t.dtype === 'bool' ? Uint8Array.from(t.data, (x) => (x ? 1 : 0)) : t.data
    return {
      name,
      dtype,
      shape: t.shape,
      bytes: new Uint8Array(narrowed.buffer, narrowed.byteOffset, narrowed.byteLength),
    }
  })
  const placed = [...all].sort((a, b) => widths[b.dtype] - widths[a.dtype])
  const offsets = new Map<string, [number, number]>()
  let at = 0
  for (const { name, bytes } of placed) {
    if (offsets.has(name)) throw new FoveaError('checkpoint', `cannot save two tensors of the same name: '${name}'`)
    offsets.set(name, [at, (at += bytes.length)])
  }
  const header = Object.fromEntries(
    all.map(({ name, dtype, shape }) => [name, { dtype, shape, data_offsets: offsets.get(name) }]),
  )
  const json = new TextEncoder().encode(JSON.stringify({ __metadata__: metadata, ...header }))
  const padded = Math.ceil(json.length / 8) * 8 // The data starts aligned; the format pads with spaces.
  const head = new Uint8Array(8 + padded).fill(0x20)
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true)
  head.set(json, 8)
  return [head, ...placed.map(({ bytes }) => bytes)]
}

const broken = (file: string, what: string, todo: string): FoveaError =>
  new FoveaError('checkpoint', `cannot read ${file}: ${what}. ${todo}.`)
