import { access, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readTorch, readWeights } from '../../stdlib/checkpoint/index.js'

/** Archives that PyTorch wrote (torch/make.py). */
const at = (name: string): string => `test/data/torch/${name}.pt`
const plainly = async (path: string): Promise<Record<string, unknown>> =>
  Object.fromEntries([...(await readTorch(path))].map(([name, t]) => [name, [t.dtype, t.shape, [...t.data]]]))
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torch-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('a state dict: every dtype, scalars, empty tensors, views of a shared storage', async () => {
  const range = Array.from({ length: 12 }, (_, i) => i)
  expect(await plainly(at('plain'))).toEqual({
    w: ['f32', [2, 3], [0, 1, 2, 3, 4, 5]],
    half: ['f32', [2], [1.5, -2.25]],
    bf: ['f32', [2], [3, 0.10009765625]],
    ids: ['i32', [2], [1, -3]],
    flag: ['bool', [2], [1, 0]],
    scalar: ['f32', [], [2.5]],
    u8: ['u8', [2], [7, 255]],
    double: ['f32', [1], [0.5]],
    empty: ['f32', [0, 3], []],
    column: ['f32', [3], [1, 5, 9]],
    transposed: ['f32', [4, 3], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]],
    shared: ['f32', [3, 4], range],
  })
})

test('a training checkpoint: the state dict in it, without the wrapper of data-parallel training', async () => {
  expect(Object.keys(await plainly(at('nested')))).toEqual(['w', 'half'])
})

test('a TorchScript archive in half precision: names are paths of modules', async () => {
  const read = await plainly(at('script'))
  expect(Object.keys(read)).toEqual([
    'logit_scale',
    'visual.weight',
    'visual.running',
    'blocks.0.weight',
    'blocks.0.running',
    'blocks.1.weight',
    'blocks.1.running',
  ])
  expect(read['blocks.1.weight']).toEqual(['f32', [2, 2], [0, 1, 2, 3]])
})

describe('refused', () => {
  const cases = [
    ['evil', "its pickle asks for 'posix.system', which is no part of weights; nothing of it was run"],
    ['legacy', 'it is no zip archive'],
    ['compressed', "'plain/byteorder' in it is compressed"],
    ['short', "storage '0' should take 24 bytes, and takes 20"],
    ['views', 'its tensors together are many times larger than the file'],
    ['missing', 'there is no such file'],
  ] as const
  for (const [name, message] of cases)
    test(name, async () => {
      await expect(readTorch(at(name))).rejects.toThrow(message)
    })

  test('code in a pickle has not run', async () => {
    await expect(access('owned')).rejects.toThrow()
  })

  test('a list of contents that is overwritten anywhere, or promises more than there is', async () => {
    const bytes = await readFile(at('plain'))
    const file = join(folder, 'list.pt')
    const entry = Buffer.from([0x50, 0x4b, 1, 2])
    const from = bytes.indexOf(entry)
    for (let i = from; i < bytes.length; i += 5) {
      const damaged = Buffer.from(bytes)
      damaged[i] ^= 0xff
      await writeFile(file, damaged)
      await readTorch(file).catch((err) => expect(err).toMatchObject({ code: 'checkpoint' }))
    }
    // Every file in the archive says that it takes 3 GB.
    const bomb = Buffer.from(bytes)
    for (let i = from; i >= 0; i = bomb.indexOf(entry, i + 4)) {
      bomb.writeUInt32LE(3e9, i + 20)
      bomb.writeUInt32LE(3e9, i + 24)
    }
    await writeFile(file, bomb)
    await expect(readTorch(file)).rejects.toThrow(/^cannot read .*list\.pt: /)
  })

  test('files that are cut off or overwritten anywhere', async () => {
    const bytes = await readFile(at('plain'))
    const file = join(folder, 'cut.pt')
    for (const length of [0, 10, 1000, bytes.length - 30]) {
      await writeFile(file, bytes.subarray(0, length))
      await expect(readTorch(file)).rejects.toThrow(/^cannot read .*cut\.pt: /)
    }
    // Every byte of the pickle turned over: tensors or a clear error, never another exception.
    const from = bytes.indexOf(Buffer.from([0x80, 0x02, 0x7d]))
    for (let i = from; i < from + 900; i += 7) {
      const damaged = Buffer.from(bytes)
      damaged[i] ^= 0xff
      await writeFile(file, damaged)
      await readTorch(file).then(
        (tensors) => expect(tensors.size).toBeGreaterThan(0),
        (err) => expect(err.code).toBe('checkpoint'),
      )
    }
  })
})

test('folders: pickled weights are read when there is nothing better, shards by their index', async () => {
  await cp(at('plain'), join(folder, 'pytorch_model-00001-of-00001.bin'))
  const index = { weight_map: { w: 'pytorch_model-00001-of-00001.bin' } }
  await writeFile(join(folder, 'pytorch_model.bin.index.json'), JSON.stringify(index))
  expect((await readWeights(folder)).get('w')!.shape).toEqual([2, 3])
  await cp(at('nested'), join(folder, 'pytorch_model.bin'))
  expect((await readWeights(folder)).size).toBe(2)
  await rm(join(folder, 'pytorch_model.bin'))
  await writeFile(
    join(folder, 'pytorch_model.bin.index.json'),
    JSON.stringify({ weight_map: { w: '../elsewhere.bin' } }),
  )
  await expect(readWeights(folder)).rejects.toThrow("names a shard outside of its folder: '../elsewhere.bin'")
})
