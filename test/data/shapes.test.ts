import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drawShapes, type ShapeColour, type ShapeRecord, shapeLabels } from '../../stdlib/data/shapes.js'

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'fovea-shapes-'))
})
afterAll(() => rm(home, { recursive: true, force: true }))

const read = async (folder: string): Promise<ShapeRecord[]> =>
  (await readFile(join(folder, 'captions.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

const digest = async (folder: string): Promise<string> => {
  const hash = createHash('sha256').update(await readFile(join(folder, 'captions.jsonl')))
  for (const name of (await readdir(join(folder, 'images'))).sort()) {
    hash.update(name).update(await readFile(join(folder, 'images', name)))
  }
  return hash.digest('hex')
}

describe('drawShapes', () => {
  it('draws count pictures, each named by one line of captions.jsonl', async () => {
    const folder = join(home, 'deep', 'world')
    const seen: number[] = []
    const made = await drawShapes(folder, { count: 96, seed: 3, onProgress: (done) => seen.push(done) })
    expect(made).toEqual({ captions: join(folder, 'captions.jsonl'), reused: false })
    expect(seen.at(-1)).toBe(96)
    const records = await read(folder)
    expect(records.map((r) => r.image)).toEqual(
      (await readdir(join(folder, 'images'))).sort().map((n) => `images/${n}`),
    )
    expect(await readdir(join(home, 'deep'))).toEqual(['world'])
    // Every 24 pictures in a row show every class once.
    for (let i = 0; i < 96; i += 24) {
      const labels = records.slice(i, i + 24).map((r) => `${r.colour} ${r.shape}`)
      expect(labels.sort()).toEqual([...shapeLabels].sort())
    }
    const { width, height, channels } = await sharp(join(folder, records[0].image)).metadata()
    expect([width, height, channels]).toEqual([32, 32, 3])
  })

  it('says nothing untrue in a caption', async () => {
    const folder = join(home, 'truth')
    await drawShapes(folder, { count: 480, seed: 8, size: 16 })
    for (const r of await read(folder)) {
      const words = r.caption.split(' ')
      expect(words.length).toBeLessThanOrEqual(8)
      const said = words.filter((w) => !['a', 'photo', 'picture', 'of', 'at', 'the', 'shape'].includes(w))
      const true_ = [r.shape, r.colour, r.size, ...(r.position?.split(' ') ?? [])]
      for (const word of said) expect(true_, r.caption).toContain(word)
      expect(words.some((w) => w === r.shape || w === r.colour)).toBe(true)
    }
  })

  it('shows the colour and the place that it tells', async () => {
    const folder = join(home, 'look')
    await drawShapes(folder, { count: 120, seed: 5 })
    const reads: Record<ShapeColour, (r: number, g: number, b: number) => boolean> = {
      red: (r, g, b) => r > 1.5 * g && r > 1.5 * b,
      green: (r, g, b) => g > 1.5 * r && g > 1.5 * b,
      blue: (r, g, b) => b > 1.5 * r && b > 1.5 * g,
      yellow: (r, g, b) => Math.min(r, g) > 1.5 * b,
      purple: (r, g, b) => Math.min(r, b) > 1.5 * g,
      white: (r, g, b) => Math.min(r, g, b) > 200,
    }
    for (const record of await read(folder)) {
      const pixels = await sharp(join(folder, record.image)).raw().toBuffer()
      let [n, sx, sy] = [0, 0, 0]
      for (let i = 0; i < 32 * 32; i++) {
        if (!reads[record.colour](pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2])) continue
        n++
        sx += (i % 32) + 0.5
        sy += Math.floor(i / 32) + 0.5
      }
      expect(n, record.image).toBeGreaterThan(8)
      if (!record.position) continue
      const seen = `${sy / n < 16 ? 'top' : 'bottom'} ${sx / n < 16 ? 'left' : 'right'}`
      expect(seen, record.image).toBe(record.position)
    }
  })

  it('is the same for the same seed, another for another, and a prefix for a smaller count', async () => {
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => join(home, name))
    await drawShapes(a, { count: 70, seed: 1 })
    await drawShapes(b, { count: 70, seed: 1 })
    await drawShapes(c, { count: 70, seed: 2 })
    await drawShapes(d, { count: 30, seed: 1 })
    expect(await digest(a)).toBe(await digest(b))
    expect(await digest(a)).not.toBe(await digest(c))
    expect((await read(a)).slice(0, 30)).toEqual(await read(d))
  })

  it('keeps a world that is there already, and refuses a folder with anything else', async () => {
    const folder = join(home, 'twice')
    await drawShapes(folder, { count: 24, seed: 1 })
    const before = (await stat(join(folder, 'captions.jsonl'))).mtimeMs
    expect((await drawShapes(folder, { count: 24, seed: 1 })).reused).toBe(true)
    expect((await stat(join(folder, 'captions.jsonl'))).mtimeMs).toBe(before)
    await expect(drawShapes(folder, { count: 24, seed: 2 })).rejects.toMatchObject({
      code: 'input',
      message: expect.stringContaining('"seed":1'),
    })

    const other = await mkdtemp(join(home, 'other-'))
    await drawShapes(other, { count: 1, seed: 1 }) // An empty folder is fine.
    const full = await mkdtemp(join(home, 'full-'))
    await writeFile(join(full, 'thesis.txt'), 'precious')
    await expect(drawShapes(full, { count: 1, seed: 1 })).rejects.toThrow(/thesis\.txt.*another folder/)
    await expect(drawShapes(join(full, 'thesis.txt'), { count: 1, seed: 1 })).rejects.toThrow(
      /thesis\.txt is no folder/,
    )
    expect(await readdir(full)).toEqual(['thesis.txt'])
  })

  it('leaves nothing behind when it fails half way', async () => {
    const folder = join(home, 'broken', 'world')
    const fail = (): void => {
      throw new Error('stop')
    }
    await expect(drawShapes(folder, { count: 100, seed: 1, onProgress: fail })).rejects.toThrow('stop')
    expect(await readdir(join(home, 'broken'))).toEqual([])
  })

  it.each([
    ['count', { count: 0, seed: 1 }],
    ['seed', { count: 1, seed: 1.5 }],
    ['size', { count: 1, seed: 1, size: 8 }],
  ])('refuses a bad %s', async (name, options) => {
    await expect(drawShapes(join(home, 'bad'), options)).rejects.toThrow(`drawShapes: ${name} must be a whole number`)
  })
})
