import { existsSync } from 'node:fs'
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { classify, evaluateZeroShot, loadClip, readEmbeddings } from '../../models/clip/index.js'
import { embedFiles } from '../../models/clip/journal.js'
import { readNpy } from '../../stdlib/checkpoint/index.js'
import { drawShapes, findPictures, loadClassFolders } from '../../stdlib/data/index.js'
import { heatmap } from '../../stdlib/show/index.js'
import { fovea } from './run-cli.js'

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

/** Commands that embed, as far as the path that a test adds. */
const commands: Record<string, (path: string, model: string, out: string) => string[]> = {
  search: (path, model, out) => ['search', '--model', model, '--index', join(out, 'new.index'), '--add', path],
  'eval clip': (path, model, out) => [
    ...['eval', 'clip', '--model', model, '--data', path, '--task', 'retrieval'],
    ...['--report', join(out, 'report')],
  ],
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
    await fovea('embed', '--model', other, '--out', out, picture(1))
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
    const kept = join(root, 'kept.jsonl')
    await cp(journal, kept)
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
    const { digest, ...rest } = JSON.parse((await readFile(kept, 'utf8')).split('\n')[1])
    const row = `${JSON.stringify({ digest: digest.replace(/./g, '0'), ...rest })}\n`
    await writeFile(journal, row)
    const again = await embedFiles(await loadClip(model), files.slice(0, 1), journal)
    expect(again.kept).toBe(0)
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

describe('search', () => {
  let folder: string
  let index: string
  beforeAll(async () => {
    folder = join(root, 'found')
    index = join(root, 'found.index')
    await mkdir(folder)
    for (const i of [1, 2, 3, 4]) await cp(picture(i), join(folder, `${i}.png`), { preserveTimestamps: true })
  })
  const search = (...rest: string[]) => fovea('search', '--model', model, '--index', index, ...rest)

  test('an index of a folder, and what has changed since', async () => {
    const made = await search('--add', folder, '--image', join(folder, '3.png'), '--top', '2', '--json')
    expect(made.status).toBe(0)
    const { hits, ...counts } = JSON.parse(made.out)
    expect(counts).toEqual({ pictures: 4, embedded: 4, dropped: 0, unreadable: [] })
    expect(hits.length).toBe(2)
    expect(hits[0].image).toBe(join(folder, '3.png'))
    expect(hits[0].score).toBeCloseTo(1, 5)

    await rm(join(folder, '1.png'))
    await cp(picture(20), join(folder, '2.png'))
    await cp(picture(5), join(folder, '5.png'))
    const again = await search('--add', folder, '--image', picture(20))
    expect(again.err).toContain(`4 pictures (2 embedded, 1 dropped): ${index}\n`)
    expect(again.out).toMatch(/^similarity +image\n─+ +─+\n1\.000 +.*2\.png\n/)
    const { out } = await search('--text', 'a red circle', '--json')
    const found = JSON.parse(out).hits as { image: string; score: number }[]
    expect(found.map(({ image }) => image).sort()).toEqual([2, 3, 4, 5].map((i) => join(folder, `${i}.png`)))
    expect(found.map(({ score }) => score)).toEqual(found.map(({ score }) => score).sort((a, b) => b - a))
  })

  test('another model, damage, and folders that are no index are refused', async () => {
    const wrong = await fovea('search', '--model', other, '--index', index, '--text', 'a')
    expect(wrong.err).toContain(`the index ${index} was made by another model`)
    expect(wrong.status).toBe(1)
    const damaged = join(root, 'damaged.index')
    await cp(index, damaged, { recursive: true })
    await truncate(join(damaged, 'embeddings.npy'), 150)
    const broken = await search('--index', damaged, '--text', 'a')
    expect(broken.err).toMatch(/cannot read .*embeddings\.npy: expected \d+ bytes of numbers/)
    await writeFile(join(damaged, 'index.json'), '{"version": 1, "pictures": [3]}')
    expect((await search('--index', damaged, '--text', 'a')).err).toContain('is damaged: index.json is no list')
    expect((await search('--index', data, '--add', folder)).err).toContain(
      `${data} is no index: it holds captions.jsonl`,
    )
    expect(existsSync(join(data, 'captions.jsonl'))).toBe(true)
    expect((await search('--index', join(root, 'none'), '--text', 'a')).err).toContain(
      'index.json: it is not there; make',
    )
  })

  test.each([
    [[], 'expected --text or --image to search for, or --add'],
    [['--text', 'a', '--image', 'b.png'], "option '--image <file>' cannot be used with option '--text <text>'"],
  ])('%j is an error of usage', async (args, message) => {
    const { status, err } = await search(...args)
    expect(err).toContain(message)
    expect(status).toBe(2)
  })
})

describe('eval clip', () => {
  /** The world in a folder for each of its six colours, eight pictures each. */
  let colours: string
  beforeAll(async () => {
    colours = join(root, 'colours')
    const lines = (await readFile(join(data, 'captions.jsonl'), 'utf8')).trim().split('\n')
    for (const [i, line] of lines.entries()) {
      const folder = join(colours, JSON.parse(line).colour)
      await mkdir(folder, { recursive: true })
      await cp(picture(i + 1), join(folder, `${i}.png`))
    }
  })
  const evaluate = async (folder: string, task: string, ...rest: string[]) => {
    const args = ['eval', 'clip', '--model', model, '--data', folder, '--task', task, '--json', ...rest]
    const { status, out, err } = await fovea(...args)
    return { status, err, ...(out === '' ? {} : JSON.parse(out)) }
  }

  test('zero-shot, with templates, names of classes, and a report', async () => {
    const [templates, classes, report] = ['templates.txt', 'classes.txt', 'zeroshot'].map((name) => join(root, name))
    await writeFile(templates, 'a photo of a {} shape\n{}\n')
    await writeFile(classes, 'red\t<i>"red" & hot</i>\nblue\n\ngreen\tgreen\nwhite\nyellow\npurple\n')
    const extra = ['--templates', templates, '--classes', classes, '--report', report]
    const { status, metrics, images } = await evaluate(colours, 'zeroshot', ...extra)
    expect(status).toBe(0)
    expect(images).toBe(48)
    // As many of each class: the mean over pictures is the mean over classes.
    expect(metrics.accuracy).toBeCloseTo(metrics.meanPerClass, 10)
    expect(metrics.top5).toBeGreaterThanOrEqual(metrics.accuracy)
    const { confusion, similarity } = JSON.parse(await readFile(join(report, 'result.json'), 'utf8'))
    const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0)
    const diagonal = confusion.values.filter((_: number, i: number) => i % 7 === 0)
    expect(sum(confusion.values)).toBe(48)
    expect(sum(diagonal) / 48).toBeCloseTo(metrics.accuracy, 10)
    expect(Math.max(...similarity.values.map(Math.abs))).toBeLessThanOrEqual(1)
    const html = await readFile(join(report, 'index.html'), 'utf8')
    expect(html).toContain('&lt;i&gt;&quot;red&quot; &amp; hot&lt;/i&gt;')
    expect(html).not.toContain('<i>')
    // Nothing is loaded from elsewhere.
    expect(html.replaceAll('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(/https?:|src=|href=|url\(/)
    for (const name of ['confusion.png', 'similarity.png'])
      expect((await readFile(join(report, name))).toString('latin1', 1, 4)).toBe('PNG')
  })

  test('a probe of even the smallest model tells colours', async () => {
    const { metrics, err } = await evaluate(colours, 'probe', '--seed', '1')
    expect(err).toContain('picture 48/48')
    expect(metrics).toMatchObject({ train: 24, validation: 12, test: 12 })
    expect(metrics.accuracy).toBeGreaterThan(0.5)
    expect(metrics.accuracy * 12).toBeCloseTo(Math.round(metrics.accuracy * 12), 10)
  })

  test('few shots', async () => {
    const { metrics } = await evaluate(colours, 'fewshot', '--seed', '1', '--shots', '4')
    expect(Object.keys(metrics)).toEqual(['accuracy@4'])
    expect(metrics['accuracy@4']).toBeGreaterThan(1 / 6)
  })

  test('zero-shot accuracy is what classify says picture by picture', async () => {
    const clip = await loadClip(model)
    const { metrics, confusion } = await evaluateZeroShot(clip, colours)
    const { images, labels, classes } = await loadClassFolders(colours)
    const prompts = classes.map((name) => `a photo of a ${name}.`)
    const predicted: string[] = []
    for await (const { label } of classify(clip, images, prompts)) predicted.push(label)
    const right = labels.filter((label, i) => predicted[i] === prompts[label]).length
    expect(metrics.accuracy).toBe(right / 48)
    expect(Math.abs(metrics.accuracy - 11 / 48)).toBeLessThanOrEqual(2 / 48)
    const columns = classes.map((_, c) => confusion!.values.filter((_, i) => i % 6 === c).reduce((a, b) => a + b))
    expect(columns).toEqual(prompts.map((prompt) => predicted.filter((label) => label === prompt).length))
  })

  test('retrieval among captions, as a table', async () => {
    const { metrics } = await evaluate(data, 'retrieval')
    expect(Object.keys(metrics)).toEqual([1, 5, 10].flatMap((k) => [`imageToText@${k}`, `textToImage@${k}`]))
    for (const way of ['imageToText', 'textToImage'])
      expect(metrics[`${way}@10`]).toBeGreaterThanOrEqual(metrics[`${way}@1`])
    const { out } = await fovea('eval', 'clip', '--model', model, '--data', data, '--task', 'retrieval')
    expect(out).toMatch(/^retrieval +48 pictures\n─+ +─+\nimageToText@1 +[\d.]+\n/)
  })

  test('what does not fit the task is refused', async () => {
    const one = join(root, 'one-class', 'a')
    await mkdir(one, { recursive: true })
    await cp(picture(1), join(one, '1.png'))
    expect((await evaluate(join(one, '..'), 'zeroshot')).err).toMatch(/expected a folder for each class in .*, got 1/)
    await cp(one, join(one, '..', 'b'), { recursive: true })
    expect((await evaluate(join(one, '..'), 'probe')).err).toContain('class a has 1 pictures: a probe needs three')
    expect((await evaluate(colours, 'retrieval')).err).toContain('expected captions.jsonl or captions.csv')
    expect((await evaluate(colours, 'fewshot', '--shots', '9')).err).toContain('fewer than 9')
    const classes = join(root, 'wrong.txt')
    await writeFile(classes, 'red\npink\n')
    expect((await evaluate(colours, 'zeroshot', '--classes', classes)).err).toMatch(/there is no folder .*pink/)
    const usage = await evaluate(colours, 'segment')
    expect(usage.err).toContain('Allowed choices are zeroshot, retrieval, probe, fewshot')
    expect(usage.status).toBe(2)
  })

  test('heatmaps show what they can, and no more', () => {
    const names = Array.from({ length: 101 }, (_, i) => `${i}`)
    const map = { title: 'x', axes: ['a', 'b'] as const, rows: ['r'], columns: ['c', 'd'], values: [0, Number.NaN] }
    expect(heatmap(map).match(/<rect /g)!.length).toBe(3)
    expect(() => heatmap({ ...map, rows: names })).toThrow('expected 1 to 100 rows and columns')
  })
})
