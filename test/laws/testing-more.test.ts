import fc from 'fast-check'
import { expect, test } from 'vitest'
import { showAval } from '../../compiler/ir/types.js'
import { verify } from '../../compiler/ir/verify.js'
import '../../compiler/ops/index.js'
import { type AnyTensor, op, opOf } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { bind1 } from '../../compiler/trace/tensor.js'
import {
  assertClose,
  checkVmap,
  dtypes,
  matchers,
  programs,
  type TensorMatchers,
  tensors,
} from '../../stdlib/testing/index.js'
import { hostTensor, refOf } from '../../stdlib/testing/values.js'

declare module 'vitest' {
  interface Matchers<T = any> extends TensorMatchers<T> {}
}
expect.extend(matchers)

const array = (shape: number[], ...data: number[]): AnyTensor =>
  hostTensor({ shape, dtype: 'f32', data: Float64Array.from(data) })
const next = (x: number): number => {
  const bits = new Int32Array(Float32Array.of(x).buffer)
  return new Float32Array(Int32Array.of(bits[0] + 1).buffer)[0]
}

test('assertClose counts units in the last place', async () => {
  await assertClose([next(1)], [1], { ulp: 1 })
  await expect(assertClose([next(next(1))], [1], { ulp: 1 })).rejects.toThrow('differ by more than 1 ulp (f32)')
  await assertClose([next(next(1)), 1e-9], [1, 0], { ulp: 1, atol: 1e-6 })
  await expect(assertClose([3.4e38], [Infinity], { ulp: 1e9 })).rejects.toThrow('want Infinity')
})

test('tensors of any dtype, at its edges', async () => {
  const seen = new Set<string>()
  const any = dtypes().chain((dtype) => tensors([8], { dtype, edges: 'nan' }))
  await fc.assert(
    fc.asyncProperty(any, async (x) => {
      for (const v of (await refOf(x)).data) seen.add(`${x.dtype} ${Object.is(v, -0) ? '-0' : v}`)
    }),
    { numRuns: 300, seed: 1 },
  )
  for (const edge of ['f32 NaN', 'f32 -0', 'f32 Infinity', 'i32 -2147483648', 'u32 4294967295', 'bool 1'])
    expect(seen).toContain(edge)
  const subnormal = 2 ** -128
  expect(seen).toContain(`f32 ${subnormal}`)
  await fc.assert(
    fc.asyncProperty(tensors([4]), async (x) => (await refOf(x)).data.every(Number.isFinite)),
    { numRuns: 100 },
  )
})

test('programs are well-typed, and run as their IR', async () => {
  await fc.assert(
    fc.asyncProperty(programs({ maxLength: 5 }), async ({ f, fn, args, inputs }) => {
      verify(fn)
      expect(args.map((x) => showAval(x.aval))).toEqual(inputs.map(showAval))
      expect(f(...args).map((y) => showAval(y.aval))).toEqual(fn.outputs.map((v) => showAval(v.aval)))
    }),
    { numRuns: 40, seed: 1 },
  )
})

test('programs shrink to what matters, and print as IR', () => {
  const noProducts = fc.check(
    fc.property(programs(), ({ fn }) => !fn.eqns.some((q) => q.op === 'dotGeneral')),
    { numRuns: 200, seed: 3 },
  )
  const [{ fn }] = noProducts.counterexample!
  expect(fn.eqns.map((q) => q.op)).toEqual(['dotGeneral'])
  expect(fn.inputs.every((v) => v.aval.shape.every((n) => n === 1))).toBe(true)
  expect(fc.stringify(noProducts.counterexample)).toContain('dotGeneral(%0')
})

test('checkVmap holds vmap to the loop, and names the example', async () => {
  const [x, w] = [array([2, 3], 1, 2, 3, 4, 5, 6), array([3], 0.5, -1, 2)]
  const dot = (a: { row: AnyTensor }, b: AnyTensor): AnyTensor => p.sumAll(p.mul(a.row, b))
  await checkVmap(dot, [{ row: x }, w], [0, null])
  await checkVmap(p.sin, [x], [1])
  const wrong = op({ ...opOf('reverse'), name: 'wrongReverse', batch: ({ inputs: [y] }) => [p.reverse(y, [0])] })
  await expect(checkVmap((y: AnyTensor) => bind1(wrong, [y], { axes: [0] }), [x])).rejects.toThrow(
    /^checkVmap: result 0 of 'f', example 0 of 2: 3 of 3 elements/,
  )
  await expect(checkVmap(p.sin, [x], [null])).rejects.toThrow('to be mapped, got none')
  await expect(checkVmap(p.sin, [x], [2])).rejects.toThrow('axis')
})

test('matchers say what the checks say', async () => {
  const x = array([2], 0.5, -1)
  await expect(x).toBeAllClose([0.5, -1])
  await expect(x).not.toBeAllClose([0.5, 1])
  await expect(expect(x).toBeAllClose([0.5, 1])).rejects.toThrow('worst at [1]: got -1, want 1')
  await expect(expect(x).not.toBeAllClose([0.5, -1])).rejects.toThrow('expected the arrays to differ')
  expect(x).toHaveShape([2])
  expect(() => expect(x).toHaveShape([1, 2])).toThrow('expected shape [1, 2], got [2]')
  await expect(p.tanh).toHaveGradients([x], { order: 2 })
  await expect(p.stopGradient).not.toHaveGradients([x])
  // What is no answer to the question stays an error.
  const ids = hostTensor({ shape: [1], dtype: 'i32', data: Float64Array.of(1) })
  await expect(expect(p.neg).not.toHaveGradients([ids])).rejects.toThrow('expected a float tensor')
})
