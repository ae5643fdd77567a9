import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { pull } from '../../stdlib/checkpoint/index.js'
import { fovea } from '../models/run-cli.js'

/** A hub of one model on this machine, as far as listing and fetching go (https://huggingface.co/docs/hub/api). */
const weights = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => (i * 31) % 251))
const files: Record<string, Buffer> = {
  'config.json': Buffer.from('{"model_type":"clip"}'),
  'model.safetensors': weights,
  'pytorch_model.bin': Buffer.from('a pickle'),
  'flax_model.msgpack': Buffer.from('of no use'),
  'README.md': Buffer.from('read me'),
  'tokenizer.json': Buffer.from('{}'),
  'merges.txt': Buffer.from('#version'),
  'onnx/model.onnx': Buffer.from('in a folder'),
}
let listed: typeof files
let sent: typeof files
/** What was asked for: names, with the first byte. */
let asked: string[]
/** Bytes after which a connection breaks. */
let breakAfter: number
let server: Server
let endpoint: string
let folder: string

beforeAll(async () => {
  server = createServer((request, response) => {
    const url = decodeURIComponent(request.url!)
    if (url.includes('/gated/')) return void response.writeHead(401).end('{"error":"gated"}')
    if (!url.includes('/org/tiny')) return void response.writeHead(404).end('{"error":"no such thing"}')
    if (url.startsWith('/api/')) {
      const list = Object.entries(listed).map(([path, data]) => ({
        type: 'file',
        path,
        size: data.length,
        oid: createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex'),
        ...(data.length > 1000 && {
          lfs: { oid: createHash('sha256').update(data).digest('hex'), size: data.length, pointerSize: 130 },
        }),
      }))
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(list))
    }
    const name = url.split('/resolve/main/')[1]
    const data = sent[name]
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [0, 0, data.length - 1]
    const part = data.subarray(Number(from), Number(to) + 1)
    if (Number(to) > 0) asked.push(`${name} ${from}`)
    response.writeHead(206, {
      'content-length': part.length,
      'content-range': `bytes ${from}-${to}/${data.length}`,
      etag: '"x"',
    })
    if (part.length <= breakAfter) return void response.end(part)
    response.write(part.subarray(0, breakAfter), () => setTimeout(() => response.destroy(), 20))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => server.close())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fovea-pull-'))
  listed = sent = files
  asked = []
  breakAfter = Number.POSITIVE_INFINITY
})
afterEach(() => rm(folder, { recursive: true }))

const wanted = ['config.json', 'model.safetensors', 'tokenizer.json', 'merges.txt']

test('fetches configs, tokenizer and the best kind of weights, and keeps what is whole', async () => {
  const progress: number[] = []
  const first = await pull('org/tiny', folder, { endpoint, onProgress: ({ done }) => progress.push(done) })
  expect(first).toEqual({ files: wanted, kept: [], bytes: wanted.reduce((n, name) => n + files[name].length, 0) })
  expect((await readdir(folder)).sort()).toEqual([...wanted].sort())
  for (const name of wanted) expect((await readFile(join(folder, name))).equals(files[name])).toBe(true)
  expect(progress).toContain(weights.length)

  asked = []
  await writeFile(join(folder, 'config.json'), '{"model_type":"blip"}')
  const second = await pull('org/tiny', folder, { endpoint })
  expect(second.kept).toEqual(wanted.slice(1))
  expect(asked).toEqual(['config.json 0'])
  expect(await readFile(join(folder, 'config.json'), 'utf8')).toBe('{"model_type":"clip"}')
})

test('a download that broke off is resumed where it stopped', async () => {
  breakAfter = 30_000
  await expect(pull('org/tiny', folder, { endpoint })).rejects.toThrow(/cannot reach http.*run it again to resume/s)
  expect(await readdir(folder)).not.toContain('model.safetensors')
  breakAfter = Number.POSITIVE_INFINITY
  await pull('org/tiny', folder, { endpoint })
  expect(asked.at(-3)).toMatch(/^model\.safetensors [1-9]\d+$/)
  expect((await readFile(join(folder, 'model.safetensors'))).equals(weights)).toBe(true)
})

