import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** The package as npm would publish it, installed in a folder of its own, with none of the sources near it. */
const root = join(import.meta.dirname, '../..')
const temporary = mkdtempSync(join(tmpdir(), 'fovea-package-'))
const consumer = join(temporary, 'consumer')
const { exports, dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const subpaths = Object.keys(exports).filter((path) => !path.endsWith('.json'))
const nameOf = (subpath: string): string => `fovea${subpath.slice(1)}`

const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
const tsc = join(root, 'node_modules/typescript/bin/tsc')

beforeAll(() => {
  const tree = join(temporary, 'tree')
  const { files } = JSON.parse(readFileSync(join(root, 'tsconfig.build.json'), 'utf8').replace('"include"', '"files"'))
  for (const name of [...files, 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'esbuild.config.mjs'])
    cpSync(join(root, name), join(tree, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
  run(process.execPath, ['esbuild.config.mjs'], tree)
  run(process.execPath, [tsc, '-p', 'tsconfig.build.json'], tree)
  const [{ filename }] = JSON.parse(run('npm', ['pack', '--ignore-scripts', '--json'], tree))

  const modules = join(consumer, 'node_modules')
  mkdirSync(modules, { recursive: true })
  run('tar', ['-xzf', join(tree, filename), '-C', temporary], temporary)
  cpSync(join(temporary, 'package'), join(modules, 'fovea'), { recursive: true })
  for (const name of [...Object.keys({ ...dependencies, ...peerDependencies }), '@types/node']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  }
  writeFileSync(join(consumer, 'package.json'), '{ "type": "module" }')
}, 120_000)
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const program = `import { add, FoveaError, jit, ones, tensor } from 'fovea'
import { linear } from 'fovea/nn'

const f = jit((x) => linear(x, { weight: ones([3, 2]), bias: tensor([1, 2, 3]) }))
const y = await f(ones([1, 2]))
let message
try {
  add(tensor([1, 2]), tensor([1, 2, 3]))
} catch (err) {
  message = err instanceof FoveaError && err.message
}
console.log(JSON.stringify({ y: [...(await y.data())], lazy: [...(await add(y, 1).data())], message }))
`
const expected = { y: [3, 4, 5], lazy: [4, 5, 6] }

test('runs a jitted function, and names the line of who uses it', () => {
  writeFileSync(join(consumer, 'main.mjs'), program)
  const { message, ...values } = JSON.parse(run(process.execPath, ['main.mjs'], consumer))
  expect(values).toEqual(expected)
  expect(message).toMatch(/^add: cannot broadcast \[2\] with \[3\]: dim 2 vs 3\n {2}at \S*main\.mjs:8:3$/)
})

test('every subpath loads, and the command line too', () => {
  const names = subpaths.map(nameOf)
  writeFileSync(
    join(consumer, 'all.mjs'),
    `for (const name of ${JSON.stringify(names)}) console.log(name, Object.keys(await import(name)).length)`,
  )
  const lines = run(process.execPath, ['all.mjs'], consumer).trim().split('\n')
  expect(lines.map((line) => line.split(' ')[0])).toEqual(names)
  for (const line of lines) expect(line).not.toMatch(/ 0$/)
  expect(run(process.execPath, ['node_modules/fovea/dist/cli.js', '--help'], consumer)).toContain('classify')
})

test('a shape error is one line at the argument, and it is the only complaint', () => {
  writeFileSync(
    join(consumer, 'main.ts'),
    `${subpaths.map((path, i) => `import * as m${i} from '${nameOf(path)}'`).join('\n')}
import { matmul, ones } from 'fovea'
export const all = [${subpaths.map((_, i) => `m${i}`).join()}]
export const y = matmul(ones([8, 512]), ones([768, 64]))
`,
  )
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2022', 'dom'],
    types: ['node'],
    strict: true,
  }
  writeFileSync(
    join(consumer, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, noEmit: true }, files: ['main.ts'] }),
  )
  let complaint = ''
  try {
    run(process.execPath, [tsc, '-p', '.', '--pretty', 'false'], consumer)
  } catch (err) {
    complaint = (err as { stdout: string }).stdout
  }
  expect(complaint.trim().split('\n')).toHaveLength(1)
  expect(complaint).toContain('matmul: inner dims differ: 512 vs 768 in [8, 512] x [768, 64]')
})

test('a bundler keeps what has an effect, and leaves out what is not used', async () => {
  writeFileSync(join(consumer, 'main.mjs'), program)
  const { metafile } = await build({
    absWorkingDir: consumer,
    entryPoints: ['main.mjs'],
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    external: ['node:*', 'webgpu'],
    outdir: 'bundle',
    outExtension: { '.js': '.mjs' },
    splitting: true,
    metafile: true,
    logLevel: 'silent',
  })
  const { message: _, ...values } = JSON.parse(run(process.execPath, ['bundle/main.mjs'], consumer))
  expect(values).toEqual(expected)
  // What a page loads at once needs neither Node nor the packages of the data loaders.
  const { imports } = metafile.outputs['bundle/main.mjs']
  expect(imports.filter((x) => x.external && x.kind === 'import-statement')).toEqual([])
  expect(Object.keys(metafile.inputs).filter((file) => file.includes('commander') || file.includes('sharp'))).toEqual(
    [],
  )
})
