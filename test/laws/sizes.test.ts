import { afterAll, describe, expect, test } from 'vitest'
import { size } from '../../compiler/ir/types.js'
import * as f from '../../compiler/lang/index.js'
import { type AnyTensor, allOps, type RefArray } from '../../compiler/ops/index.js'
import { bind } from '../../compiler/trace/tensor.js'
import { vmap } from '../../compiler/transform/index.js'
import { destroyDevice } from '../../runtime/device.js'
import { jit } from '../../runtime/jit.js'
import { tensor } from '../../runtime/tensor.js'
import { checkJit } from '../../stdlib/testing/check-jit.js'
import { hostTensor } from '../../stdlib/testing/values.js'
import { drawInputs } from './sample.js'

afterAll(destroyDevice)

/** The same array `n` times along a new first dim; n = 0 has no elements. */
const stacked = (x: RefArray, n: number): RefArray => ({
  ...x,
  shape: [n, ...x.shape],
  data: Float64Array.from({ length: n * x.data.length }, (_, i) => x.data[i % x.data.length]),
})
const tolerance = { rtol: 1e-4, atol: 1e-4 }

/** Every record's first samples with an empty dim and one of size 1 in front, on the device against the reference. */
describe('mapped over no and one example', () => {
  for (const record of allOps().filter(({ kernel }) => kernel.kind !== 'control')) {
    const samples = record.samples.filter((s) => s.inputs.length).slice(0, 2)
    for (const [k, sample] of samples.entries())
      for (const n of [0, 1])
        test(`${record.name} ${k}, ${n}`, async () => {
          const inputs = drawInputs(sample, k + 1).map((x) => hostTensor(stacked(x, n)))
          const one = (...xs: AnyTensor[]): AnyTensor[] => bind(record, xs, sample.params ?? {})
          await checkJit((...xs: AnyTensor[]) => vmap(one as any)(...xs), inputs, tolerance)
        })
  }
})

describe('elementwise: rank 0, size 1 and nothing', () => {
  for (const record of allOps().filter((r) => r.batch === 'elementwise'))
    for (const shape of [[], [1], [1, 1, 1, 1, 1, 1], [0], [2, 0, 3]])
      test(`${record.name} [${shape.join(', ')}]`, async () => {
        const [sample] = record.samples
        const inputs = drawInputs({ ...sample, inputs: sample.inputs.map((x) => ({ ...x, shape })) }, 3)
        const call = (...xs: AnyTensor[]): AnyTensor[] => bind(record, xs, sample.params ?? {})
        await checkJit(call, inputs.map(hostTensor), tolerance)
      })
})

test('folding nothing gives what there is before the first', async () => {
  const none = tensor(new Float32Array(), [0, 2])
  const run = jit((x: any) => [
    f.sum(x, 0),
    f.prod(x, 0),
    f.matmul(f.transpose(x), x),
    f.pad(
      x,
      [
        [1, 0],
        [0, 0],
      ],
      7,
    ),
  ])
  const got = await Promise.all((await run(none)).map(async (y: any) => [...(await y.data())]))
  expect(got).toEqual([
    [0, 0],
    [1, 1],
    [0, 0, 0, 0],
    [7, 7],
  ])
})

test('views of views are read where they are', async () => {
  const x = hostTensor({ shape: [6, 8], dtype: 'f32', data: Float64Array.from({ length: 48 }, (_, i) => i) })
  const view = (v: any): any => f.flip(f.transpose(f.slice(v, [1, 2], [6, 8], [2, 3])), 0)
  await checkJit(
    (v: any) => [view(v), f.sum(view(v), 1), f.matmul(view(v), f.transpose(view(v))), f.cumsum(view(v), 0)],
    [x],
  )
})

test('2^24 + 3 elements', async () => {
  const n = 2 ** 24 + 3
  const x = tensor(new Float32Array(n).fill(0.5))
  const run = jit((v: any) => {
    const at = f.arange(n)
    return [
      f.add(f.mul(v, 3), f.cast(f.mod(at, 2), 'f32')),
      f.sum(f.cast(f.mod(at, 2), 'i32')),
      f.max(at),
      f.argmax(at),
      f.mean(v),
    ]
  })
  const [y, odd, most, where, mean] = (await run(x)) as any[]
  const data = await y.data()
  expect(data.length).toBe(n)
  expect([...data.slice(-4)]).toEqual([2.5, 1.5, 2.5, 1.5])
  expect(await Promise.all([odd, most, where].map(async (v) => (await v.data())[0]))).toEqual([
    (n - 1) / 2,
    n - 1,
    n - 1,
  ])
  expect((await mean.data())[0]).toBeCloseTo(0.5, 6)
  expect(size(y.shape)).toBe(n)
})
