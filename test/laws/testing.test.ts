import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DType } from '../../compiler/ir/types.js'
import '../../compiler/ops/index.js'
import { type AnyTensor, type JvpRule, op, opOf } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { bind1 } from '../../compiler/trace/tensor.js'
import { broadcastable, keys, shapes, tensors } from '../../stdlib/testing/arbitraries.js'
import { assertClose, type Tolerance } from '../../stdlib/testing/assert-close.js'
import { checkGrads } from '../../stdlib/testing/check-grads.js'
import { hostTensor, refOf, type Values } from '../../stdlib/testing/values.js'

const array = (shape: number[], data: number[], dtype: DType = 'f32'): AnyTensor =>
  hostTensor({ shape, dtype, data: Float64Array.from(data) })
const failure = async (promise: Promise<void>): Promise<string> => {
  const err = await promise.then(
    () => expect.fail('expected an error'),
    (err: unknown) => err,
  )
  expect(err).toBeInstanceOf(FoveaError)
  return (err as FoveaError).message
}

describe('assertClose', () => {
  const report = (actual: Values, expected: Values, tolerance?: Tolerance): Promise<string> =>
    failure(assertClose(actual, expected, tolerance))

  test('accepts tensors, typed arrays, lists and numbers', async () => {
    const x = array([2, 2], [1, 2, 3, Number.NaN])
    await assertClose(x, [
      [1, 2],
      [3, Number.NaN],
    ])
    await assertClose(x, Float32Array.of(1, 2, 3, Number.NaN))
    await assertClose(array([], [5]), 5)
    await assertClose([Number.POSITIVE_INFINITY, 1], [Number.POSITIVE_INFINITY, 1 + 1e-6])
    await assertClose([], [])
  })
  test('reports the worst element in full', async () => {
    const message = await report(array([2, 3], [1, 2, 3, 4, 5.001, 6.0001]), [
      [1, 2, 3],
      [4, 5, 6],
    ])
    expect(message).toBe(
      `assertClose: 2 of 6 elements differ by more than 0.000001 + 0.00001 · |want|, in shape [2, 3]
  worst at [1, 1]: got 5.000999927520752, want 5
    absolute 0.001, relative 0.0002, 2097 ulp (f32)
  mean absolute difference 0.000183`,
    )
  })
  test('names shapes and places of NaN', async () => {
    expect(await report(array([2], [1, 2]), [[1, 2]])).toBe('assertClose: shapes differ: got [2], want [1, 2]')
    expect(await report(array([2], [1, 2]), Float32Array.of(1))).toMatch(
      /^assertClose: sizes differ: got 2 elements, want 1/,
    )
    const nan = await report([[1, Number.NaN]], [[Number.NaN, 1]])
    expect(nan).toContain('NaN where a number is wanted: [0, 1]')
    expect(nan).toContain('a number where NaN is wanted: [0, 0]')
    expect(await report([1], [Number.POSITIVE_INFINITY])).toContain('got 1, want Infinity')
    expect(await report([Number.POSITIVE_INFINITY], [1])).toContain('got Infinity, want 1')
    expect(await failure(assertClose([[1], [1, 2]], [1]))).toContain('ragged')
  })
  test('bounds the mean, and holds integers to equality', async () => {
    await assertClose([1.01, 1], [1, 1], { atol: 0.1, meanAtol: 0.01 })
    expect(await report([1.01, 1.01], [1, 1], { atol: 0.1, meanAtol: 0.001 })).toContain('more than 0.001')
    expect(await report(array([1], [1000001], 'i32'), array([1], [1000000], 'i32'))).toContain(
      'got 1000001, want 1000000',
    )
  })
})

/** Half the derivative that it should have. */
const tanh = opOf('tanh')
const wrongTanh = op({
  ...tanh,
  name: 'wrongTanh',
  jvp: (c) => (tanh.jvp as JvpRule)(c).map((t) => t && p.mul(t, p.like(t, 0.5))),
})

describe('checkGrads', () => {
  const x = array([3], [0.3, -0.8, 1.2])
  const mlp = ({ w, b }: { w: AnyTensor; b: AnyTensor }, ids: AnyTensor): AnyTensor =>
    p.tanh(
      p.add(p.dotGeneral(p.gather(w, ids), w, { lhsContract: [1], rhsContract: [1], lhsBatch: [], rhsBatch: [] }), b),
    )

  test('passes right derivatives, of trees and of order 2 and 3', async () => {
    const params = {
      w: array([3, 2], [0.1, 0.2, -0.3, 0.4, 0.5, -0.6]),
      b: array(
        [2, 3],
        [1, 2, 3, 4, 5, 6].map((v) => v / 10),
      ),
    }
    await checkGrads(mlp, [params, array([2], [2, 0], 'i32')], { order: 2 })
    await checkGrads((y: AnyTensor) => p.mul(p.sin(y), p.exp(y)), [x], { order: 3, atol: 1e-6 })
  })
  test('names mode, order and leaf of a wrong derivative', async () => {
    const f = (tree: { a: AnyTensor }): AnyTensor => bind1(wrongTanh, [tree.a])
    expect(await failure(checkGrads(f, [{ a: x }]))).toMatch(
      /^checkGrads: forward mode of 'f', order 1, with respect to '0\.a': 3 of 3 elements/,
    )
    expect(await failure(checkGrads(f, [{ a: x }], { modes: ['reverse'] }))).toMatch(/^checkGrads: reverse mode/)
  })
  test('wants float arguments and results', async () => {
    expect(await failure(checkGrads((y: AnyTensor) => y, [array([1], [1], 'i32')]))).toContain(
      'expected a float tensor among the arguments',
    )
    expect(await failure(checkGrads((y: AnyTensor) => p.gt(y, y), [x]))).toContain('to return float tensors')
  })
})

describe('arbitraries', () => {
  test('draw within their limits', async () => {
    fc.assert(
      fc.property(
        shapes({ maxRank: 2, maxDim: 3 }),
        (shape) => shape.length <= 2 && shape.every((d) => d >= 1 && d <= 3),
      ),
    )
    fc.assert(
      fc.property(broadcastable(), ([a, b]) => {
        for (let i = 1; i <= Math.min(a.length, b.length); i++) {
          const [m, n] = [a[a.length - i], b[b.length - i]]
          if (m !== n) expect(Math.min(m, n)).toBe(1)
        }
      }),
    )
    await fc.assert(
      fc.asyncProperty(tensors([2, 3], { min: -1, max: 0.1 }), async (x) => {
        expect(x.aval).toEqual({ shape: [2, 3], dtype: 'f32' })
        expect((await refOf(x)).data.every((v) => v >= -1 && v <= Math.fround(0.1))).toBe(true)
      }),
    )
    await fc.assert(fc.asyncProperty(keys(), async (key) => key.aval.dtype === 'u32' && key.aval.shape[0] === 2))
  })
  test('serve a gradient test in a line', async () => {
    await fc.assert(
      fc.asyncProperty(tensors({ maxRank: 2 }), (x) => checkGrads(p.tanh, [x])),
      { numRuns: 20 },
    )
  })
})
