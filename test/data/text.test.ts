import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readSafetensors } from '../../stdlib/checkpoint/index.js'
import { trainMerges, type Word } from '../../stdlib/text/bpe.js'
import { loadTokenizer, trainBpe, writeTokenizer } from '../../stdlib/text/index.js'

const clip = new URL('../models/fixtures/clip-vit', import.meta.url).pathname

/** New ids from 4 on. Digits stand for symbols, so equal texts get equal ids. */
function fresh() {
  const texts = ['0', '1', '2', '3']
  return (left: number, right: number) => {
    const text = texts[left] + texts[right]
    const known = texts.indexOf(text)
    return known >= 0 ? { id: known, isNew: false } : { id: texts.push(text) - 1, isNew: true }
  }
}

/** BPE as the paper's own listing has it: every pair is counted again before every merge. */
function naiveMerges(words: Word[], limit: number, join: ReturnType<typeof fresh>): [number, number][] {
  const merges: [number, number][] = []
  for (let made = 0; made < limit; ) {
    const counts = new Map<number, number>()
    for (const { symbols, count } of words)
      for (let i = 0; i + 1 < symbols.length; i++) {
        const key = symbols[i] * 1000 + symbols[i + 1]
        counts.set(key, (counts.get(key) ?? 0) + count)
      }
    const [best] = [...counts].sort(([a, m], [b, n]) => n - m || a - b)
    if (!best || best[1] < 2) break
    const [left, right] = [Math.floor(best[0] / 1000), best[0] % 1000]
    const { id, isNew } = join(left, right)
    if (isNew) made++
    merges.push([left, right])
    for (const word of words)
      for (let i = 0; i + 1 < word.symbols.length; i++)
        if (word.symbols[i] === left && word.symbols[i + 1] === right) word.symbols.splice(i, 2, id)
  }
  return merges
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fovea-text-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe("CLIP's tokenizer", () => {
  test('gives the ids that transformers gives, padded and cut', async () => {
    const facts = JSON.parse(await readFile(join(clip, 'expected.json'), 'utf8'))
    const expected = await readSafetensors(join(clip, 'expected.safetensors'))
    const tokenizer = await loadTokenizer(clip)
    expect(tokenizer.vocabSize).toBe(facts.tokenizer_size)
    expect([tokenizer.bosId, tokenizer.eosId, tokenizer.padId]).toEqual([638, 639, facts.pad_token_id])
    facts.texts.forEach((text: string, i: number) => {
      expect([...tokenizer.encode([text], { maxLength: 24 }).ids]).toEqual(facts.token_ids[i])
    })
    for (const [texts, prefix] of [
      [facts.texts, ''],
      [facts.pairs, 'pairs/'],
    ]) {
      const { ids, mask, shape } = tokenizer.encode(texts)
      expect(shape).toEqual(expected.get(`${prefix}input_ids`)!.shape)
      expect(ids).toEqual(expected.get(`${prefix}input_ids`)!.data)
      expect(mask).toEqual(expected.get(`${prefix}attention_mask`)!.data)
    }
  })

  // Made with Hugging Face's tokenizers 0.23.3: Tokenizer.from_file('tokenizer.json').encode(text).ids.
  test('odd texts become the ids that Hugging Face gives', async () => {
    const odd: [string, number[]][] = JSON.parse(await readFile(new URL('odd-texts.json', import.meta.url), 'utf8'))
    expect(odd.length).toBeGreaterThan(70)
    const tokenizer = await loadTokenizer(clip)
    for (const [text, ids] of odd)
      expect([...tokenizer.encode([text], { maxLength: 1000 }).ids], JSON.stringify(text)).toEqual(ids)
  })

  test('pads to a fixed length, decodes, and refuses what leaves no room', async () => {
    const tokenizer = await loadTokenizer(clip)
    const { ids, mask, shape } = tokenizer.encode(['A photo of a cat'], { maxLength: 12, padding: 'max_length' })
    expect(shape).toEqual([1, 12])
    expect([...mask]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0])
    expect(tokenizer.decode(ids)).toBe('a photo of a cat')
    expect(tokenizer.id('<concept>')).toBe(640)
    expect([...tokenizer.encode(['a photo'], { maxLength: 2 }).ids]).toEqual([638, 639])
    expect(() => tokenizer.encode(['a photo'], { maxLength: 1 })).toThrow(/no room for the 2 special tokens/)
    expect(tokenizer.encode([]).shape).toEqual([0, 0])
  })

  test('what is missing or damaged is named', async () => {
    await expect(loadTokenizer(folder)).rejects.toMatchObject({
      code: 'input',
      message: /tokenizer\.json: there is no/,
    })
    await writeFile(join(folder, 'tokenizer.json'), '{')
    await expect(loadTokenizer(folder)).rejects.toThrow(/tokenizer\.json: not JSON/)
    await writeFile(join(folder, 'tokenizer.json'), '{}')
    await writeFile(join(folder, 'tokenizer_config.json'), '{}')
    await expect(loadTokenizer(folder)).rejects.toThrow(/cannot use .*tokenizer\.json/)
  })
})

