import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadCaptions } from '../../stdlib/data/index.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fovea-captions-'))
  for (const name of ['a.png', 'b.png']) await writeFile(join(folder, name), '')
})
afterEach(() => rm(folder, { recursive: true }))

const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text)
const fault = async (): Promise<string> => {
  const error = await loadCaptions(folder).catch((err) => err)
  expect(error).toMatchObject({ code: 'input' })
  return error.message
}

describe('captions', () => {
  test('come from JSON lines', async () => {
    await write(
      'captions.jsonl',
      '\uFEFF{"image":"a.png","caption":"a cat"}\r\n\n{"image":"b.png","caption":"a dog"}\n',
    )
    expect(await loadCaptions(folder)).toEqual([
      { image: join(folder, 'a.png'), caption: 'a cat' },
      { image: join(folder, 'b.png'), caption: 'a dog' },
    ])
  })

  test('come from CSV, quoted or not', async () => {
    await write('captions.csv', 'image,caption\na.png,"a cat, ""asleep"""\nb.png, a dog\n')
    expect((await loadCaptions(folder)).map((c) => c.caption)).toEqual(['a cat, "asleep"', 'a dog'])
  })

  test("come from an ImageFolder's metadata", async () => {
    await write('metadata.jsonl', '{"file_name":"a.png","text":"a cat"}')
    expect(await loadCaptions(folder)).toEqual([{ image: join(folder, 'a.png'), caption: 'a cat' }])
    await rm(join(folder, 'metadata.jsonl'))
    await write('metadata.csv', 'file_name,text\nb.png,a dog\n')
    expect(await loadCaptions(folder)).toEqual([{ image: join(folder, 'b.png'), caption: 'a dog' }])
  })

  test('that are not there are asked for', async () => {
    expect(await fault()).toMatch(/expected captions\.jsonl or captions\.csv in .*, but it holds a\.png, b\.png/)
    await write('captions.jsonl', '\n')
    expect(await fault()).toMatch(/captions\.jsonl holds no captions/)
    await rm(folder, { recursive: true })
    expect(await fault()).toMatch(/there is no such folder/)
    folder = await mkdtemp(join(tmpdir(), 'fovea-captions-'))
    expect(await fault()).toMatch(/but it is empty/)
  })

  test.each([
    ['captions.jsonl', '{"image":"a.png","caption":"a cat"}\n{"image":', /captions\.jsonl, line 2: not JSON/],
    ['captions.jsonl', '\n{"image":"c.png","caption":"a cat"}', /line 2: there is no image .*c\.png\. Add it/],
    ['captions.jsonl', '{"image":"a.png","caption":"  "}', /line 1: the caption of a\.png is empty/],
    [
      'captions.jsonl',
      '{"image":"a.png"}',
      /line 1: expected the texts "image" and "caption", got \{"image":"a\.png"\}/,
    ],
    ['captions.jsonl', 'null', /line 1: expected the texts "image" and "caption", got null/],
    ['captions.csv', 'image,caption\na.png,a cat\nb.png,a, dog\n', /captions\.csv, line 3: not CSV/],
    ['captions.csv', 'image,caption\na.png,a cat\nc.png,a dog\n', /captions\.csv, line 3: there is no image/],
    ['captions.csv', 'picture,words\na.png,a cat\n', /line 2: expected the texts "image" and "caption"/],
  ])('%s with a bad line (%j) names it', async (name, text, message) => {
    await write(name, text)
    expect(await fault()).toMatch(message)
  })
})
