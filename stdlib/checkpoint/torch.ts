import { promisify } from 'node:util'
import yauzl from 'yauzl'
import { showShape, size } from '../../compiler/ir/types.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { decode, type FileDType, type HostTensor, widths } from './format.js'
import { type Global, readPickle } from './pickle.js'

/**
 * PyTorch's files: a zip archive with a pickle, `data.pkl`, and each storage's bytes as `data/<key>`, not compressed (torch.save since
 * 1.6, and TorchScript archives, whose pickle is the module tree). Only bytes are read; see pickle.ts.
 */

interface Storage {
  readonly key: string
  readonly dtype: FileDType
  readonly length: number
}
interface Strided {
  readonly storage: Storage
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}
/** The class of a storage, which the pickle names. */
interface StorageType extends Global {
  readonly storage: FileDType
}
const isStrided = (x: unknown): x is Strided => typeof x === 'object' && x !== null && 'strides' in x

const storages: Readonly<Record<string, FileDType>> = {
  FloatStorage: 'F32',
  DoubleStorage: 'F64',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
}

/** Elements of all tensors for each byte of the file, at most. */
const mostShared = 16

/** A pickle of names and shapes is small; a larger one is no checkpoint. */
const largestPickle = 1 << 28

/**
 * Reads every tensor of a PyTorch checkpoint (`.pt`, `.pth`, `.bin`) by name: a state dict, one under 'state_dict' or 'model', or a
 * TorchScript archive, whose names are the paths of its modules. Half precision and doubles become f32, 64-bit integers i32. What is no
 * tensor is left out. Nothing in the file is executed.
 *
 * @throws FoveaError 'checkpoint' if the file is no such archive, is damaged, is compressed, or names code
 * @example
 * const weights = await readTorch('clip.pt')
 */
export async function readTorch(path: string): Promise<Map<string, HostTensor>> {
  const archive = await openArchive(path)
  try {
    const entry = [...archive.entries.values()].find((e) => /^([^/]+\/)?data\.pkl$/.test(e.fileName))
    if (!entry) throw broken(path, 'the archive holds no data.pkl', 'It is no PyTorch checkpoint')
    if (entry.uncompressedSize > largestPickle)
      throw broken(path, `its data.pkl takes ${entry.uncompressedSize} bytes`, 'It is no checkpoint')
    const root = entry.fileName.slice(0, -'data.pkl'.length)
    const order = archive.entries.get(`${root}byteorder`)
    if (order && new TextDecoder().decode(await archive.read(order)) !== 'little')
      throw broken(path, 'its numbers are big-endian', 'Save it on a little-endian machine')
    const tree = readPickle(
      await archive.read(entry),
      { global: globalOf, persistent: (id) => storageOf(id, path) },
      path,
    )
    const loaded = new Map<string, Uint8Array>()
    const bytes = async ({ key, dtype, length }: Storage): Promise<Uint8Array> => {
      const known = loaded.get(key)
      if (known) return known
      const data = archive.entries.get(`${root}data/${key}`)
      if (!data) throw broken(path, `it holds no storage '${key}'`, 'It is damaged: fetch it again')
      if (data.uncompressedSize !== length * widths[dtype])
        throw broken(
          path,
          `storage '${key}' should take ${length * widths[dtype]} bytes, and takes ${data.uncompressedSize}`,
          'It is damaged: fetch it again',
        )
      const read = await archive.read(data)
      loaded.set(key, read)
      return read
    }
    const out = new Map<string, HostTensor>()
    let elements = 0
    for (const [name, tensor] of tensorsOf(tree)) {
      elements += size(tensor.shape)
      // Tied weights share a storage; thousands of views of one would fill the memory from a small file.
      if (elements > mostShared * archive.bytes)
        throw broken(path, 'its tensors together are many times larger than the file', 'It is no checkpoint')
      out.set(name, contiguous(await bytes(tensor.storage), tensor, name, path))
    }
    if (out.size === 0) throw broken(path, 'it holds no tensors', 'Expected a state dict')
    return out
  } finally {
    archive.close()
  }
}

/** The names that weights are made of. */
function globalOf(module: string, name: string): Global | undefined {
  if (module === 'torch._utils' && (name === '_rebuild_tensor_v2' || name === '_rebuild_tensor'))
    return {
      call: ([storage, offset, shape, strides]) => ({ storage, offset, shape, strides }),
    }
  if (module === 'torch._utils' && name === '_rebuild_parameter') return { call: ([data]) => data }
  if (module === 'collections' && name === 'OrderedDict')
    return { call: () => new Map(), create: () => ({ state: null }) }
  if (module === 'torch' && name === 'Size') return { call: ([dims]) => dims }
  if (module === 'torch' && Object.hasOwn(storages, name)) return { storage: storages[name] } as StorageType
  // A module of a TorchScript archive: its attributes.
  if (/^__torch__(\.|$)/.test(module)) return { create: () => ({ state: null }) }
  return undefined
}

function storageOf(id: unknown, path: string): Storage {
  const [kind, type, key, , length] = Array.isArray(id) ? id : []
  const dtype = (type as StorageType | undefined)?.storage
  if (kind !== 'storage' || typeof key !== 'string' || typeof length !== 'number' || !dtype)
    throw broken(path, `it has a storage of an unknown type`, `Expected one of ${Object.keys(storages).join(', ')}`)
  return { key, dtype, length }
}

