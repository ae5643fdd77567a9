import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { compile } from '../../compiler/compile.js'
import { numberPlaces } from '../../compiler/ir/places.js'
import type { Program, Target } from '../../compiler/ir/program.js'
import type { Fn } from '../../compiler/ir/types.js'
import { traceFn } from '../../compiler/trace/collect.js'
import * as fovea from '../../index.js'
import { compileOnce } from '../../runtime/cache/compile.js'
import { measure, openDisk } from '../../runtime/cache/disk.js'
import { keyOf } from '../../runtime/cache/key.js'
import { inspect } from '../../runtime/doctor.js'
import { load } from '../../runtime/executable.js'
import { target as software } from '../golden/target.js'
import { cpuTarget } from '../wasm/run-kernel.js'
import { node } from './child.js'

const { add, cond, destroyDevice, getDevice, grad, greater, matmul, mul, namedScope, ones, scan, sum, tanh }: any =
  fovea

const temporary = mkdtempSync(join(tmpdir(), 'fovea-cache-'))
let count = 0
let folder: string
beforeEach(() => {
  folder = join(temporary, `${count++}`)
  vi.stubEnv('FOVEA_CACHE', folder)
})
afterEach(() => void vi.restoreAllMocks())
afterAll(async () => {
  vi.unstubAllEnvs()
  rmSync(temporary, { recursive: true, force: true })
  await destroyDevice()
})

const layer = (x: any, w: any): any => namedScope('layer', () => tanh(matmul(x, w)))
const loss = (x: any, w: any): any => {
  const turns = (c: any, _: any): any => [layer(c, w), sum(c)]
  const [last, sums] = scan(turns, x, ones([3, 1]))
  const chosen = cond(
    greater(sum(last), 0),
    (y: any) => mul(y, y),
    (y: any) => layer(y, w),
    last,
  )
  return add(sum(chosen), sum(sums))
}
const args = [ones([4, 8]), ones([8, 8])]
const traced = (f = grad(loss), name = 'step', xs = args): Fn => traceFn(f, xs, name, true).fn
const targets: [string, Target][] = [
  ['a CPU', cpuTarget],
  ['a GPU', software],
]
/** What lies in the folder under this function's key says so by its name. */
const mark = (fn: Fn, target: Target, donated = new Set<number>()): string => {
  const key = keyOf(fn, target, donated)
  openDisk(folder).write(key, { ...compile(numberPlaces(fn).fn, target, { donated }), name: 'from disk' })
  return join(folder, `${key}.program`)
}
/** From now on every compile takes so many milliseconds by the clock. */
const takes = (ms: number): void => {
  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => (now += ms))
}
const nameOf = async (fn: Fn, target: Target): Promise<string> => (await compileOnce(fn, target)).name

test.each(targets)('a program for %s comes back from disk as it was compiled, places and all', async (_, target) => {
  const fn = traced()
  const plain = compile(fn, target)
  takes(1000)
  expect(plain.dispatches.some((d) => d.scope === 'layer' && d.loc?.file.endsWith('cache.test.ts'))).toBe(true)
  expect(await compileOnce(fn, target)).toEqual(plain)
  expect(measure(folder).entries).toBe(1)
  expect(await compileOnce(fn, target)).toEqual(plain)
  mark(fn, target)
  expect(await nameOf(fn, target)).toBe('from disk')
})

test('what compiles at once is not kept', async () => {
  takes(1)
  await compileOnce(traced(), cpuTarget)
  expect(existsSync(folder)).toBe(false)
})

test('what is shown or checked is compiled, and what is off is not kept', async () => {
  takes(1000)
  const fn = traced()
  const verify = await compileOnce(fn, cpuTarget, { verify: true })
  const shown: string[] = []
  await compileOnce(fn, cpuTarget, { show: (stage) => shown.push(stage) })
  vi.stubEnv('FOVEA_CACHE', 'off')
  expect(await compileOnce(fn, cpuTarget)).toEqual(verify)
  expect(shown).toContain('plan')
  expect(existsSync(folder)).toBe(false)
  expect((await inspect()).cache).toBeUndefined()
})