describe('training', () => {
  const captions = [
    'a red circle',
    'A red  square',
    "a photo of a red circle, isn't it?",
    'a blue circle <|endoftext|>',
  ]

  test('joins the most frequent pairs first', () => {
    const { files, vocabSize, eosId } = trainBpe(captions, { vocabSize: 520, maxLength: 16 })
    // Eight pairs occur three times; of these the ones with the smallest ids come first.
    expect(files.tokenizer.model.merges!.slice(0, 3)).toEqual([
      ['c', 'i'],
      ['c', 'l'],
      ['e', 'd</w>'],
    ])
    expect([vocabSize, eosId]).toEqual([520, 519])
  })

  test('counting as it goes gives what counting anew each time gives', () => {
    const words = Array.from({ length: 60 }, (_, w) => ({
      symbols: Array.from({ length: 2 + (w % 9) }, (_, i) => (w * w * 7 + i * i * 3 + i * w) % 4),
      count: 1 + (w % 5),
    }))
    const merges = trainMerges(structuredClone(words), 40, fresh())
    expect(merges.length).toBeGreaterThan(30)
    expect(merges).toEqual(naiveMerges(structuredClone(words), 40, fresh()))
  })

  test('any text can be encoded and comes back', () => {
    const tokenizer = trainBpe(captions, { vocabSize: 600, maxLength: 64 })
    const texts = ['a red circle', 'un café à la crème — 東', 'zebra 12 🙂']
    const { ids, shape } = tokenizer.encode(texts)
    texts.forEach((text, i) => {
      const row = ids.subarray(i * shape[1], (i + 1) * shape[1])
      expect(row[0]).toBe(tokenizer.bosId)
      expect(tokenizer.decode(row).replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
    })
    expect(tokenizer.encode(['A RED circle']).shape).toEqual([1, 5])
  })

  test('equal captions give equal files, which load as the same tokenizer', async () => {
    const folders = [join(folder, 'one'), join(folder, 'two')]
    for (const f of folders) await writeTokenizer(f, trainBpe(captions, { vocabSize: 600, maxLength: 16 }))
    const names = await readdir(folders[0])
    expect(names.sort()).toEqual([
      'merges.txt',
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'vocab.json',
    ])
    for (const name of names)
      expect(await readFile(join(folders[0], name))).toEqual(await readFile(join(folders[1], name)))
    const loaded = await loadTokenizer(folders[0])
    const trained = trainBpe(captions, { vocabSize: 600, maxLength: 16 })
    expect(loaded.encode(captions)).toEqual(trained.encode(captions))
    expect(loaded.maxLength).toBe(16)
  })

  test('has the structure of a tokenizer.json that transformers wrote', async () => {
    const theirs = JSON.parse(await readFile(join(clip, 'tokenizer.json'), 'utf8'))
    const ours = JSON.parse(JSON.stringify(trainBpe(captions, { vocabSize: 600, maxLength: 16 }).files.tokenizer))
    expect(Object.keys(ours)).toEqual(Object.keys(theirs))
    for (const part of ['normalizer', 'pre_tokenizer', 'decoder']) expect(ours[part]).toEqual(theirs[part])
    expect(Object.keys(ours.model)).toEqual(Object.keys(theirs.model))
    const first = (t: typeof ours) => Object.entries(t.model.vocab).filter(([, id]) => (id as number) < 512)
    expect(first(ours)).toEqual(first(theirs))
  })

  test('is fast, and refuses a vocabulary smaller than the bytes', () => {
    const many = Array.from({ length: 5000 }, (_, i) => `a photo of the ${(i * 7919) % 4999} object${(i * 31) % 1999}x`)
    const began = performance.now()
    trainBpe(many, { vocabSize: 2048, maxLength: 16 })
    expect(performance.now() - began).toBeLessThan(2000)
    expect(() => trainBpe(captions, { vocabSize: 513, maxLength: 16 })).toThrow(/at least 514, got 513/)
    expect(() => trainBpe(captions, { vocabSize: 600, maxLength: 1 })).toThrow(/maxLength .* at least 2, got 1/)
  })
})
