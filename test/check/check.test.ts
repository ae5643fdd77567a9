import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { check, explain, rules } from '../../stdlib/check/index.js'
import { fovea } from '../models/run-cli.js'

const root = join(import.meta.dirname, '../..')
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fovea-check-'))
  await write('package.json', '{ "type": "module" }')
})
afterAll(() => rm(folder, { recursive: true }))

async function write(name: string, text: string): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, text.replaceAll("'FOVEA'", `'${root}/index.js'`))
  return file
}

test('each line that says what it breaks is found for that, and no other', async () => {
  const text = await readFile(join(import.meta.dirname, 'fixtures/impure.txt'), 'utf8')
  const file = await write('impure.ts', text)
  const { findings } = await check([file])
  const expected = text
    .split('\n')
    .flatMap((line, i) => (/\/\/ expect (.*)$/.exec(line)?.[1].split(' ') ?? []).map((rule) => `${i + 1} ${rule}`))
  expect(findings.map(({ line, rule }) => `${line} ${rule}`).sort()).toEqual(expected.sort())
  expect(new Set(findings.map(({ rule }) => rule)).size).toBe(Object.keys(rules).length - 1)
  for (const { severity, rule, help } of findings) expect({ severity, help }).toMatchObject(pick(rule))
})
const pick = (rule: keyof typeof rules): { severity: string; help: string } => {
  const { severity, help } = rules[rule]
  return { severity, help }
}

test('the models and the library are clean', async () => {
  const { findings, files, functions } = await check([join(root, 'models'), join(root, 'stdlib')])
  expect(findings).toEqual([])
  expect(files).toBeGreaterThan(60)
  expect(functions).toBeGreaterThan(30)
})

describe('the command', () => {
  const bad = "import { jit, mul } from 'FOVEA'\nexport const f = jit((x: any) => mul(x, Math.random()))\n"
  test('prints a line for each finding that editors can read, and ends with 1', async () => {
    const file = await write('bad.ts', bad)
    const { status, out, err } = await fovea('check', file)
    expect(out).toBe(
      `${relative(process.cwd(), file)}:2:41: error no-random: 'Math.random' is drawn once, while 'f' is traced; pass a key, and draw with fovea/random\n`,
    )
    expect(err).toMatch(
      /^1 error, 0 warnings in 1 file \(1 traced function, \d+\.\d s\); fovea check --explain RULE says more\n$/,
    )
    expect(status).toBe(1)
  })

  test('--json prints the same as data', async () => {
    const file = await write('bad.ts', bad)
    const { status, out, err } = await fovea('check', '--json', file)
    expect(JSON.parse(out)).toMatchObject({
      files: 1,
      functions: 1,
      findings: [{ line: 2, column: 41, severity: 'error', rule: 'no-random' }],
    })
    expect(err).toBe('')
    expect(status).toBe(1)
  })

  test('clean sources end with 0', async () => {
    const file = await write(
      'good.ts',
      "import { jit, mul } from 'FOVEA'\nexport const f = jit((x: any) => mul(x, 2))\n",
    )
    expect(await fovea('check', file)).toMatchObject({ status: 0, out: '' })
  })

  test('what does not parse is a finding', async () => {
    const file = await write('broken.ts', 'export const f = (')
    expect((await fovea('check', file)).out).toContain('error syntax: Expression expected')
  })

  test.each([
    [['check'], 'expected files or folders'],
    [['check', 'nowhere'], "there is no file or folder '"],
    [['check', '--explain', 'no-rule'], 'Allowed choices are no-random, no-clock,'],
    [['check', join(root, 'README.md')], 'expected TypeScript or JavaScript'],
    [['check', '--jsn'], "unknown option '--jsn'"],
  ])('%j is an error of usage', async (args, message) => {
    const { status, err } = await fovea(...args)
    expect(err).toContain(message)
    expect(status).toBe(2)
  })

  test('--help and --explain', async () => {
    const { status, out } = await fovea('check', '--help')
    expect(status).toBe(0)
    expect(out).toContain('Usage: fovea check')
    expect(out).toContain('fovea-ignore')
    for (const rule of Object.keys(rules)) expect(out).toContain(rule)
    const page = await fovea('check', '--explain', 'no-random')
    expect(page).toMatchObject({ status: 0, out: `${explain('no-random')}\n` })
    expect(page.out).toContain('wrong\n  jit(')
  })
})