test('of several kinds of weights only the one that is read, and empty files', async () => {
  listed = sent = { ...files, 'open_clip_model.safetensors': weights, 'vocab.txt': Buffer.alloc(0) }
  const { files: names } = await pull('org/tiny', folder, { endpoint })
  expect(names).toEqual([...wanted, 'vocab.txt'])
  expect((await readFile(join(folder, 'vocab.txt'))).length).toBe(0)
  const shards = { 'model-00001-of-00001.safetensors': weights, 'model.safetensors.index.json': Buffer.from('{}') }
  const { 'model.safetensors': _, ...rest } = files
  listed = sent = { ...rest, ...shards, 'pytorch_model.bin.index.json': Buffer.from('{}') }
  const { files: others } = await pull('org/tiny', folder, { endpoint })
  expect(others).toEqual(['config.json', 'tokenizer.json', 'merges.txt', ...Object.keys(shards)])
})

test('names that lead out of the folder are not fetched', async () => {
  const evil = [
    '../evil.safetensors',
    '..',
    '/etc/evil.pt',
    'x\\..\\..\\evil.pt',
    'C:evil.json',
    'sub/model.safetensors',
  ]
  listed = sent = { ...files, ...Object.fromEntries(evil.map((name) => [name, weights])) }
  expect((await pull('org/tiny', join(folder, 'm'), { endpoint })).files).toEqual(wanted)
  expect(await readdir(folder)).toEqual(['m'])
  expect((await readdir(join(folder, 'm'))).sort()).toEqual([...wanted].sort())
})

test('what an earlier run left of another revision is fetched anew', async () => {
  await writeFile(join(folder, 'model.safetensors.part'), Buffer.alloc(1000, 1))
  await pull('org/tiny', folder, { endpoint })
  expect(asked.filter((name) => name.startsWith('model'))).toEqual(['model.safetensors 1000', 'model.safetensors 0'])
  expect((await readFile(join(folder, 'model.safetensors'))).equals(weights)).toBe(true)
})

test('a token that is none', async () => {
  await expect(pull('org/tiny', folder, { endpoint, token: 'secret' })).rejects.toThrow(
    "expected a token of the hub to begin with 'hf_'; check HF_TOKEN",
  )
})

test('a file that is not what the hub stated is thrown away', async () => {
  sent = { ...files, 'model.safetensors': Buffer.from(weights).fill(7, 500, 501) }
  const message =
    'model.safetensors of org/tiny arrived damaged (100000 of 100000 bytes); it was thrown away, try again'
  await expect(pull('org/tiny', folder, { endpoint })).rejects.toThrow(message)
  expect(await readdir(folder)).toEqual(['config.json'])
})

test.each([
  ['tiny', "expected a model as ORG/NAME, got 'tiny'; for example openai/clip-vit-base-patch32"],
  ['../up', "expected a model as ORG/NAME, got '../up/..'"],
  ['org/none', 'has no model org/none at revision main; check both'],
  ['gated/model', 'refuses gated/model: it is private, gated or misspelt; set HF_TOKEN to a token that may see it'],
])('%s', async (name, message) => {
  const given = name === '../up' ? '../up/..' : name
  await expect(pull(given, folder, { endpoint })).rejects.toThrow(message)
})

test('PyTorch files where there are no safetensors, and none at all', async () => {
  const { 'model.safetensors': _, ...pickled } = files
  listed = pickled
  expect((await pull('org/tiny', folder, { endpoint })).files).toContain('pytorch_model.bin')
  listed = { 'README.md': files['README.md'] }
  await expect(pull('org/tiny', folder, { endpoint })).rejects.toThrow('org/tiny has no weights that Fovea reads')
})

test('fovea pull', async () => {
  vi.stubEnv('HF_ENDPOINT', `${endpoint}/`)
  const { status, out, err } = await fovea('pull', 'org/tiny', '--dir', join(folder, 'm'), '--json')
  expect([status, err]).toEqual([0, expect.stringContaining('model.safetensors')])
  expect(JSON.parse(out)).toMatchObject({ dir: join(folder, 'm'), files: wanted, kept: [] })
  vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9')
  const unreachable = await fovea('pull', 'org/tiny', '--dir', folder)
  expect(unreachable).toMatchObject({ status: 1, err: expect.stringContaining('cannot reach http://127.0.0.1:9') })
  vi.unstubAllEnvs()
})
