import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.js'
import { isFloat, showAval, size } from '../../compiler/ir/types.js'
import { verify } from '../../compiler/ir/verify.js'
import { type AnyTensor, allOps, type OpRecord, type RefArray, type Sample } from '../../compiler/ops/index.js'
import { bind } from '../../compiler/trace/tensor.js'
import { grad, vmap } from '../../compiler/transform/index.js'
import { add, matmul, mul, ones, sum, type Tensor } from '../../index.js'
import { difference } from '../../stdlib/testing/assert-close.js'
import { traced } from './keeps-meaning.js'
import { drawInputs } from './sample.js'

/** vmap is the loop over examples, for every record, sample and choice of mapped operands. */
const examples = 3

const stacked = (xs: readonly RefArray[]): RefArray => ({
  shape: [xs.length, ...xs[0].shape],
  dtype: xs[0].dtype,
  data: Float64Array.from(xs.flatMap((x) => [...x.data])),
})
const choices = (n: number): boolean[][] =>
  Array.from({ length: 2 ** n - 1 }, (_, mask) => Array.from({ length: n }, (_, i) => ((mask + 1) >> i) % 2 === 1))

async function vmapIsLoop(record: OpRecord, sample: Sample, mapped: readonly boolean[]): Promise<void> {
  const f = (...xs: AnyTensor[]): AnyTensor[] => bind(record, xs, sample.params ?? {}, sample.fns)
  const draws = Array.from({ length: examples }, (_, i) => drawInputs(sample, i + 1))
  const inputs = draws[0].map((x, i) => (mapped[i] ? stacked(draws.map((d) => d[i])) : x))
  const axes = mapped.map((on) => (on ? 0 : null))
  const whole = await traced(vmap(f, axes) as (...xs: AnyTensor[]) => AnyTensor[], inputs)
  const got = interpret(verify(whole.fn), whole.inputs)
  const loop = draws.map((d) => {
    const xs = d.map((x, i) => (mapped[i] ? x : draws[0][i]))
    const { params = {}, fns = [] } = sample
    return record.eval(xs, params, record.infer(xs, params, fns), fns)
  })
  got.forEach((y, i) => {
    const want = stacked(loop.map((ys) => ys[i]))
    expect(showAval(y)).toBe(showAval(want))
    expect(y.data.length).toBe(size(want.shape))
    expect(difference(y, want, { rtol: 1e-12, atol: 1e-12 })).toBeUndefined()
  })
}

for (const record of allOps().filter((r) => r.samples.some((s) => s.inputs.length)))
  describe(record.name, () => {
    record.samples.forEach((sample, n) => {
      if (sample.inputs.length)
        test(`${n}: vmap is the loop`, async () => {
          for (const mapped of choices(sample.inputs.length)) await vmapIsLoop(record, sample, mapped)
        })
    })
  })

test('vmap of grad gives a gradient per example; closures are not mapped', async () => {
  const w = ones([4]) as Tensor<any, 'f32'>
  const slope = (x: AnyTensor): AnyTensor =>
    grad(((y: AnyTensor) => sum(mul(mul(y, y) as any, w) as any)) as any)(x) as AnyTensor
  const per = vmap(slope as any) as (x: AnyTensor) => AnyTensor
  const { fn, inputs } = await traced(per, [
    { shape: [2, 4], dtype: 'f32', data: Float64Array.from([1, 2, 3, 4, 5, 6, 7, 8]) },
  ])
  expect([...interpret(fn, inputs)[0].data]).toEqual([2, 4, 6, 8, 10, 12, 14, 16])
  expect(fn.outputs.every((v) => isFloat(v.aval.dtype))).toBe(true)
})

test('what can not be mapped is named', () => {
  const f = vmap((x: any, y: any) => add(x, y))
  expect(() => f(ones([2, 3]) as any, ones([3, 3]) as any)).toThrow(
    'vmap: expected one size of the mapped axis, got 2 and 3 in [2, 3], [3, 3]',
  )
  expect(() => f(ones([]) as any, ones([3]) as any)).toThrow("vmap: expected an axis to map at '0', got a scalar")
  expect(() => vmap((x: any) => matmul(x, x), [null])(ones([3, 3]) as any)).toThrow('expected at least one tensor')
})
