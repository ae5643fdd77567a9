import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { installSwiftShader } from '../../runtime/dawn/swiftshader.js'

const here = process.env.XDG_CACHE_HOME
let cache: string
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'fovea-test-'))
  process.env.XDG_CACHE_HOME = cache
})
afterEach(() => {
  if (here === undefined) delete process.env.XDG_CACHE_HOME
  else process.env.XDG_CACHE_HOME = here
  rmSync(cache, { recursive: true })
})

const skip = process.platform !== 'linux' || process.arch !== 'x64'
const files = ['libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json']

test.skipIf(skip)('processes that unpack at once end with one whole copy', async () => {
  const script = `const { installSwiftShader } = await import('./runtime/dawn/swiftshader.ts'); console.log(JSON.stringify(installSwiftShader()))`
  const run = () => promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script])
  const answers = (await Promise.all([run(), run(), run()])).map(({ stdout }) => JSON.parse(stdout))
  expect(answers).toEqual(Array(3).fill(answers[0]))
  expect(readdirSync(join(cache, 'fovea'))).toEqual(['swiftshader-147.0.0'])
  expect(readdirSync(join(cache, 'fovea/swiftshader-147.0.0')).sort()).toEqual(files)
})

test.skipIf(skip)('a broken copy is replaced, and a cache that cannot be written is passed over', () => {
  const first = installSwiftShader()
  if (typeof first === 'string') throw new Error(first)
  truncateSync(first.loader)
  expect(installSwiftShader()).toEqual(first)

  process.env.XDG_CACHE_HOME = join(cache, 'file')
  writeFileSync(process.env.XDG_CACHE_HOME, '')
  expect(installSwiftShader()).toMatchObject({ loader: expect.stringContaining(`fovea-${process.getuid?.()}`) })
})
