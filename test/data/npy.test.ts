import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readNpy, writeNpy } from '../../stdlib/checkpoint/index.js'

let file: string
let whole: Buffer
const rows = { shape: [2, 3], data: Float32Array.from([1, 2, 3, 4, 5, 6]) }
beforeAll(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'npy-')), 'rows.npy')
  await writeNpy(file, rows)
  whole = await readFile(file)
})
afterAll(() => rm(join(file, '..'), { recursive: true }))

test('what is written is read', async () => {
  await writeFile(file, whole)
  expect(await readNpy(file)).toEqual(rows)
  await expect(writeNpy(file, { shape: [7], data: rows.data })).rejects.toThrow(
    'expected 7 numbers for shape [7], got 6',
  )
})

const text = (from: string, to: string) => (bytes: Buffer) => {
  bytes.write(bytes.toString('latin1', 10, 74).replace(from, to), 10, 64, 'latin1')
  return bytes
}
test.each<[string, (bytes: Buffer) => Buffer, string]>([
  ['a file cut off', (b) => b.subarray(0, -1), 'expected 24 bytes of numbers for shape [2,3], got 23'],
  ['a header cut off', (b) => b.subarray(0, 12), "expected '<f4' in C order, got the header"],
  ['an empty file', (b) => b.subarray(0, 0), 'it is no .npy file'],
  ['another kind', () => Buffer.alloc(100), 'it is no .npy file'],
  ['another version', (b) => b.fill(3, 6, 7), 'expected version 1 of the format, got 3'],
  ['doubles', text('<f4', '<f8'), "expected '<f4' in C order"],
  ['pickled objects', text('<f4', '|O '), "expected '<f4' in C order"],
  ['a shape larger than memory', text('(2, 3), }', '(2,33333333)}'), 'bytes of numbers for shape'],
])('%s is refused', async (_, damage, message) => {
  await writeFile(file, damage(Buffer.from(whole)))
  await expect(readNpy(file)).rejects.toThrow(message)
})
