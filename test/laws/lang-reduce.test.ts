import { describe, expect, test } from 'vitest'
import {
  argmax,
  exp,
  logSoftmax,
  logSumExp,
  max,
  mean,
  min,
  mul,
  prod,
  softmax,
  sum,
  variance,
} from '../../compiler/lang/index.js'
import { grad } from '../../compiler/transform/index.js'
import type { F } from '../types/shapes.js'
import { array, close, opsOf, run, values } from './lang-run.js'

describe('axes', () => {
  const x = array([2, 3, 2])
  test('one, several, all; negative ones count from the back', () => {
    expect(run((t) => sum(t, 1), x)[0]).toEqual({ shape: [2, 2], dtype: 'f32', data: [6, 9, 24, 27] })
    expect(run((t) => sum(t, [-1, 0]), x)[0]).toEqual({ shape: [3], dtype: 'f32', data: [14, 22, 30] })
    expect(run((t) => sum(t), x)[0]).toEqual({ shape: [], dtype: 'f32', data: [66] })
    expect(run((t) => max(t, [2, 1], { keepdims: true }), x)[0]).toEqual({
      shape: [2, 1, 1],
      dtype: 'f32',
      data: [5, 11],
    })
    expect(run((t) => min(t, undefined, { keepdims: true }), x)[0]).toEqual({
      shape: [1, 1, 1],
      dtype: 'f32',
      data: [0],
    })
    expect(opsOf((t) => sum(t, []), x)).toEqual([])
  })
  test('argmax names the first, or a place in the flattened tensor', () => {
    const y = array([2, 3], [1, 5, 5, 9, 2, 9])
    expect(run((t) => argmax(t, -1), y)[0]).toEqual({ shape: [2], dtype: 'i32', data: [1, 0] })
    expect(run((t) => argmax(t), y)[0]).toEqual({ shape: [], dtype: 'i32', data: [3] })
    expect(run((t) => argmax(t, 0, { keepdims: true }), y)[0].shape).toEqual([1, 3])
  })
})

test('mean, variance and prod', () => {
  const x = array([2, 2], [1, 3, 2, 6])
  expect(values((t) => mean(t, 1), x)).toEqual([2, 4])
  expect(values((t) => variance(t, 1), x)).toEqual([1, 4])
  expect(values((t) => prod(t, 0), x)).toEqual([2, 18])
  // Far from zero nothing cancels.
  expect(values((t) => variance(t), array([2], [1e8, 1e8 + 2]))).toEqual([1])
})

describe('logSumExp', () => {
  const at = (...row: number[]): number => values((t) => logSumExp(t, -1), array([row.length], row))[0]
  test('does not overflow and keeps infinities', () => {
    expect(at(1000, 1000)).toBeCloseTo(1000 + Math.log(2), 9)
    expect(at(-1000, -1000)).toBeCloseTo(-1000 + Math.log(2), 9)
    expect(at(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY)).toBe(Number.NEGATIVE_INFINITY)
    expect(at(0, Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY)
    expect(at(Number.NEGATIVE_INFINITY, 3)).toBe(3)
  })
  test('has softmax for its gradient, also where the largest is not alone', () => {
    for (const row of [
      [1, 2, 3],
      [2, 2, 0],
    ]) {
      const x = array([3], row)
      const want = values((t) => softmax(t), x)
      close(values(grad((t: F<[3]>) => logSumExp(t)) as never, x), want, 12)
    }
  })
})

test('softmax and logSoftmax', () => {
  const x = array([2, 3], [0, 1, 2, 5, 5, 5])
  close(
    values((t) => sum(softmax(t, 1), 1), x),
    [1, 1],
    12,
  )
  close(
    values((t) => exp(logSoftmax(t, 0)), x),
    values((t) => softmax(t, 0), x),
    12,
  )
  expect(() => values((t) => softmax(mul(t, 2), 2), x)).toThrow('softmax: axis 2 is out of range for [2, 3]')
})
