import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { destroyDevice, FoveaError } from '../../../index.js'
import type { Mistake } from './mistake.js'
import { programs } from './programs.js'
import { shapes } from './shapes.js'
import { values } from './values.js'

afterAll(destroyDevice)

/** These are about files, not about a line of a program. */
const nowhere = ['a checkpoint that is not there']

describe.each<[string, readonly Mistake[]]>([
  ['shapes', shapes],
  ['values', values],
  ['programs', programs],
])('%s', (file, mistakes) => {
  const path = join(import.meta.dirname, `${file}.ts`)
  const lines = readFileSync(path, 'utf8').split('\n')
  const lineOf = (name: string): number => 1 + lines.findIndex((line) => line.includes(`'${name}'`))
  test.each(mistakes)('%s', async (name, run, message) => {
    const err = await Promise.resolve()
      .then(run)
      .then(
        () => expect.fail('nothing was wrong'),
        (error: unknown) => error,
      )
    if (!(err instanceof FoveaError)) throw err
    expect(err.message.replace(/\n {2}at \S+:\d+:\d+/, '')).toBe(message)
    if (nowhere.includes(name)) return
    const next = mistakes[1 + mistakes.findIndex((mistake) => mistake[0] === name)]
    expect(err.loc?.file).toBe(path)
    expect(err.loc!.line).toBeGreaterThanOrEqual(lineOf(name))
    expect(err.loc!.line).toBeLessThan(next ? lineOf(next[0]) : lines.length)
  })
})

test('there are many', () => {
  const all = [...shapes, ...values, ...programs]
  expect(all.length).toBeGreaterThan(90)
  expect(new Set(all.map(([name]) => name)).size).toBe(all.length)
})
