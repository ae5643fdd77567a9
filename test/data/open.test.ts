import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { batches, corruptLog, describeCounts, openPairs } from '../../stdlib/data/index.js'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-open-'))
})
afterEach(() => rm(root, { recursive: true }))

const write = async (name: string, content: string | Uint8Array = ''): Promise<string> => {
  const path = join(root, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  return path
}
const lenient = () => corruptLog({ maxCorrupt: 1 })

describe('COCO', () => {
  const image = (id: number) => ({ id, file_name: `${id}.jpg` })
  const coco = (images: readonly object[], annotations: readonly (object | null)[]): string =>
    JSON.stringify({ info: {}, images, annotations })
  const two = coco(
    [image(1), image(2)],
    [
      { image_id: 2, id: 1, caption: 'a dog' },
      { image_id: 1, id: 2, caption: 'a cat' },
      { image_id: 1, id: 3, caption: 'a tabby' },
    ],
  )

  test.each(['train2017', 'images/train2017', 'images', 'annotations/images', '.'])(
    'with pictures in %s',
    async (dir) => {
      const file = await write('annotations/captions_train2017.json', two)
      await write('annotations/captions_val2017.json', two)
      await write('annotations/instances_train2017.json', '{}')
      const paths = await Promise.all([1, 2].map((id) => write(`${dir}/${id}.jpg`)))
      const pairs = [
        { image: paths[0], caption: 'a cat', captions: ['a cat', 'a tabby'] },
        { image: paths[1], caption: 'a dog' },
      ]
      expect(await openPairs(root)).toEqual({ format: 'coco', pairs, records: 5 })
      expect((await openPairs(file)).pairs).toEqual(pairs)
    },
  )

  test('what can not be used is counted', async () => {
    const file = await write(
      'captions_x.json',
      coco(
        [image(1), image(2), image(3)],
        [
          { image_id: 1, caption: 'a cat' },
          { image_id: 1, caption: ' ' },
          { image_id: 1, caption: 'a\u0007cat' },
          { image_id: 2, caption: 'gone' },
          { image_id: 9, caption: 'a stray' },
          null,
        ],
      ),
    )
    await write('elsewhere/1.jpg')
    const corrupt = lenient()
    const { pairs } = await openPairs(file, { images: join(root, 'elsewhere'), corrupt })
    expect(pairs).toEqual([{ image: join(root, 'elsewhere/1.jpg'), caption: 'a cat' }])
    expect(corrupt.counts()).toEqual({
      'unreadable record': 2,
      'empty caption': 1,
      'control characters in a caption': 1,
      'missing caption': 1,
      'missing picture': 1,
    })
    await expect(openPairs(file)).rejects.toThrow(/7 of 9 records can't be used \(2 unreadable record, .*maxCorrupt/)
  })

  test.each([
    ['{"images": ', /not JSON/],
    ['null', /expected the lists/],
    ['{"images": [{"id": "1"}], "annotations": []}', /a number "id"/],
  ])('%s is refused', async (text, message) => {
    await expect(openPairs(await write('captions_x.json', text))).rejects.toThrow(message)
  })
})

describe('a TSV', () => {
  test('of paths and URLs, looked up in a folder', async () => {
    const file = await write(
      'train.tsv',
      'a "big cat\ta.jpg\na dog\thttps://example.org/x/b%20c.jpg?size=2\nup\thttps://example.org/%2e%2e%2f\nno tab\n',
    )
    for (const name of ['pics/a.jpg', 'pics/b c.jpg']) await write(name)
    const corrupt = lenient()
    const { pairs, format, records } = await openPairs(root, { images: join(root, 'pics'), corrupt })
    expect([format, records]).toEqual(['tsv', 4])
    expect(pairs).toEqual([
      { image: join(root, 'pics/a.jpg'), caption: 'a "big cat' },
      { image: join(root, 'pics/b c.jpg'), caption: 'a dog' },
    ])
    expect(corrupt.counts()).toEqual({ 'missing picture': 1, 'unreadable record': 1 })
    await expect(openPairs(file)).rejects.toThrow(/train\.tsv, line 1: there is no image .*a\.jpg/)
  })

  test('with a header', async () => {
    await write('a.jpg')
    const file = await write('x.tsv', '\uFEFFfilepath\ttitle\na.jpg\ta cat\n')
    expect((await openPairs(file)).pairs).toEqual([{ image: join(root, 'a.jpg'), caption: 'a cat' }])
  })
})

test('a folder with captions.jsonl skips what loadCaptions refuses', async () => {
  await write('a.png')
  await write('captions.jsonl', '{"image":"a.png","caption":"a cat"}\nno JSON\n{"image":"b.png","caption":"a dog"}\n')
  const told: string[] = []
  const corrupt = corruptLog({ maxCorrupt: 0.7, onCorrupt: (kind, what) => told.push(`${kind}: ${what}`) })
  const { format, pairs, records } = await openPairs(root, { corrupt })
  expect([format, pairs.length, records]).toEqual(['captions', 1, 3])
  expect(told).toEqual([
    expect.stringMatching(/^unreadable record: .*captions\.jsonl, line 2: not JSON/),
    expect.stringMatching(/^missing picture: .*line 3: there is no image .*b\.png/),
  ])
})

test('a path that holds nothing, or several things', async () => {
  await expect(openPairs(join(root, 'none'))).rejects.toThrow(/there is no such folder/)
  await expect(openPairs(root)).rejects.toThrow(/expected captions\.jsonl .*it is empty/)
  await expect(openPairs(await write('x.txt'))).rejects.toThrow(/expected .*x\.txt to end in/)
  await write('a.tsv')
  await write('b.tsv')
  await expect(openPairs(root)).rejects.toThrow(/several files of captions: a\.tsv, b\.tsv\. Name one/)
})

test('corrupt records are counted once, and one of each kind is told', () => {
  const told: string[] = []
  const log = corruptLog({ maxCorrupt: 0.1, onCorrupt: (_, what) => told.push(what) })
  for (const what of ['a', 'b', 'a']) log.add('empty caption', what)
  log.add('missing picture', 'c')
  expect(told).toEqual(['a', 'c'])
  expect(describeCounts(log.counts())).toBe('2 empty caption, 1 missing picture')
  log.check(30)
  expect(() => log.check(29)).toThrow(/3 of 29 records can't be used \(2 empty caption, 1 missing picture\).*first: a$/)
  expect(() => corruptLog({ maxCorrupt: 2 })).toThrow(/between 0 and 1, got 2/)
})

describe('batches', () => {
  const options = { batchSize: 3, seed: 1, preprocessor: { do_resize: false, do_normalize: false } }
  const draw = (name: string): Promise<string> =>
    sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
      .then((bytes) => write(name, bytes))

  test('put others in the place of pictures that can not be decoded, the same after going on', async () => {
    const images = await Promise.all(
      Array.from({ length: 8 }, (_, i) => (i === 5 ? write('5.png', 'x') : draw(`${i}.png`))),
    )
    const pairs = images.map((image, i) => ({ image, caption: `${i}` }))
    const take = async (startStep: number, maxCorrupt: number): Promise<number[][]> => {
      const taken: number[][] = []
      for await (const { step, index, captions } of batches(pairs, {
        ...options,
        startStep,
        corrupt: corruptLog({ maxCorrupt }),
      })) {
        expect(captions).toEqual(index.map(String))
        expect(new Set(index).size).toBe(3)
        taken.push([...index])
        if (step === 5) return taken
      }
      return taken
    }
    const whole = await take(0, 0.125)
    expect(whole.flat()).not.toContain(5)
    expect(await take(2, 0.125)).toEqual(whole.slice(2))
    await expect(take(0, 0.12)).rejects.toThrow(/1 of 8 records can't be used \(1 undecodable picture\).*5\.png/)
    const bad = pairs.map(({ caption }) => ({ image: images[5], caption }))
    const none = batches(bad, { ...options, corrupt: lenient() })
    await expect(none.next()).rejects.toThrow(/fewer pictures than a batch of 3 holds/)
  })

  test('take another caption each epoch, all in turn', async () => {
    const captions = ['a', 'b', 'c']
    const pairs = await Promise.all(
      [0, 1, 2].map(async (i) => ({ image: await draw(`${i}.png`), caption: 'a', captions })),
    )
    const seen: string[][] = [[], [], []]
    for await (const { step, index, captions: taken } of batches(pairs, options)) {
      index.forEach((i, n) => {
        seen[i].push(taken[n])
      })
      if (step === 5) break
    }
    for (const of of seen) for (const from of [0, 3]) expect(of.slice(from, from + 3).sort()).toEqual(captions)
  })
})
