import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ListFileEntry } from '@huggingface/hub'
import { FoveaError } from '../../compiler/trace/error.js'

export interface PullOptions {
  /** Branch, tag or commit. Default: main. */
  readonly revision?: string
  /** For private models, and those whose terms must be agreed to. */
  readonly token?: string
  /** Default: https://huggingface.co. */
  readonly endpoint?: string
  /** Told again and again while a file comes in; `done` counts what an earlier run left. */
  readonly onProgress?: (progress: PullProgress) => void
}
export interface PullProgress {
  readonly file: string
  readonly done: number
  readonly size: number
}
export interface Pulled {
  /** Names in the folder. */
  readonly files: readonly string[]
  /** Those that were there already, whole. */
  readonly kept: readonly string[]
  /** Bytes that came over the network. */
  readonly bytes: number
}

/** What a model's folder needs beside weights: configs, tokenizers, and how pictures are prepared. */
const small = /^([\w-]+\.json|merges\.txt|vocab\.txt|[\w.-]+\.(model|jinja))$/
/** Weights, in the order in which `readWeights` looks for them; of several kinds the first is fetched. */
const weights = [
  /^model\.safetensors$/,
  /^model-\d+-of-\d+\.safetensors$/,
  /^open_clip_model\.safetensors$/,
  /^pytorch_model\.bin$/,
  /^pytorch_model-\d+-of-\d+\.bin$/,
  /^open_clip_pytorch_model\.bin$/,
  /^[\w.-]+\.pt$/,
]

/**
 * Fetches a model of the Hugging Face hub into a folder: configs, tokenizer files and weights (safetensors if there are any, else PyTorch's
 * files). What is there and whole stays; a file that was cut off is resumed. Each file is held to the size and hash that the hub states, and
 * has its name only when it is right.
 *
 * @throws FoveaError 'pull' if the hub can't be reached, has no such model or revision, or refuses it, or if a file arrives damaged
 * @example
 * const download = () => pull('openai/clip-vit-base-patch32', 'checkpoints/clip')
 */
export async function pull(name: string, folder: string, options: PullOptions = {}): Promise<Pulled> {
  if (!/^[\w.-]+\/[\w.-]+$/.test(name))
    throw new FoveaError(
      'input',
      `expected a model as ORG/NAME, got '${name}'; for example openai/clip-vit-base-patch32`,
    )
  if (options.token && !options.token.startsWith('hf_'))
    throw new FoveaError('input', "expected a token of the hub to begin with 'hf_'; check HF_TOKEN")
  const entries = await asked(name, options, () => list(name, options))
  const wanted = choose(entries)
  if (!wanted.some(({ path }) => weights.some((kind) => kind.test(path))))
    throw new FoveaError(
      'pull',
      `${name} has no weights that Fovea reads (safetensors, pytorch_model.bin or .pt); it holds ${entries
        .map(({ path }) => path)
        .slice(0, 12)
        .join(', ')}`,
    )
  await mkdir(folder, { recursive: true })
  const kept: string[] = []
  let bytes = 0
  for (const entry of wanted) {
    const got = await asked(name, options, () => fetchFile(name, folder, entry, options))
    if (got === undefined) kept.push(entry.path)
    bytes += got ?? 0
  }
  return { files: wanted.map(({ path }) => path), kept, bytes }
}

const common = ({ revision, token, endpoint }: PullOptions) => ({
  revision,
  hubUrl: endpoint?.replace(/\/+$/, '') || undefined,
  ...(token ? { accessToken: token } : {}),
})

/** Files at the top of the repository. */
async function list(repo: string, options: PullOptions): Promise<ListFileEntry[]> {
  const { listFiles } = await import('@huggingface/hub')
  const entries: ListFileEntry[] = []
  for await (const entry of listFiles({ repo, ...common(options) }))
    if (entry.type === 'file' && basename(entry.path) === entry.path) entries.push(entry)
  return entries
}

function choose(entries: readonly ListFileEntry[]): ListFileEntry[] {
  const kind = weights.find((k) => entries.some(({ path }) => k.test(path)))
  const isIndex = (path: string): boolean => path.endsWith('.index.json')
  const index = new Map([
    [weights[1], 'model.safetensors.index.json'],
    [weights[4], 'pytorch_model.bin.index.json'],
  ]).get(kind as RegExp)
  return entries.filter(({ path }) => (isIndex(path) ? path === index : small.test(path) || kind?.test(path)))
}

/** Bytes that were fetched; undefined if the file was there. */
async function fetchFile(
  repo: string,
  folder: string,
  entry: ListFileEntry,
  options: PullOptions,
): Promise<number | undefined> {
  const { path: file } = entry
  const target = join(folder, file)
  const size = entry.lfs?.size ?? entry.size
  if ((await sizeOf(target)) === size && (await isRight(target, entry))) return undefined

  const part = `${target}.part`
  if (((await sizeOf(part)) ?? 0) > size) await rm(part)
  const before = (await sizeOf(part)) ?? 0
  const { downloadFile } = await import('@huggingface/hub')
  // Plain ranges of HTTP, which can be resumed.
  const blob = before < size && (await downloadFile({ repo, path: file, xet: false, ...common(options) }))
  if (blob === null) throw new FoveaError('pull', `${repo} lists ${file}, but does not have it; try again`)
  let done = before
  if (blob) {
    const report = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        done += chunk.length
        options.onProgress?.({ file, done, size })
        yield chunk
      }
    }
    const stream = Readable.fromWeb(blob.slice(before, size).stream() as never)
    await pipeline(stream, report, createWriteStream(part, { flags: 'a' }))
  } else if (size === 0) await writeFile(part, '')
  if (done !== size || !(await isRight(part, entry))) {
    await rm(part, { force: true })
    // What an earlier run left was of another revision, or damaged.
    if (before > 0) return fetchFile(repo, folder, entry, options)
    throw new FoveaError(
      'pull',
      `${file} of ${repo} arrived damaged (${done} of ${size} bytes); it was thrown away, try again`,
    )
  }
  await rename(part, target)
  return done - before
}

const sizeOf = (path: string): Promise<number | undefined> =>
  stat(path).then(
    (s) => (s.isFile() ? s.size : undefined),
    () => undefined,
  )

/** Large files are named by their SHA-256 (Git LFS), others by the SHA-1 of a Git blob. */
async function isRight(path: string, { lfs, oid, size }: ListFileEntry): Promise<boolean> {
  const hash = lfs ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`)
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex') === (lfs?.oid ?? oid)
}

/** What the hub answered or didn't, in the user's words. */
async function asked<T>(
  name: string,
  { revision = 'main', token, endpoint }: PullOptions,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (err) {
    if (err instanceof FoveaError) throw err
    const host = endpoint ?? 'https://huggingface.co'
    const { statusCode, message, cause, syscall } = err as Error & { statusCode?: number; syscall?: string }
    if (syscall) throw err
    const why =
      statusCode === 401 || statusCode === 403
        ? `${host} refuses ${name}: it is private, gated or misspelt; ${token ? 'the token may not see it' : 'set HF_TOKEN to a token that may see it'}`
        : statusCode === 404
          ? `${host} has no model ${name} at revision ${revision}; check both`
          : statusCode
            ? `${host} answered ${statusCode}: ${message}; try again later`
            : `cannot reach ${host}: ${(cause as Error | undefined)?.message || message}; run it again to resume`
    throw new FoveaError('pull', why, undefined, { cause: err })
  }
}
