import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type Header, pack } from 'tar-stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { corruptLog, findShards, type ShardOptions, type ShardPosition, streamShards } from '../../stdlib/data/index.js'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-shards-'))
})
afterEach(() => rm(root, { recursive: true }))

async function shard(
  name: string,
  files: readonly (readonly [string | (Partial<Header> & Pick<Header, 'name'>), string | Buffer])[],
): Promise<Buffer> {
  const tar = pack()
  for (const [header, content] of files) tar.entry(typeof header === 'string' ? { name: header } : header, content)
  tar.finalize()
  const bytes = await buffer(tar)
  await writeFile(join(root, name), bytes)
  return bytes
}
const samples = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => from + i).flatMap((i) => [
    [`${i}.jpg`, `picture ${i}`] as const,
    [`${i}.txt`, `${i}\n`] as const,
  ])
const lenient = () => corruptLog({ maxCorrupt: 1 })

async function take(n: number, more: Partial<ShardOptions> = {}): Promise<{ captions: string[]; next: ShardPosition }> {
  const captions: string[] = []
  for await (const { caption, next } of streamShards(await findShards(root), {
    seed: 1,
    corrupt: lenient(),
    ...more,
  })) {
    captions.push(caption)
    if (captions.length === n) return { captions, next }
  }
  throw new Error('the stream has no end')
}
const sorted = (captions: readonly string[]): number[] => captions.map(Number).sort((a, b) => a - b)

test('patterns, folders and names stand for shards', async () => {
  const names = ['s-008.tar', 's-009.tar', 's-010.tar']
  for (const name of names) await shard(name, samples(0, 1))
  const paths = names.map((name) => join(root, name))
  expect(await findShards(join(root, 's-{008..010}.tar'))).toEqual(paths)
  expect(await findShards(root)).toEqual(paths)
  expect(await findShards(paths[1])).toEqual([paths[1]])
  await expect(findShards(join(root, 's-{008..011}.tar'))).rejects.toThrow(/there is no shard .*s-011\.tar/)
  await expect(findShards('s-{3..1}.tar')).rejects.toThrow(/1 to 100000 shards/)
})

test('an epoch has every record once, in an order of its own, and goes on from any position', async () => {
  for (const i of [0, 1, 2]) await shard(`${i}.tar`, samples(i * 5, 5))
  const all = Array.from({ length: 15 }, (_, i) => i)
  const { captions } = await take(30, { shuffle: 4 })
  expect(sorted(captions.slice(0, 15))).toEqual(all)
  expect(sorted(captions.slice(15))).toEqual(all)
  expect(captions.slice(15)).not.toEqual(captions.slice(0, 15))
  expect((await take(30, { shuffle: 4 })).captions).toEqual(captions)
  expect((await take(15, { shuffle: 4, seed: 2 })).captions).not.toEqual(captions.slice(0, 15))
  for (const at of [7, 15, 19]) {
    const { next } = await take(at, { shuffle: 4 })
    expect((await take(30 - at, { shuffle: 4, start: next })).captions).toEqual(captions.slice(at))
  }
})

test('files are grouped by their names up to the first dot; captions are text or JSON', async () => {
  await shard('a.tar', [
    ['dir.x/1.PNG', 'p'],
    ['dir.x/1.cls', '3'],
    ['dir.x/1.json', '{"caption":"one"}'],
    ['dir.x/2.txt', 'two'],
    ['dir.x/2.webp', 'p'],
    ['3.jpg', 'p'],
    ['4.txt', 'four'],
    ['5.jpg', 'p'],
    ['5.txt', ' '],
    ['6.jpg', 'p'],
    ['6.txt', Buffer.from([0xff])],
    ['7.jpg', 'p'],
    ['7.json', '{"caption":7}'],
    ['8.jpg', 'p'],
    ['8.txt', 'a\u0001b'],
  ])
  const corrupt = lenient()
  expect((await take(2, { corrupt, shuffle: 100 })).captions.sort()).toEqual(['one', 'two'])
  expect(corrupt.counts()).toEqual({
    'unreadable record': 2,
    'missing caption': 1,
    'missing picture': 1,
    'empty caption': 1,
    'control characters in a caption': 1,
  })
  await expect(take(3, { corrupt: corruptLog() })).rejects.toThrow(/6 of 8 records can't be used/)
})

test('names that lead out of the folder and links are passed over, and nothing is written', async () => {
  await shard('a.tar', [
    ['../1.jpg', 'p'],
    ['../1.txt', 'up'],
    ['/2.jpg', 'p'],
    ['x\\..\\3.jpg', 'p'],
    ['C:/4.jpg', 'p'],
    [{ name: '5.jpg', type: 'symlink', linkname: '/etc/passwd' }, ''],
    ...samples(9, 1),
  ])
  const corrupt = lenient()
  expect((await take(1, { corrupt })).captions).toEqual(['9'])
  expect(corrupt.counts()).toEqual({ 'unsafe name': 6 })
  expect(await readdir(root)).toEqual(['a.tar'])
})

test('a shard that is cut off gives what is whole, and is counted', async () => {
  const bytes = await shard('a.tar', samples(0, 3))
  // A sample is two headers and two blocks: the third's picture is cut off.
  await writeFile(join(root, 'a.tar'), bytes.subarray(0, 2 * 2048 + 515))
  await writeFile(join(root, 'b.tar'), 'no tar at all, and too short for one')
  await writeFile(join(root, 'c.tar'), Buffer.alloc(2048, 'x'))
  const corrupt = lenient()
  expect(sorted((await take(2, { corrupt })).captions)).toEqual([0, 1])
  expect(corrupt.counts()).toEqual({ 'truncated shard': 3 })
  await rm(join(root, 'a.tar'))
  await expect(take(1)).rejects.toThrow(/no picture with a caption in 2 shards/)
})

test('leaving closes the shard', async () => {
  await shard('a.tar', samples(0, 50))
  const stream = streamShards(await findShards(root), { seed: 1, shuffle: 1, corrupt: lenient() })
  expect((await stream.next()).done).toBe(false)
  await stream.return()
  expect(await stream.next()).toEqual({ value: undefined, done: true })
})
