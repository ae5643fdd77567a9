import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { probabilityTable } from '../../models/cli/classify.js'
import { trainClip } from '../../models/clip/train.js'
import { inspect } from '../../runtime/doctor.js'
import { readSafetensors, writeSafetensors } from '../../stdlib/checkpoint/index.js'
import { drawShapes } from '../../stdlib/data/index.js'
import { fovea } from './run-cli.js'
import { tinyRun } from './tiny.js'

let root: string
let data: string
let run: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-cli-'))
  data = join(root, 'data')
  run = join(root, 'run')
  await drawShapes(data, { count: 30, seed: 1 })
  await trainClip({ ...tinyRun, data, out: run, steps: 2 })
})
afterAll(() => rm(root, { recursive: true }))
const picture = (i: number): string => join(data, 'images', `00000${i}.png`)

describe('usage', () => {
  const commands = [
    ['train'],
    ['train', 'clip'],
    ['classify'],
    ['data'],
    ['data', 'shapes'],
    ['check'],
    ['doctor'],
    ['fuzz'],
    ['fuzz'],
  ]
  test.each([[], ...commands])('help of %s %s', async (...command) => {
    const { status, out } = await fovea(...command, '--help')
    expect(status).toBe(0)
    expect(out).toContain(`Usage: fovea${command.map((word) => ` ${word}`).join('')}`)
    // Groups of commands have their examples below.
    if (!['train', 'data'].includes(command.join(' '))) expect(out).toContain('Example:\n  fovea ')
  })

  test('help tells defaults', async () => {
    const { out } = await fovea('train', 'clip', '--help')
    for (const option of ['steps', 'batch-size', 'lr', 'warmup', 'weight-decay', 'seed', 'image-size', 'save-every'])
      expect(out).toMatch(new RegExp(`--${option} <\\w+>[^-]*\\(default: `))
  })

  test.each([
    [['clasify'], "unknown command 'clasify'\n(Did you mean classify?)"],
    [['train', 'clib'], "unknown command 'clib'\n(Did you mean clip?)"],
    [['doctor', '--jsn'], "unknown option '--jsn'\n(Did you mean --json?)"],
    [['data', 'shapes'], "missing required argument 'dir'"],
    [['train', 'clip', '--data', 'x'], "required option '--out <dir>' not specified"],
    [['train', 'clip', '--steps', '1.5'], "argument '1.5' is invalid. Expected a whole number of at least 1."],
    [['train', 'clip', '--lr', 'fast'], "argument 'fast' is invalid. Expected a number above 0."],
  ])('%j is an error of usage', async (args, message) => {
    const { status, err } = await fovea(...args)
    expect(err).toContain(message)
    expect(status).toBe(2)
  })
})

test('data shapes, and the same again', async () => {
  const folder = join(root, 'drawn')
  expect(await fovea('data', 'shapes', folder, '--count', '3')).toMatchObject({ status: 0, err: '' })
  expect((await readFile(join(folder, 'captions.jsonl'), 'utf8')).trim().split('\n').length).toBe(3)
  expect((await fovea('data', 'shapes', folder, '--count', '3')).out).toContain('already there')
  const { status, err } = await fovea('data', 'shapes', folder, '--count', '4')
  expect(err).toContain(`${folder} holds the world`)
  expect(status).toBe(1)
})

test('the doctor, for readers and for programs', async () => {
  const { status, out } = await fovea('doctor')
  expect(status).toBe(0)
  expect(out).toMatch(/devices\n {2}. gpu .*\n {2}. cpu .*\n {2}. lavapipe .*\n {2}. swiftshader/)
  expect(out).toMatch(/programs run on .*\n.*vendor/)
  expect(out).toContain('compiled programs are not kept')
  expect(JSON.parse((await fovea('doctor', '--json')).out).chosen.limits.maxStorageBufferBindingSize).toBeGreaterThan(0)
})

describe('classify', () => {
  const classify = (...rest: string[]) =>
    fovea('classify', '--model', run, '--labels', 'a red circle,a blue square', ...rest)

  test('prints a table', async () => {
    const { status, out } = await classify(picture(1), picture(2))
    expect(status).toBe(0)
    expect(out).toMatch(
      /^image +a red circle +a blue square\n─+ {2}─+ {2}─+\n.*1\.png +\d+\.\d % +\d+\.\d %\n.*2\.png .*\n$/,
    )
  })

  test('prints a JSON object a line', async () => {
    const { out } = await classify('--json', picture(1), picture(2))
    const lines = out.trimEnd().split('\n')
    expect(lines.length).toBe(2)
    expect(lines[0]).toMatch(
      /^\{"image": ".*1\.png", "label": "a (red circle|blue square)", "probabilities": \{"a red circle": 0\.\d+, "a blue square": 0\.\d+\}\}$/,
    )
    const { label, probabilities } = JSON.parse(lines[0])
    expect(probabilities[label]).toBeGreaterThanOrEqual(0.5)
  })

  test('names pictures that can not be read, and goes on', async () => {
    const broken = join(root, 'broken.png')
    await writeFile(broken, (await readFile(picture(1))).subarray(0, 90))
    const { status, out, err } = await classify('--json', join(root, 'none.jpg'), broken, picture(1))
    expect(status).toBe(1)
    expect(out.trimEnd().split('\n').length).toBe(1)
    expect(err).toMatch(/error: cannot decode image .*none\.jpg: there is no such file; check the path\n/)
    expect(err).toMatch(/error: cannot decode image .*broken\.png: .*; replace the file, or leave it out\n/)
  })

  test.each([
    ['', 'expected at least one label, got none'],
    ['a,,b', 'label 2 of 3 is empty'],
    ['a,b,a', "the label 'a' is given twice"],
  ])('labels %j', async (labels, message) => {
    const { status, err } = await fovea('classify', '--model', run, '--labels', labels, picture(1))
    expect(err).toContain(message)
    expect(status).toBe(1)
  })

  test('many labels: the three likeliest', () => {
    const probabilities = { a: 0.1, b: 0.3, c: 0.2, d: 0.05, e: 0.3, f: 0.05 }
    const [, , row] = probabilityTable([{ image: 'x.png', label: 'b', probabilities }]).split('\n')
    expect(row.split(/\s+/)).toEqual(['x.png', 'b', '30.0', '%', 'e', '30.0', '%', 'c', '20.0', '%'])
  })
})

