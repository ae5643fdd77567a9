import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  add,
  bitwiseXor,
  cast,
  clip,
  div,
  equal,
  gelu,
  greater,
  leftShift,
  logicalNot,
  logicalOr,
  maximum,
  mul,
  pow,
  quickGelu,
  relu,
  rightShift,
  silu,
  sub,
  sum,
  where,
} from '../../compiler/lang/index.js'
import { grad } from '../../compiler/transform/index.js'
import { array, close, opsOf, run, values } from './lang-run.js'

describe('broadcasting', () => {
  /** Two shapes that broadcast: one with some dims set to 1, some leading dims dropped. */
  const pairs = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.boolean(), fc.boolean()), { maxLength: 4 })
    .chain((dims) =>
      fc.tuple(fc.nat({ max: dims.length }), fc.boolean()).map(([drop, swap]) => {
        const full = dims.map(([n, one]) => (one ? 1 : n))
        const part = dims.map(([n, , one]) => (one ? 1 : n)).slice(drop)
        return swap ? [part, full] : [full, part]
      }),
    )
  test('pairs elements as NumPy does', () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        const rank = Math.max(a.length, b.length)
        const dim = (s: number[], i: number): number => s[i - rank + s.length] ?? 1
        const out = Array.from({ length: rank }, (_, i) => Math.max(dim(a, i), dim(b, i)))
        const strides = (s: number[]): number[] => s.map((_, i) => s.slice(i + 1).reduce((n, d) => n * d, 1))
        const at = (s: number[], index: number[]): number =>
          s.reduce((n, d, i) => n + (d === 1 ? 0 : index[i + rank - s.length]) * strides(s)[i], 0)
        const want: number[] = []
        const walk = (index: number[]): void => {
          if (index.length === rank) want.push(at(a, index) - 10 * at(b, index))
          else for (let i = 0; i < out[index.length]; i++) walk([...index, i])
        }
        walk([])
        const [got] = run((x, y) => sub(x, mul(y, 10)), array(a), array(b))
        expect(got).toEqual({ shape: out, dtype: 'f32', data: want })
      }),
    )
  })
  test('adds a node only where a shape changes', () => {
    expect(opsOf(add as any, array([2, 3]), array([2, 3]))).toEqual(['add'])
    expect(opsOf(add as any, array([2, 3]), array([3]))).toEqual(['broadcastInDim', 'add'])
    expect(opsOf(add as any, array([2, 1]), array([1, 3]))).toEqual(['broadcastInDim', 'broadcastInDim', 'add'])
  })
})

describe('numbers', () => {
  test('take the dtype of the tensor, on either side', () => {
    expect(run((x) => sub(1, x), array([3]))[0]).toEqual({ shape: [3], dtype: 'f32', data: [1, 0, -1] })
    expect(run((x) => add(x, 2), array([2], [3, 4], 'u32'))[0]).toEqual({ shape: [2], dtype: 'u32', data: [5, 6] })
  })
  test('must be values of that dtype', () => {
    const say = (n: number) => () => run((x) => mul(x, n), array([2], [1, 2], 'i32'))
    expect(say(0.5)).toThrow('mul: 0.5 is not a value of i32; cast the tensor first')
    expect(say(2 ** 31)).toThrow('not a value of i32')
    expect(() => run((x) => add(x, -1), array([1], [1], 'u32'))).toThrow('add: -1 is not a value of u32')
  })
  test('anything else is refused by name', () => {
    expect(() => run((x) => add(x, 'two' as never), array([1]))).toThrow('add: expected a tensor, got a string')
    expect(() => run((x) => add(x, [1] as never), array([1]))).toThrow('add: expected a tensor, got an array')
  })
})

test('activations agree with their formulas', () => {
  const x = [-3, -0.5, 0, 0.5, 3]
  const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v))
  close(values(relu, array([5], x)), [0, 0, 0, 0.5, 3])
  close(
    values(silu, array([5], x)),
    x.map((v) => v * sigmoid(v)),
  )
  close(
    values(quickGelu, array([5], x)),
    x.map((v) => v * sigmoid(1.702 * v)),
  )
  // x Φ(x), by a table of the normal distribution.
  const gelus = [-0.0040496940948, -0.1542687694, 0, 0.3457312306, 2.9959503059]
  close(values(gelu, array([5], x)), gelus, 6)
})

test('relu keeps NaN and has slope 0 at 0', () => {
  expect(values(relu, array([2], [Number.NaN, -1]))).toEqual([Number.NaN, 0])
  expect(values(grad((x: any) => sum(relu(x))) as never, array([3], [-1, 0, 2]))).toEqual([0, 0, 1])
})

test('clip, where and comparisons', () => {
  expect(values((x) => clip(x, 1, 3), array([5]))).toEqual([1, 1, 2, 3, 3])
  expect(values((x) => where(greater(x, 2), x, -1), array([4]))).toEqual([-1, -1, -1, 3])
  expect(values((x) => where(logicalNot(greater(x, 2)), 1, 0), array([4]))).toEqual([1, 1, 1, 0])
  expect(run((c, x, y) => where(c, x, y), array([2, 1], [1, 0], 'bool'), array([2]), array([], [9]))[0]).toEqual({
    shape: [2, 2],
    dtype: 'f32',
    data: [0, 1, 9, 9],
  })
  expect(values((x) => cast(logicalOr(equal(x, 1), equal(x, 3)), 'i32'), array([4]))).toEqual([0, 1, 0, 1])
})

test('small powers are products, others are pow', () => {
  expect(opsOf((x) => pow(x, 2), array([2]))).toEqual(['mul'])
  expect(values((x) => pow(x, 3), array([3], [-2, 1, 2]))).toEqual([-8, 1, 8])
  expect(values((x) => pow(x, -1), array([2], [2, 4]))).toEqual([0.5, 0.25])
  expect(values((x) => pow(2, x), array([3]))).toEqual([1, 2, 4])
})

test('bits of u32', () => {
  const x = array([2], [0xdeadbeef, 1], 'u32')
  expect(values((a) => rightShift(a, 16), x)).toEqual([0xdead, 0])
  expect(values((a) => leftShift(a, 31), x)).toEqual([0x80000000, 0x80000000])
  expect(values((a) => bitwiseXor(a, 0xffffffff), x)).toEqual([0x21524110, 0xfffffffe])
})

test('an operand that is used twice is one input', () => {
  expect(values((x) => maximum(x, div(x, 2)), array([2], [-2, 2]))).toEqual([-1, 2])
})