test('the key is the function without its places, the target, and what is donated', () => {
  const key = (fn: Fn, target: Target = cpuTarget, donated: number[] = []): string =>
    keyOf(fn, target, new Set(donated))
  const twice = (x: any): any => mul(x, 2)
  const [x] = args
  const own = key(traced(twice, 'f', [x]))
  const elsewhere = (y: any): any => namedScope('elsewhere', () => mul(y, 2))
  expect(key(traced(elsewhere, 'f', [x]))).toBe(own)
  const others = [
    key(traced(twice, 'g', [x])),
    key(traced((y: any) => mul(y, 3), 'f', [x])),
    key(traced(twice, 'f', [ones([8, 4])])),
    key(traced(twice, 'f', [ones([4, 8], 'i32')])),
    key(traced(twice, 'f', [x]), software),
    key(traced(twice, 'f', [x]), { ...cpuTarget, wasm: { relaxed: true, shared: false } }),
    key(traced(twice, 'f', [x]), cpuTarget, [0]),
  ]
  expect(new Set([own, ...others]).size).toBe(8)
})

/** A module whose function 0 drops a value from an empty stack. */
const dropsNothing = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 4, 1, 0x60, 0, 0], // types: () → ()
  ...[3, 2, 1, 0], // functions: one of type 0
  ...[10, 5, 1, 3, 0, 0x1a, 0x0b], // code: no locals, drop, end
)

test('a cached program that a device refuses names the line of now', async () => {
  const device = await getDevice()
  const here = (x: any, w: any): any => matmul(tanh(matmul(x, w)), w)
  const there = (x: any, w: any): any => namedScope('head', () => matmul(tanh(matmul(x, w)), w))
  mark(traced(here, 'f'), device.target)
  const fn = traced(there, 'f')
  const { name, ...program } = await compileOnce(fn, device.target)
  expect(name).toBe('from disk')
  const broken: Program = {
    ...program,
    name,
    wasm: program.wasm && dropsNothing,
    kernels: program.kernels.map((k) => ({ ...k, wgsl: k.wgsl && 'fn main( {' })),
  }
  const refused = await load(device, broken).catch((err) => err)
  const [{ loc }] = fn.eqns
  expect(traced(here, 'f').eqns[0].loc!.line).not.toBe(loc!.line)
  expect(refused).toMatchObject({ code: 'kernel', loc: { file: loc!.file, line: loc!.line } })
  expect(refused.message).toContain('in head')
})

test('an error of the compiler names the line, with and without a cache', async () => {
  const small: Target = { ...cpuTarget, maxStorageBufferBindingSize: 64 }
  const fn = traced()
  const plain = await Promise.resolve()
    .then(() => compile(fn, small))
    .catch((err) => err)
  const kept = await compileOnce(fn, small).catch((err) => err)
  expect(kept).toMatchObject({ code: 'too-large', message: plain.message })
  expect(kept.loc).toEqual(plain.loc)
})

test.each<[string, (whole: Buffer) => Buffer]>([
  ['cut short', (whole) => whole.subarray(0, whole.length - 100)],
  ['empty', () => Buffer.alloc(0)],
  ['changed in a byte', (whole) => Buffer.concat([whole.subarray(0, -1), Buffer.of(whole[whole.length - 1] ^ 1)])],
  ['of another format', (whole) => Buffer.from(whole.toString('latin1').replace('program 1', 'program 0'), 'latin1')],
  ['of something else', () => Buffer.from('{"name": "from disk"}')],
])('a file that is %s is compiled anew and replaced', async (_, damage) => {
  takes(1000)
  const fn = traced()
  const file = mark(fn, cpuTarget)
  const whole = readFileSync(file)
  writeFileSync(file, damage(whole))
  expect(await nameOf(fn, cpuTarget)).toBe('step')
  const key = keyOf(fn, cpuTarget, new Set())
  expect(openDisk(folder).read(key)).toEqual(compile(numberPlaces(fn).fn, cpuTarget))
})

