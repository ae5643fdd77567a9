import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { evalShape } from '../../index.js'
import { clipStep } from '../../models/clip/profiled.js'
import { fovea } from './run-cli.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fovea-profile-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const index = pathToFileURL(join(import.meta.dirname, '../../index.ts')).href
const file = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, `import { exp, jit, matmul, namedScope, ones } from ${JSON.stringify(index)}\n${text}`)
  return path
}
const good = () =>
  file(
    'good.mjs',
    `const f = (x) => namedScope('head', () => exp(matmul(x, x)))
export default { fn: f, args: [ones([8, 8])] }
export const step = { fn: jit(f, { name: 'step' }), args: async () => [ones([4, 4])], name: 'named' }
export const bare = f
export const noArgs = { fn: f }
export const odd = { fn: f, args: [ones([8, 8])], donate: [3] }
export const throwing = { fn: () => { throw new Error('oh') }, args: [ones([2])] }
export const making = { fn: f, args: async () => JSON.parse('{') }
export const wrong = { fn: f, args: [ones([2, 3])] }
`,
  )

test('prints tables, and writes a trace and a page', async () => {
  const [trace, html] = [join(folder, 'out.json'), join(folder, 'out.html')]
  const { status, out, err } = await fovea('profile', good(), '--rounds', '2', '--trace', trace, '--html', html)
  expect({ status, err }).toEqual({ status: 0, err: '' })
  expect(out).toMatch(/^f on .*medians of 2 rounds/)
  expect(out).toContain('product 8×8×8')
  expect(out).toContain('good.mjs:2')
  expect(JSON.parse(readFileSync(trace, 'utf8')).traceEvents.length).toBeGreaterThan(3)
  expect(readFileSync(html, 'utf8')).toMatch(/^<!DOCTYPE html>/)
})

test('an export by name, a list of arguments that is made, and JSON', async () => {
  const { status, out } = await fovea(
    'profile',
    good(),
    '--export',
    'step',
    '--rounds',
    '1',
    '--json',
    '--device',
    'cpu',
  )
  expect(status).toBe(0)
  const profile = JSON.parse(out)
  expect(profile).toMatchObject({ name: 'named', rounds: 1, device: { kind: 'cpu' } })
  expect(profile.dispatches.map((d: { number: number }) => d.number)).toEqual([...profile.dispatches.keys()])
})

test('the CLIP training step, by name, has arguments that fit it', async () => {
  const { fn, args } = await clipStep(2)
  const [, , loss] = evalShape(fn.fn as any, ...(args as any[])) as any
  expect(loss.shape).toEqual([])
})

const mistakes: [what: string, args: string[], status: number, message: RegExp][] = [
  ['no file', ['nowhere.mjs'], 1, /profile: there is no file 'nowhere.mjs'/],
  [
    'no such export',
    ['good.mjs', '--export', 'other'],
    1,
    /has no export 'other'; it has bare, default, making, noArgs, odd, step, throwing, wrong/,
  ],
  [
    'a function alone',
    ['good.mjs', '--export', 'bare'],
    1,
    /expected the export 'bare' of '.*' to be \{ fn, args \}.*, got a function/,
  ],
  ['no arguments', ['good.mjs', '--export', 'noArgs'], 1, /got args: undefined/],
  [
    'a position that is none',
    ['good.mjs', '--export', 'odd'],
    1,
    /expected donate of .* to list positions of its 1 arguments, got \[3\]/,
  ],
  [
    'a function that throws',
    ['good.mjs', '--export', 'throwing'],
    1,
    /profile: the export 'throwing' of '.*' threw: oh/,
  ],
  ['arguments that throw', ['good.mjs', '--export', 'making'], 1, /profile: the export 'making' of '.*' threw: .*JSON/],
  ['shapes that do not fit', ['good.mjs', '--export', 'wrong'], 1, /matmul: inner dims differ: 3 vs 2/],
  ['a file that throws', ['bad.mjs'], 1, /profile: '.*bad\.mjs' failed: not today/],
  ['rounds', ['good.mjs', '--rounds', '0'], 2, /Expected a whole number of at least 1/],
  ['a device', ['good.mjs', '--device', 'abacus'], 2, /Allowed choices are gpu, cpu, lavapipe, swiftshader/],
  ['nothing', [], 2, /missing required argument 'file'/],
]
test.each(mistakes)('%s is an error that says so', async (_, [name, ...rest], status, message) => {
  good()
  file('bad.mjs', `throw new Error('not today')\n`)
  const result = await fovea(
    'profile',
    ...(name === undefined ? [] : [name.startsWith('no') ? name : join(folder, name)]),
    ...rest,
  )
  expect(result.err).toMatch(message)
  expect(result.status).toBe(status)
  expect(result.out).toBe('')
})
