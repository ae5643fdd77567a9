import { readFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import type { DType } from '../../compiler/ir/types.js'
import * as f from '../../compiler/lang/index.js'
import type { AnyTensor } from '../../compiler/ops/index.js'
import { destroyDevice, getDevice } from '../../runtime/device.js'
import { jit } from '../../runtime/jit.js'
import { hostTensor } from '../../stdlib/testing/values.js'
import { array } from './lang-run.js'

afterAll(destroyDevice)

/** jax-functions.json is what JAX gives: jax-functions.py wrote it. Numbers that JSON has not are strings. */
interface Value {
  readonly shape: readonly number[]
  readonly dtype: DType
  readonly data: readonly (number | string)[]
}
interface Case {
  readonly name: string
  readonly inputs: readonly Value[]
  readonly outputs: readonly Value[]
}
const cases: Case[] = JSON.parse(readFileSync(new URL('jax-functions.json', import.meta.url), 'utf8'))
const number = (v: number | string): number =>
  v === '-0' ? -0 : v === 'inf' ? Infinity : v === '-inf' ? -Infinity : v === 'nan' ? Number.NaN : Number(v)

/** Cases whose name is not that of a function. */
const calls: Record<string, (...xs: any[]) => unknown> = {
  geluTanh: (x) => f.gelu(x, { approximate: true }),
  any: (x) => f.any(x, -1),
  all: (x) => f.all(x, -1),
  roll: (x) => f.roll(x, 2),
  tile: (x) => f.tile(x, [2, 3]),
  repeat: (x) => f.repeat(x, 3),
  'repeat along': (x) => f.repeat(x, 2, 0),
  vstack: (x) => f.vstack([x, x]),
  hstack: (x) => f.hstack([x, x]),
  'expm1 of a shape': (x) => f.expm1(x),
  swapaxes: (x) => f.swapaxes(x, 0, -1),
  moveaxis: (x) => f.moveaxis(x, -1, 0),
  triu: (x) => f.triu(x, 1),
  linspace: () => f.linspace(-1, 2, 7),
  logspace: () => f.logspace(-2, 3, 6),
  arange: () => f.arange(2, -5, -3),
  meshgrid: (a, b) => f.meshgrid([a, b]),
  indices: () => f.indices([2, 3]),
  'softmax where': (x, where) => f.softmax(x, -1, { where }),
  'logSumExp b': (x, b) => f.logSumExp(x, -1, { b }),
  variance: (x) => f.variance(x, 0, { ddof: 1 }),
  average: (x, weights) => f.average(x, 1, { weights }),
}
for (const name of [
  'max',
  'min',
  'argmax',
  'argmin',
  'ptp',
  'nanSum',
  'nanMean',
  'nanMax',
  'nanMin',
  'countNonzero',
  'std',
])
  calls[name] = (x) => (f as any)[name](x, -1)
for (const mode of ['edge', 'reflect', 'symmetric', 'wrap'])
  calls[`pad ${mode}`] = (x) =>
    f.pad(
      x,
      x.shape.map(() => (x.shape.length < 3 ? [3, 2] : [1, 0])),
      mode as 'edge',
    )

/** Where results differ on purpose, or by what a device has: whether they may, at these inputs. */
type Deviation = (want: number, inputs: readonly number[], webgpu: boolean) => boolean
const deviations: Record<string, Deviation> = {
  // The limits from each side, as SciPy has them.
  digamma: (_want, [x]) => x === 0,
  // WGSL leaves its own log, tanh, sign and comparisons open for NaN, and log for what has none (§15.7.2 and §17.5).
  log2: (_want, [x], webgpu) => webgpu && !(x > 0),
  log10: (_want, [x], webgpu) => webgpu && !(x > 0),
  tanh: (want, _at, webgpu) => webgpu && Number.isNaN(want),
  sign: (want, _at, webgpu) => webgpu && Number.isNaN(want),
  countNonzero: (_want, _at, webgpu) => webgpu,
}

/** Software and real adapters flush denormals, and WGSL need not keep the sign of 0. */
const near = (got: number, want: number, webgpu: boolean): boolean => {
  if (Number.isNaN(want) || !Number.isFinite(want)) return Object.is(got, want)
  if (want === 0 && got === 0) return webgpu || Object.is(got, want)
  return Math.abs(got - want) <= 1e-5 * Math.abs(want) + 1e-6
}

const counts = new Map<string, number>()
for (const { name, inputs, outputs } of cases) {
  const n = (counts.get(name) ?? 0) + 1
  counts.set(name, n)
  test(`${name} ${n}: ${inputs.map((x) => `${x.dtype}[${x.shape.join(', ')}]`).join(' ')}`, async () => {
    const webgpu = (await getDevice()).info.kind !== 'cpu'
    const xs = inputs.map((x) => array(x.shape, x.data.map(number), x.dtype))
    const call = calls[name] ?? ((f as any)[name] as (...xs: any[]) => unknown)
    const result = (await (jit(call as any) as any)(...xs.map(hostTensor))) as AnyTensor | AnyTensor[]
    const ys = Array.isArray(result) ? result : [result]
    expect(ys.map((y) => ({ shape: y.aval.shape, dtype: y.aval.dtype }))).toEqual(
      outputs.map(({ shape, dtype }) => ({ shape, dtype })),
    )
    const bad: string[] = []
    for (const [k, y] of ys.entries()) {
      const got = Array.from(await y.data(), Number)
      outputs[k].data.map(number).forEach((want, i) => {
        const at = xs.map((x) => x.data[i])
        if (!near(got[i], want, webgpu) && !deviations[name]?.(want, at, webgpu))
          bad.push(`${name}(${at.join(', ')}) = ${got[i]}, JAX: ${want}`)
      })
    }
    expect(bad).toEqual([])
  })
}

test('there are at least 40 functions, at every rank', () => {
  expect(counts.size).toBeGreaterThan(40)
  expect(new Set(cases.flatMap((c) => c.inputs.map((x) => x.shape.length))).size).toBe(7)
})
