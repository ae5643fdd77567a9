import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type HostTensor,
  openSafetensors,
  readSafetensors,
  readWeights,
  writeSafetensors,
} from '../../stdlib/checkpoint/index.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fovea-safetensors-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A file with this header and so many data bytes. */
async function file(header: unknown, data: Uint8Array | number, cut = 0): Promise<string> {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const body = typeof data === 'number' ? new Uint8Array(data) : data
  const bytes = new Uint8Array(8 + json.length + body.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
  bytes.set(json, 8)
  bytes.set(body, 8 + json.length)
  const path = join(folder, 'case.safetensors')
  await writeFile(path, bytes.subarray(0, bytes.length - cut))
  return path
}

const tensors = new Map<string, HostTensor>([
  ['mask', { shape: [3], dtype: 'bool', data: new Uint32Array([1, 0, 7]) }],
  ['w', { shape: [2, 2], dtype: 'f32', data: new Float32Array([1, -2, Number.NaN, 1e-40]) }],
  ['bytes', { shape: [3], dtype: 'u8', data: new Uint8Array([0, 128, 255]) }],
  ['ids', { shape: [2], dtype: 'i32', data: new Int32Array([-1, 5]) }],
  ['key', { shape: [1], dtype: 'u32', data: new Uint32Array([0xffffffff]) }],
  ['scale', { shape: [], dtype: 'f32', data: new Float32Array([2.5]) }],
  ['none', { shape: [0, 4], dtype: 'f32', data: new Float32Array(0) }],
])

describe('safetensors', () => {
  test('what is written is read, in order; equal input gives equal bytes', async () => {
    const [a, b] = [join(folder, 'a.safetensors'), join(folder, 'b.safetensors')]
    await writeSafetensors(a, tensors)
    await writeSafetensors(b, tensors)
    expect(await readFile(a)).toEqual(await readFile(b))
    const back = await readSafetensors(a)
    expect([...back.keys()]).toEqual([...tensors.keys()])
    for (const [name, t] of tensors) {
      const expected = t.dtype === 'bool' ? new Uint8Array([1, 0, 1]) : t.data
      expect(back.get(name)).toEqual({ ...t, data: expected })
    }
    const open = await openSafetensors(a)
    expect(open.metadata).toEqual({ format: 'pt' })
    for (const { begin, dtype } of open.entries.values()) if (dtype === 'F32') expect(begin % 4).toBe(0)
    expect((await open.read('scale')).data).toEqual(new Float32Array([2.5]))
    await expect(open.read('other')).rejects.toThrow("holds no tensor 'other'")
    await open.close()
  })

  test('a view of a larger buffer is written as itself', async () => {
    const path = join(folder, 'view.safetensors')
    const data = new Float32Array([9, 1, 2, 9]).subarray(1, 3)
    await writeSafetensors(path, [['v', { shape: [2], dtype: 'f32', data }]])
    expect((await readSafetensors(path)).get('v')!.data).toEqual(new Float32Array([1, 2]))
  })

  test('16-bit floats widen exactly', async () => {
    const halves = new Uint16Array([0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0xfc00, 0x8000, 0x3555, 0x7e00])
    const path = await file({ h: { dtype: 'F16', shape: [9], data_offsets: [0, 18] } }, new Uint8Array(halves.buffer))
    const got = (await readSafetensors(path)).get('h')!.data
    expect([...got]).toEqual([1, -2, 2 ** -24, 65504, Infinity, -Infinity, -0, 0.333251953125, Number.NaN])
    const brains = new Uint16Array([0x3f80, 0xc040, 0x7f80, 0x0001])
    const other = await file({ h: { dtype: 'BF16', shape: [4], data_offsets: [0, 8] } }, new Uint8Array(brains.buffer))
    expect([...(await readSafetensors(other)).get('h')!.data]).toEqual([1, -3, Infinity, 2 ** -133])
  })

  test('64-bit numbers narrow, and say so where they do not fit', async () => {
    const header = {
      i: { dtype: 'I64', shape: [2], data_offsets: [0, 16] },
      d: { dtype: 'F64', shape: [1], data_offsets: [16, 24] },
    }
    const body = new Uint8Array(24)
    new BigInt64Array(body.buffer, 0, 2).set([-7n, 2_147_483_647n])
    new Float64Array(body.buffer, 16, 1)[0] = 0.1
    const read = await readSafetensors(await file(header, body))
    expect(read.get('i')!.data).toEqual(new Int32Array([-7, 2_147_483_647]))
    expect(read.get('d')!.data).toEqual(new Float32Array([0.1]))
    new BigInt64Array(body.buffer, 0, 2)[1] = 2_147_483_648n
    await expect(readSafetensors(await file(header, body))).rejects.toThrow(
      /case\.safetensors: tensor 'i' \(I64\) holds 2147483648 at 1/,
    )
  })

  const f32 = (shape: number[], begin: number, end: number) => ({ dtype: 'F32', shape, data_offsets: [begin, end] })
  test.each<[string, unknown, number, number, RegExp]>([
    ['an empty file', {}, 0, 10, /expected at least 8 bytes, found 0/],
    ['a header cut off', { a: f32([1], 0, 4) }, 0, 20, /its header says it is \d+ bytes long, but the file has/],
    ['data cut off', { a: f32([4], 0, 16) }, 16, 3, /tensor 'a' lies at bytes 0 to 16 .* has 13 bytes.*cut off/],
    ['an overlap', { a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12, 0, /tensor 'b' overlaps 'a'/],
    ['a hole', { a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12, 0, /tensor 'b' leaves a hole of 4 bytes after 'a'/],
    ['bytes left over', { a: f32([1], 0, 4) }, 8, 0, /4 bytes after the last tensor \('a'\)/],
    [
      'a bad dtype',
      { a: { ...f32([1], 0, 4), dtype: 'F8_E4M3' } },
      4,
      0,
      /'a' has dtype "F8_E4M3", expected one of F64/,
    ],
    ['a bad shape', { a: f32([-1], 0, 4) }, 4, 0, /tensor 'a' has shape \[-1\]/],
    ['a wrong byte count', { a: f32([3], 0, 8) }, 8, 0, /'a' of F32 \[3\] needs 12 bytes, but its data_offsets span 8/],
    ['offsets reversed', { a: f32([0], 4, 0) }, 4, 0, /tensor 'a' lies at bytes 4 to 0/],
    ['no offsets', { a: { dtype: 'F32', shape: [1] } }, 4, 0, /tensor 'a' has data_offsets undefined/],
    ['no JSON', '{"a":', 0, 0, /its header is not JSON/],
    ['a list for a header', '[]', 0, 0, /its header is not a JSON object/],
  ])('%s is refused', async (_, header, bytes, cut, message) => {
    const path = await file(header, bytes, cut)
    const error = await readSafetensors(path).catch((err) => err)
    expect(error).toMatchObject({ code: 'checkpoint' })
    expect(error.message).toContain(path)
    expect(error.message).toMatch(message)
  })

  test('a header that says it is longer than memory is refused before any of it is taken', async () => {
    const path = join(folder, 'long')
    for (const length of [2n ** 64n - 1n, 2n ** 40n, 100_000_001n]) {
      const bytes = Buffer.alloc(64)
      bytes.writeBigUInt64LE(length)
      await writeFile(path, bytes)
      await expect(readSafetensors(path)).rejects.toThrow(
        /long: its header says it is \d+ bytes long, but the file has 64 bytes/,
      )
    }
  })

  test('other faults: no such file, a pickle, data that contradicts its shape', async () => {
    await expect(readSafetensors(join(folder, 'nowhere'))).rejects.toThrow(/nowhere: there is no such file/)
    const pickle = join(folder, 'pickle')
    await writeFile(pickle, `PK${'x'.repeat(100)}`)
    await expect(readSafetensors(pickle)).rejects.toThrow(/or is no safetensors file/)
    const bad = { shape: [3], dtype: 'f32', data: new Float32Array(2) } as const
    await expect(writeSafetensors(join(folder, 'bad'), [['a', bad]])).rejects.toThrow(
      /'a': shape \[3\] has 3 elements, but its data has 2/,
    )
  })

  test('a folder of shards is read as one', async () => {
    const shards = await mkdtemp(join(folder, 'shards-'))
    await expect(readWeights(shards)).rejects.toThrow(/expected one of model\.safetensors, .* but it is empty/)
    await writeSafetensors(join(shards, '1.safetensors'), [['w', tensors.get('w')!]])
    await writeSafetensors(join(shards, '2.safetensors'), [['ids', tensors.get('ids')!]])
    const index = join(shards, 'model.safetensors.index.json')
    await writeFile(index, JSON.stringify({ weight_map: { w: '1.safetensors', ids: '2.safetensors' } }))
    expect([...(await readWeights(shards)).keys()]).toEqual(['w', 'ids'])
    await writeFile(index, JSON.stringify({ weight_map: { v: '1.safetensors' } }))
    await expect(readWeights(shards)).rejects.toThrow(/says that 1\.safetensors holds 'v', but it doesn't/)
  })

  test('a file that PyTorch wrote', async () => {
    const weights = await readWeights(new URL('../models/fixtures/clip-vit', import.meta.url).pathname)
    expect(weights.get('logit_scale')).toEqual({ shape: [], dtype: 'f32', data: new Float32Array([2.6592]) })
    expect(weights.get('text_model.embeddings.position_ids')!.dtype).toBe('i32')
  })
})

test('F16, BF16, I8 and U8 are kept where that is asked, and saved as what they are', async () => {
  const path = join(folder, 'narrow.safetensors')
  const tensors = new Map<string, HostTensor>([
    ['half', { shape: [3], dtype: 'f16', data: new Uint16Array([0x3c00, 0xc000, 0x0001]) }],
    ['brain', { shape: [2], dtype: 'bf16', data: new Uint16Array([0x3f80, 0x4000]) }],
    ['signed', { shape: [2], dtype: 'i8', data: new Int8Array([-1, 127]) }],
    ['bytes', { shape: [1], dtype: 'u8', data: new Uint8Array([255]) }],
  ])
  await writeSafetensors(path, tensors)
  expect(await readSafetensors(path, { halves: 'keep' })).toEqual(tensors)
  const wide = await readSafetensors(path)
  expect(wide.get('half')).toEqual({ shape: [3], dtype: 'f32', data: new Float32Array([1, -2, 2 ** -24]) })
  expect(wide.get('signed')).toEqual(tensors.get('signed'))
})