/** Every tensor by its path. */
function tensorsOf(tree: unknown): Map<string, Strided> {
  const out = new Map<string, Strided>()
  const seen = new Set<unknown>()
  const walk = (node: unknown, path: string): void => {
    if (isStrided(node)) out.set(path, node)
    const inside = node instanceof Map ? node : (node as { state?: unknown } | null)?.state
    if (!(inside instanceof Map) || seen.has(inside)) return
    seen.add(inside)
    for (const [key, value] of inside) walk(value, path ? `${path}.${key}` : String(key))
  }
  walk(weightsIn(tree), '')
  // Data-parallel training writes every name behind 'module.'.
  const wrapped = out.size > 0 && [...out.keys()].every((name) => name.startsWith('module.'))
  return wrapped ? new Map([...out].map(([name, t]) => [name.slice('module.'.length), t])) : out
}
/** A training checkpoint's state dict stands beside other things. */
function weightsIn(tree: unknown): unknown {
  if (!(tree instanceof Map) || [...tree.values()].some(isStrided)) return tree
  return tree.get('state_dict') ?? tree.get('model') ?? tree
}

/** The elements of a strided view, row-major. */
function contiguous(
  bytes: Uint8Array,
  { storage, offset, shape, strides }: Strided,
  name: string,
  path: string,
): HostTensor {
  const width = widths[storage.dtype]
  const n = size(shape)
  const last = n === 0 ? -1 : offset + shape.reduce((sum, d, i) => sum + (d - 1) * strides[i], 0)
  const sound = [...shape, ...strides, offset].every((x) => Number.isSafeInteger(x) && x >= 0)
  if (!sound || shape.length !== strides.length || last >= storage.length || n > storage.length)
    throw broken(
      path,
      `tensor '${name}' ${showShape(shape)} reaches outside of its storage`,
      'It is damaged: fetch it again',
    )
  const out = new Uint8Array(n * width)
  const rows = shape.length ? n / Math.max(1, shape[shape.length - 1]) : 1
  const [columns, stride] = shape.length ? [shape[shape.length - 1], strides[shape.length - 1]] : [1, 1]
  const index = shape.slice(0, -1).map(() => 0)
  for (let row = 0; row < rows; row++) {
    const start = offset + index.reduce((sum, i, d) => sum + i * strides[d], 0)
    if (stride === 1) out.set(bytes.subarray(start * width, (start + columns) * width), row * columns * width)
    else
      for (let j = 0; j < columns; j++) {
        const from = (start + j * stride) * width
        out.set(bytes.subarray(from, from + width), (row * columns + j) * width)
      }
    for (let d = index.length - 1; d >= 0 && ++index[d] === shape[d]; d--) index[d] = 0
  }
  return decode({ dtype: storage.dtype, shape, begin: 0, end: out.length }, out.buffer, name, path)
}

interface Archive {
  readonly entries: ReadonlyMap<string, yauzl.Entry>
  readonly bytes: number
  read(entry: yauzl.Entry): Promise<Uint8Array>
  close(): void
}

async function openArchive(path: string): Promise<Archive> {
  const zip = await promisify<string, yauzl.Options, yauzl.ZipFile>(yauzl.open)(path, {
    autoClose: false,
    lazyEntries: true,
  }).catch((err: NodeJS.ErrnoException) => {
    throw err.code === 'ENOENT'
      ? broken(path, 'there is no such file', 'Check the path')
      : broken(
          path,
          `it is no zip archive (${err.message})`,
          'Files older than PyTorch 1.6 are not read: save it anew, best as safetensors',
        )
  })
  const entries = new Map<string, yauzl.Entry>()
  try {
    await new Promise<void>((resolve, reject) => {
      zip.on('entry', (entry: yauzl.Entry) => {
        entries.set(entry.fileName, entry)
        zip.readEntry()
      })
      zip.on('end', resolve)
      zip.on('error', reject)
      zip.readEntry()
    })
  } catch (err) {
    zip.close()
    throw broken(path, `its list of contents is damaged (${(err as Error).message})`, 'Fetch it again')
  }
  return {
    entries,
    bytes: zip.fileSize,
    close: () => zip.close(),
    async read(entry) {
      // PyTorch stores; what is compressed could unpack to any size.
      if (entry.compressionMethod !== 0)
        throw broken(
          path,
          `'${entry.fileName}' in it is compressed`,
          'PyTorch writes archives without compression: it was repacked',
        )
      if (entry.uncompressedSize > zip.fileSize)
        throw broken(path, `'${entry.fileName}' in it is longer than the file`, 'It is damaged: fetch it again')
      const out = new Uint8Array(entry.uncompressedSize)
      let at = 0
      try {
        const stream = await promisify<yauzl.Entry, NodeJS.ReadableStream>(zip.openReadStream.bind(zip))(entry)
        for await (const chunk of stream) {
          out.set(chunk as Uint8Array, at)
          at += (chunk as Uint8Array).length
        }
      } catch (err) {
        throw broken(path, `'${entry.fileName}' in it is damaged (${(err as Error).message})`, 'Fetch it again')
      }
      return out
    },
  }
}

const broken = (file: string, what: string, todo: string): FoveaError =>
  new FoveaError('checkpoint', `cannot read ${file}: ${what}. ${todo}.`)
