import { existsSync } from 'node:fs'
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { program } from '../../models/cli/program.js'
import { runProgram } from '../../models/cli/report.js'
import { loadClip, readEmbeddings } from '../../models/clip/index.js'
import { embedFiles } from '../../models/clip/journal.js'
import { readNpy } from '../../stdlib/checkpoint/index.js'
import { drawShapes, findPictures } from '../../stdlib/data/index.js'

const model = 'test/models/fixtures/clip-vit'
const other = 'test/models/fixtures/clip-resnet'
let root: string
let data: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-eval-'))
  data = join(root, 'data')
  await drawShapes(data, { count: 48, seed: 1 })
})
afterAll(() => rm(root, { recursive: true }))
const picture = (i: number): string => join(data, 'images', `${String(i).padStart(6, '0')}.png`)

/** Runs a command line in this process. */
async function fovea(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const text = { out: '', err: '' }
  const into = (name: 'out' | 'err') => (chunk: string | Uint8Array) => {
    text[name] += chunk
    return true
  }
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(into('out')),
    vi.spyOn(process.stderr, 'write').mockImplementation(into('err')),
  ]
  try {
    return { status: await runProgram(program(), args), ...text }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

/** Commands that embed, as far as the path that a test adds. */
const commands: Record<string, (path: string, model: string, out: string) => string[]> = {
  embed: (path, model, out) => ['embed', '--model', model, '--out', join(out, 'rows.npy'), path],
}
describe.each(Object.entries(commands))('%s', (name, args) => {
  test('has help', async () => {
    const { status, out } = await fovea(...name.split(' '), '--help')
    expect(status).toBe(0)
    expect(out).toContain(`Usage: fovea ${name} `)
    expect(out).toContain(`Example:\n  fovea ${name} `)
  })
  test('needs a model that is there', async () => {
    const { status, err } = await fovea(...args(data, join(root, 'no'), root))
    expect(err).toMatch(/^error: cannot read .*no/)
    expect(status).toBe(1)
  })
  test('needs pictures', async () => {
    const empty = join(root, `empty-${name.replace(' ', '-')}`)
    await mkdir(empty)
    const { status, err } = await fovea(...args(empty, model, root))
    expect(err).toMatch(/^error: .*empty/)
    expect(status).toBe(1)
  })
  test('needs a place to write to', async () => {
    const { status, err } = await fovea(...args(data, model, join(picture(1), 'beneath')))
    expect(err).toMatch(/error: cannot (write|save) .*beneath/)
    expect(status).toBe(1)
  })
})

describe('embed', () => {
  const embed = (...rest: string[]) => fovea('embed', '--model', model, ...rest)

  test.each(['.npy', '.safetensors', '.jsonl'])('pictures and texts to %s', async (ending) => {
    const out = join(root, `rows${ending}`)
    const texts = join(root, 'texts.txt')
    await writeFile(texts, 'a red circle\n\na "blue" square\n')
    const { status, out: printed } = await embed('--json', '--out', out, '--texts', texts, picture(2), picture(1))
    expect(status).toBe(0)
    expect(JSON.parse(printed)).toMatchObject({ out, images: 2, texts: 2, kept: 0, unreadable: [] })
    const { names, count, width, data: rows } = await readEmbeddings(out)
    expect(names).toEqual([picture(2), picture(1), 'a red circle', 'a "blue" square'])
    for (let i = 0; i < count; i++) expect(Math.hypot(...rows.subarray(i * width, (i + 1) * width))).toBeCloseTo(1, 5)
    expect(existsSync(`${out}.partial.jsonl`)).toBe(false)
    // The file that is cut off is refused, whatever its format.
    await truncate(out, 200)
    await expect(readEmbeddings(out)).rejects.toThrow('cannot read')
  })

  test("NumPy's header, byte for byte", async () => {
    const out = join(root, 'one.npy')
    await embed('--out', out, picture(1))
    const bytes = await readFile(out)
    const { shape } = await readNpy(out)
    expect(bytes.toString('latin1', 0, 8)).toBe('\x93NUMPY\x01\x00')
    expect(bytes.readUInt16LE(8)).toBe(118)
    expect(bytes.toString('latin1', 10, 128)).toBe(
      `${`{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`.padEnd(117)}\n`,
    )
    expect(bytes.length).toBe(128 + 4 * shape[1])
  })

  test('goes on where it was stopped, but not with what has changed', async () => {
    const [folder, out] = [join(root, 'going'), join(root, 'going.npy')]
    await mkdir(folder)
    for (let i = 1; i <= 24; i++) await cp(picture(i), join(folder, `${i + 10}.png`), { preserveTimestamps: true })
    const files = await findPictures([folder])
    const journal = `${out}.partial.jsonl`
    await embedFiles(await loadClip(model), files.slice(0, 20), journal)
    await appendFile(journal, '{"cut": "o')
    await cp(picture(30), files[3].image)
    const { out: printed, err } = await embed('--json', '--out', out, folder)
    expect(JSON.parse(printed)).toMatchObject({ images: 24, kept: 19 })
    expect(err).toMatch(/picture 24\/24/)
    const [stopped, whole] = [await readEmbeddings(out), join(root, 'whole.npy')]
    await embed('--out', whole, folder)
    // Batches of other sizes are other programs: the last bits may differ.
    const unbroken = await readEmbeddings(whole)
    expect(unbroken.names).toEqual(stopped.names)
    expect(Math.max(...unbroken.data.map((x, i) => Math.abs(x - stopped.data[i])))).toBeLessThan(1e-5)
    // Rows of another model are not kept.
    await embedFiles(await loadClip(model), files, journal)
    const { out: second } = await fovea('embed', '--json', '--model', other, '--out', out, folder)
    expect(JSON.parse(second)).toMatchObject({ images: 24, kept: 0 })
  })

  test('names pictures that can not be read, up to a limit', async () => {
    const folder = join(root, 'broken')
    await mkdir(folder)
    for (const i of [1, 2])
      await writeFile(join(folder, `broken${i}.png`), (await readFile(picture(i))).subarray(0, 90))
    await cp(picture(3), join(folder, 'whole.png'))
    const out = join(root, 'broken.npy')
    const some = await embed('--json', '--out', out, folder)
    expect(some.status).toBe(1)
    for (const i of [1, 2]) expect(some.err).toMatch(new RegExp(`error: cannot decode image .*broken${i}\\.png: `))
    const broken = [1, 2].map((i) => join(folder, `broken${i}.png`))
    expect(JSON.parse(some.out)).toMatchObject({ images: 1, unreadable: broken })
    const limited = await embed('--out', out, '--max-unreadable', '1', folder)
    expect(limited.err).toContain("error: 2 pictures can't be read, and at most 1 may be\n")
    expect(limited.status).toBe(1)
  })

  test.each([
    [['--out', 'rows.txt', 'x.png'], 1, 'expected a file that ends in .npy, .safetensors, .jsonl, got rows.txt'],
    [['--out', 'rows.npy', '--texts', 'no.txt'], 1, 'cannot read texts from no.txt'],
    [['--out', 'rows.npy'], 2, 'expected pictures, folders or --texts'],
  ])('%j is refused', async (args, status, message) => {
    const result = await embed(...args)
    expect(result.err).toContain(message)
    expect(result.status).toBe(status)
  })
})
