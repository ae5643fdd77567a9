import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as fovea from '../../index.js'
import { root } from './entries.js'
import { filesUnder } from './extract.js'

const page = readFileSync(join(root, 'docs/language.md'), 'utf8')

test('the families of docs/language.md are all that `fovea` exports', () => {
  const table = page.slice(page.indexOf('| family'), page.indexOf('\n\n', page.indexOf('| family')))
  const named = [...table.matchAll(/`(\w+)`/g)].map((m) => m[1])
  expect([...named, 'Tensor'].sort()).toEqual(Object.keys(fovea).sort())
})

test('the errors of docs/language.md are codes that are thrown', () => {
  const table = page.slice(page.indexOf('| code'), page.indexOf('\n\n', page.indexOf('| code')))
  const codes = [...table.replace('`fovea/testing`', '').matchAll(/`([a-z-]+)`/g)].map((m) => m[1])
  const sources = ['compiler', 'runtime', 'stdlib', 'models'].flatMap((room) => filesUnder(root, room, '.ts'))
  const text = sources.map((file) => readFileSync(join(root, file), 'utf8')).join('\n')
  const thrown = new Set([...text.matchAll(/(?:FoveaError|fail)\(\s*'([a-z-]+)'/g)].map((m) => m[1]))
  expect(codes.filter((code) => !thrown.has(code))).toEqual([])
})
