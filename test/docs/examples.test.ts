import { mkdtempSync, rmSync } from 'node:fs'
import fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { destroyDevice } from '../../runtime/device.js'
import { entries, pages, root } from './entries.js'
import { blocksOf, type Example, examplesOf, filesUnder } from './extract.js'
import { type Names, runExample } from './run.js'
import { makeWorld } from './world.js'

/** What the docs show is run: blocks of pages, and the examples of what the entries export. */
const folder = mkdtempSync(path.join(tmpdir(), 'fovea-docs-'))
const modules: Record<string, Names> = {
  'node:fs/promises': { ...fs },
  'node:path': { ...path },
}
for (const [name, source] of Object.entries(entries)) modules[name] = await import(path.join(root, source))
const everything: Names = Object.assign({}, ...Object.values(modules).reverse(), { fc })
modules['fast-check'] = { default: fc }
/** These train for minutes; the tests of models do it smaller. */
const slow = ['trainClip', 'trainStep']

const sources = ['compiler', 'runtime', 'stdlib', 'models/clip'].flatMap((room) => filesUnder(root, room, '.ts'))
const isPublic = ({ of }: Example): boolean =>
  !slow.includes(of!) && Object.keys(entries).some((name) => of! in modules[name])
const docstrings = sources.flatMap((file) => examplesOf(root, file)).filter(isPublic)

let world: Names = {}
const here = process.cwd()
beforeAll(async () => {
  world = await makeWorld(root, folder)
  process.chdir(folder)
})
afterAll(async () => {
  process.chdir(here)
  rmSync(folder, { recursive: true, force: true })
  await destroyDevice()
})

const blocks = pages.flatMap((page) => blocksOf(root, page)).filter(({ error }) => error === undefined)
describe('pages', () => {
  test.each(blocks)('$at', (block) => runExample(block, everything, modules))
})
describe('docstrings', () => {
  test.each(docstrings)('$at $of', async (example) => {
    // A name means what it means in its own file: `split` of random is not that of views.
    const own: Names = await import(path.join(root, example.file))
    await runExample(example, { ...everything, ...world, ...own }, modules)
  })
})
