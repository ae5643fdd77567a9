import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { paramsInterface, type ShapeDType, writeSafetensors } from '../../stdlib/checkpoint/index.js'
import { fovea } from '../models/run-cli.js'

const root = join(import.meta.dirname, '../..')
const f32 = (...shape: number[]): ShapeDType => ({ shape, dtype: 'f32' })
const shapes = new Map<string, ShapeDType>([
  ['scale', f32()],
  ['blocks.0.fc.weight', f32(8, 4)],
  ['blocks.1.fc.weight', f32(8, 4)],
  ['head.0', f32(4)],
  ['head.1', { shape: [5], dtype: 'i32' }],
  ['odd-name.2', f32(1)],
])
const expected = `import type { Tensor } from 'fovea'

export interface Blocks {
  readonly fc: {
    readonly weight: Tensor<[8, 4], 'f32'>
  }
}

export interface Net {
  readonly scale: Tensor<[], 'f32'>
  readonly blocks: readonly Blocks[]
  readonly head: readonly [Tensor<[4], 'f32'>, Tensor<[5], 'i32'>]
  readonly "odd-name": {
    readonly "2": Tensor<[1], 'f32'>
  }
}
`

test('names become a tree, lists that are alike arrays', () => {
  expect(paramsInterface(shapes, 'Net')).toBe(expected)
})

test('a name that is a tensor and a part', () => {
  const both = new Map([...shapes, ['scale.more', f32(1)]])
  expect(() => paramsInterface(both)).toThrow("'scale.more' is the name of a tensor, and other names go on below it")
})

test('fovea types writes what the compiler takes, and shapes are checked by it', async () => {
  const folder = await mkdtemp(join(root, 'test/data/.types-'))
  try {
    const file = join(folder, 'm.safetensors')
    const tensors = [...shapes].map(([name, { shape, dtype }]) => {
      const length = shape.reduce((a, b) => a * b, 1)
      return [
        name,
        { shape, dtype, data: dtype === 'i32' ? new Int32Array(length) : new Float32Array(length) },
      ] as const
    })
    await writeSafetensors(file, tensors)
    const out = join(folder, 'net.ts')
    expect((await fovea('types', file, '-o', out, '--name', 'Net')).status).toBe(0)
    const text = await readFile(out, 'utf8')
    expect(text).toBe(`// Written by 'fovea types' from m.safetensors.\n${expected}`)
    expect((await fovea('types', file, '--name', 'Net')).out).toBe(text)

    await writeFile(out, text.replace("from 'fovea'", "from '../../../index.js'"))
    const use = "import { matmul } from '../../../index.js'\nimport type { Net } from './net.js'\n"
    await writeFile(
      join(folder, 'use.ts'),
      `${use}export const f = (p: Net) => matmul(p.blocks[0].fc.weight, p.blocks[0].fc.weight)\n`,
    )
    const options = { extends: '../../../tsconfig.json', include: ['*.ts'], exclude: [] }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(options))
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', folder]).catch((err) => err)
    expect(stdout).toContain('matmul: inner dims differ: 4 vs 8 in [8, 4] x [8, 4]')
    expect(stdout.match(/error TS/g)).toHaveLength(1)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('mistakes on the command line', async () => {
  expect(await fovea('types', 'x', '--name', '1a')).toMatchObject({ status: 2 })
  expect((await fovea('types', join(tmpdir(), 'nowhere'))).err).toContain('there is no such folder')
})