test("another program's file under this key is ignored", async () => {
  const other = mark(traced(grad(loss), 'other'), cpuTarget)
  const fn = traced()
  const file = mark(fn, cpuTarget)
  writeFileSync(file, readFileSync(other))
  expect(await nameOf(fn, cpuTarget)).toBe('step')
})

test('the folder stays within its bytes: what was used last stays, and what is not ours', () => {
  const program = compile(traced(), cpuTarget)
  const key = (n: number): string => `${n}`.repeat(64)
  openDisk(folder).write(key(0), program)
  const { bytes } = measure(folder)
  const disk = openDisk(folder, 3.5 * bytes)
  writeFileSync(join(folder, 'notes.txt'), 'x'.repeat(4 * bytes))
  const halfWritten = join(folder, `${key(9)}.program.1-abc`)
  writeFileSync(halfWritten, '')
  const age = (file: string, seconds: number): void => {
    const time = new Date(Date.now() - 1000 * seconds)
    utimesSync(join(folder, file), time, time)
  }
  age(`${key(9)}.program.1-abc`, 7200)
  for (const n of [1, 2]) disk.write(key(n), program)
  for (const n of [0, 1, 2]) age(`${key(n)}.program`, 100 - n)
  expect(disk.read(key(0))).toEqual(program)
  disk.write(key(3), program)
  expect(readdirSync(folder).sort()).toEqual([...[0, 2, 3].map((n) => `${key(n)}.program`), 'notes.txt'])
  openDisk(folder, bytes - 1).write(key(4), program)
  expect(existsSync(join(folder, `${key(4)}.program`))).toBe(false)
})

test('a folder that cannot be written is one warning, and only for who asks', async () => {
  const file = join(temporary, 'file')
  writeFileSync(file, '')
  vi.stubEnv('FOVEA_CACHE', join(file, 'programs'))
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  takes(1000)
  const fn = traced()
  expect(await nameOf(fn, cpuTarget)).toBe('step')
  expect(warn).not.toHaveBeenCalled()
  vi.stubEnv('FOVEA_DEBUG', '1')
  for (const _ of [1, 2]) expect(await nameOf(fn, cpuTarget)).toBe('step')
  expect(warn).toHaveBeenCalledOnce()
  expect(warn.mock.calls[0][0]).toContain(`fovea: compiled programs can't be kept in ${join(file, 'programs')}`)
})

test('processes share programs, at the same time and one after another', async () => {
  const script = `
    const { grad, jit, matmul, ones, sum, tanh } = await import('./index.ts')
    const loss = (x, w) => sum(tanh(matmul(tanh(matmul(x, w)), w)))
    const y = await jit(grad(loss), { name: 'step' })(ones([4, 8]), ones([8, 8]))
    console.log((await y.data()).join())
    process.exit(0)`
  const env = { FOVEA_CACHE: folder, FOVEA_VERIFY: '' }
  const [a, b] = await Promise.all([node(script, env), node(script, env)])
  const { entries } = measure(folder)
  const times = readdirSync(folder).map((name) => statSync(join(folder, name)).ctimeMs)
  expect(entries).toBeGreaterThan(0)
  expect(readdirSync(folder).length).toBe(entries)
  const c = await node(script, env)
  expect([b, c]).toEqual([a, a])
  expect(measure(folder).entries).toBe(entries)
  // Used, and so touched.
  expect(readdirSync(folder).map((name) => statSync(join(folder, name)).ctimeMs)).not.toEqual(times)
  expect((await inspect()).cache).toEqual({ folder, ...measure(folder) })
})