describe('a checkpoint', () => {
  const damaged = async (name: string, damage: (folder: string) => Promise<unknown>) => {
    const folder = join(root, name)
    await cp(join(run, 'checkpoint'), folder, { recursive: true })
    await damage(folder)
    return fovea('classify', '--model', folder, '--labels', 'a,b', picture(1))
  }

  test('with missing, extra and mis-shaped tensors', async () => {
    const { status, err } = await damaged('misfit', async (folder) => {
      const file = join(folder, 'model.safetensors')
      const tensors = await readSafetensors(file)
      const scale = tensors.get('logit_scale')!
      tensors.delete('logit_scale')
      tensors.set('temperature', scale)
      tensors.set('text_projection.weight', scale)
      await writeSafetensors(file, tensors)
    })
    expect(status).toBe(1)
    expect(err).toMatch(/1 missing:\n +logit_scale f32/)
    expect(err).toMatch(/1 unexpected:\n +temperature f32/)
    expect(err).toMatch(/1 of the wrong shape or type:\n +text_projection\.weight: expected f32.*, found f32/)
  })

  test('that is cut off', async () => {
    const { status, err } = await damaged('cut', (folder) => truncate(join(folder, 'model.safetensors'), 5000))
    expect(status).toBe(1)
    expect(err).toMatch(/^error: .*cut\/model\.safetensors.*\n$/s)
  })

  test('that is no folder', async () => {
    const { status, err } = await fovea('classify', '--model', join(root, 'no'), '--labels', 'a', picture(1))
    expect(status).toBe(1)
    expect(err).toMatch(/^error: cannot read .*no/)
  })
})

describe('training data', () => {
  const train = (folder: string) =>
    fovea('train', 'clip', '--data', folder, '--out', join(root, 'never'), '--steps', '2')

  test('an empty folder', async () => {
    const folder = join(root, 'empty')
    await mkdir(folder)
    const { status, err } = await train(folder)
    expect(status).toBe(1)
    expect(err).toMatch(/error: expected captions\.jsonl or captions\.csv in .*empty, but it is empty\. Write one line/)
    expect(existsSync(join(root, 'never'))).toBe(false)
  })

  test('a caption without its image', async () => {
    const folder = join(root, 'lonely')
    await mkdir(folder)
    await writeFile(join(folder, 'captions.jsonl'), '{"image": "cat.png", "caption": "a cat"}\n')
    const { status, err } = await train(folder)
    expect(status).toBe(1)
    expect(err).toMatch(
      /error: .*lonely\/captions\.jsonl, line 1: there is no image .*cat\.png\. Add it, or remove the line\./,
    )
  })
})

describe('no device', () => {
  const wanted = process.env.FOVEA_DEVICE
  afterEach(() => {
    if (wanted === undefined) delete process.env.FOVEA_DEVICE
    else process.env.FOVEA_DEVICE = wanted
  })
  test('says what to install', async () => {
    const missing = (await inspect()).candidates.find(({ found }) => !found)
    if (!missing) return
    process.env.FOVEA_DEVICE = missing.name
    const { status, err } = await fovea('train', 'clip', '--data', data, '--out', join(root, 'never'))
    expect(status).toBe(1)
    expect(err).toMatch(/^error: no device to run on\. Looked for:\n.*\nOne of these helps:\n/s)
    expect((await fovea('doctor')).status).toBe(1)
  })
})

describe('the process', () => {
  const node = ['--import', 'tsx', 'models/cli/main.ts']

  test('ends with the status, and one message without a stack', async () => {
    const args = [...node, 'classify', '--model', root, '--labels', 'a', picture(1)]
    const err = await promisify(execFile)(process.execPath, args).catch((e) => e)
    expect(err.code).toBe(1)
    expect(err.stderr).toMatch(/^error: expected one of model\.safetensors, .*\n$/)
  })

  test.skipIf(process.platform === 'win32')('saves at Ctrl-C, and goes on', async () => {
    const out = join(root, 'interrupted')
    const args = ['train', 'clip', '--data', data, '--out', out, '--batch-size', '4']
    const child = spawn(process.execPath, [...node, ...args, '--steps', '5000'])
    let err = ''
    let pressed = false
    child.stderr.on('data', (chunk) => {
      err += chunk
      if (pressed || !err.includes('step 1/5000')) return
      pressed = true
      child.kill('SIGINT')
    })
    const status = await new Promise((resolve) => child.on('exit', resolve))
    expect(err).toContain('stopping: this step is finished and saved')
    expect(status).toBe(130)
    const { step } = JSON.parse(await readFile(join(out, 'checkpoint', 'training.json'), 'utf8'))
    expect(err).toContain(`saved step ${step} of 5000: ${join(out, 'checkpoint')}\n`)
    const again = await fovea(...args, '--steps', '5000')
    expect(again).toMatchObject({ status: 1, err: expect.stringContaining('resume it (--resume)') })
  })
})
