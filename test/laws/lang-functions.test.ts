import { describe, expect, test } from 'vitest'
import * as f from '../../compiler/lang/index.js'
import { grad, vjp } from '../../compiler/transform/index.js'
import { checkGrads } from '../../stdlib/testing/check-grads.js'
import { hostTensor } from '../../stdlib/testing/values.js'
import { array, close, opsOf, values } from './lang-run.js'

const x = [-2.5, -1, -0.3, 0.2, 1.4, 3]
const at = (fn: (x: any) => any, of: readonly number[] = x): number[] => values(fn, array([of.length], of))

test('functions agree with their formulas', () => {
  const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v))
  const relu6 = (v: number): number => Math.min(Math.max(v, 0), 6)
  const table: [(x: any) => any, (v: number) => number][] = [
    [(v) => f.log2(f.square(v)), (v) => Math.log2(v * v)],
    [(v) => f.log10(f.square(v)), (v) => Math.log10(v * v)],
    [f.reciprocal, (v) => 1 / v],
    [f.fract, (v) => v - Math.floor(v)],
    [(v) => f.hypot(v, 2), (v) => Math.hypot(v, 2)],
    [(v) => f.logAddExp(v, 1), (v) => Math.log(Math.exp(v) + Math.E)],
    [(v) => f.lerp(v, 10, 0.25), (v) => v + 0.25 * (10 - v)],
    [f.softplus, (v) => Math.log1p(Math.exp(v))],
    [f.logSigmoid, (v) => Math.log(sigmoid(v))],
    [f.softSign, (v) => v / (1 + Math.abs(v))],
    [f.relu6, relu6],
    [f.hardSigmoid, (v) => relu6(v + 3) / 6],
    [f.hardSwish, (v) => (v * relu6(v + 3)) / 6],
    [(v) => f.leakyRelu(v, 0.2), (v) => (v > 0 ? v : 0.2 * v)],
    [(v) => f.elu(v, 2), (v) => (v > 0 ? v : 2 * Math.expm1(v))],
    [f.selu, (v) => 1.0507009873554805 * (v > 0 ? v : 1.6732632423543772 * Math.expm1(v))],
    [
      (v) => f.gelu(v, { approximate: true }),
      (v) => (v / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3))),
    ],
  ]
  for (const [fn, want] of table) close(at(fn), x.map(want), 6)
})

describe('derivatives agree with finite differences', () => {
  const functions = {
    hypot: (v: any) => f.hypot(v, 2),
    logAddExp: (v: any) => f.logAddExp(v, 1),
    lerp: (v: any) => f.lerp(v, 10, v),
    softplus: f.softplus,
    logSigmoid: f.logSigmoid,
    softSign: f.softSign,
    hardSwish: f.hardSwish,
    leakyRelu: f.leakyRelu,
    elu: f.elu,
    selu: f.selu,
    'gelu by tanh': (v: any) => f.gelu(v, { approximate: true }),
    copysign: (v: any) => f.copysign(v, -1),
    mod: (v: any) => f.mod(v, 0.9),
    'digamma twice': (v: any) => f.digamma(f.add(f.digamma(f.add(f.square(v), 1)), 4)),
  }
  for (const [name, fn] of Object.entries(functions))
    test(name, () => checkGrads(fn as never, [hostTensor(array([x.length], x))], { rtol: 1e-5, atol: 1e-6 }))
})

test('derivatives at ends are finite', () => {
  const slopes = (fn: (v: any) => any, of: number[]): number[] =>
    values(grad((v: any) => f.sum(fn(v))) as never, array([of.length], of))
  expect(slopes(f.elu, [-1e4, 0, 1e4])).toEqual([0, 1, 1])
  expect(slopes(f.softplus, [-1e4, 0, 1e4])).toEqual([0, 0.5, 1])
  expect(slopes((v) => f.hypot(v, 0), [0])[0]).not.toBeNaN()
  const second = slopes((v) => f.square(grad((w: any): any => f.sum(f.logGamma(w)))(v) as any), [1, 2])
  expect(second.every(Number.isFinite)).toBe(true)
})

test('remainders follow the divisor, as in Python', () => {
  const a = array([8], [7, -7, 7, -7, 6, -6, 0, 5], 'i32')
  const b = array([8], [3, 3, -3, -3, 3, 3, 3, 1], 'i32')
  expect(values(f.mod as never, a, b)).toEqual([1, 2, -2, -1, 0, 0, 0, 0])
  expect(values(f.floorDivide as never, a, b)).toEqual([2, -3, -3, 2, 2, -2, 0, 5])
  expect(values((v) => f.divmod(v, 0.75)[0], array([3], [1, -1, 0.75]))).toEqual([1, -2, 1])
  expect(values((v) => f.mod(v, 7), array([2], [0xffffffff, 6], 'u32'))).toEqual([3, 6])
  expect(opsOf((v) => f.divmod(v, 3) as never, array([2])).filter((op) => op === 'rem')).toEqual(['rem'])
})

test('kinds of numbers are told by their bits', () => {
  const all = [Number.NaN, Infinity, -Infinity, 0, -0, -1, 3e38]
  expect(at(f.isNaN, all)).toEqual([1, 0, 0, 0, 0, 0, 0])
  expect(at(f.isInf, all)).toEqual([0, 1, 1, 0, 0, 0, 0])
  expect(at(f.isFinite, all)).toEqual([0, 0, 0, 1, 1, 1, 1])
  expect(at(f.signbit, all.slice(1))).toEqual([0, 1, 0, 1, 1, 0])
  expect(at((v) => f.copysign(2, v), all.slice(1))).toEqual([2, -2, 2, -2, -2, 2])
  expect(at((v) => f.nanToNum(v, { nan: 7, posInf: 9 }), all)).toEqual([7, 9, -3.4028234663852886e38, 0, -0, -1, 3e38])
})

test('closeness: infinities when equal, NaNs when asked', () => {
  const a = array([5], [1, Infinity, Infinity, Number.NaN, 100])
  const b = array([5], [1.000001, Infinity, -Infinity, Number.NaN, 101])
  expect(values(f.isClose as never, a, b)).toEqual([1, 1, 0, 0, 0])
  expect(values((p, q) => f.isClose(p, q, { equalNan: true, rtol: 0.1 }), a, b)).toEqual([1, 1, 0, 1, 1])
  expect(values((p) => f.allClose(p, p), array([2, 0], []))).toEqual([1])
  expect(values((p, q) => f.allClose(p, q), a, b)).toEqual([0])
})

test('clip has tensors, scalars and nothing as ends', () => {
  expect(at((v) => f.clip(v, 0, undefined))).toEqual([0, 0, 0, 0.2, 1.4, 3])
  expect(at((v) => f.clip(v, undefined, 0))).toEqual([-2.5, -1, -0.3, 0, 0, 0])
  expect(at((v) => f.clip(v, f.neg(f.onesLike(v)), 1))).toEqual([-1, -1, -0.3, 0.2, 1, 1])
})

test('a predicate has no gradient and does not stop the rest', () => {
  const fn = (v: any): any => f.where(f.isFinite(v), f.square(v), 0)
  const pulled = (v: any): any => vjp(fn, v)[1](f.onesLike(v))[0]
  expect(values(pulled, array([2], [3, -1]))).toEqual([6, -2])
})
