import { describe, expect, test } from 'vitest'
import * as f from '../../compiler/lang/index.js'
import { grad } from '../../compiler/transform/index.js'
import { checkGrads } from '../../stdlib/testing/check-grads.js'
import { hostTensor } from '../../stdlib/testing/values.js'
import { array, close, run, values } from './lang-run.js'

const NAN = Number.NaN
const m = array([2, 3], [1, 5, 3, -2, 0, 4])

test('any, all and counts, of nothing too', () => {
  const b = array([2, 3], [1, 0, 1, 1, 1, 1], 'bool')
  expect(run((x) => f.any(x, 1), b)[0]).toEqual({ shape: [2], dtype: 'bool', data: [1, 1] })
  expect(values((x) => f.all(x, 1, { keepdims: true }), b)).toEqual([0, 1])
  expect(values((x) => f.countNonzero(x), b)).toEqual([5])
  expect(values((x) => f.countNonzero(x, 0), m)).toEqual([2, 1, 2])
  const nothing = array([2, 0], [], 'bool')
  expect(values((x) => f.any(x, 1), nothing)).toEqual([0, 0])
  expect(values((x) => f.all(x, 1), nothing)).toEqual([1, 1])
})

test('variance, std, norm, average and ptp', () => {
  close(
    values((x) => f.variance(x, 1, { ddof: 1 }), m),
    [4, 28 / 3],
  )
  close(
    values((x) => f.std(x), m),
    [Math.sqrt(41 / 6 + (9.166666666666666 - 41 / 6 - (11 / 6) ** 2))],
  )
  close(
    values((x) => f.norm(x, 1), m),
    [Math.sqrt(35), Math.sqrt(20)],
  )
  close(
    values((x) => f.norm(x, 0, { ord: 1 }), m),
    [3, 5, 7],
  )
  close(
    values((x) => f.norm(x, 0, { ord: Infinity }), m),
    [2, 5, 4],
  )
  close(
    values((x) => f.norm(x, 1, { ord: 0 }), m),
    [3, 2],
  )
  close(
    values((x) => f.norm(x, 1, { ord: 3 }), m),
    [Math.cbrt(153), Math.cbrt(72)],
  )
  close(
    values((x) => f.ptp(x, 1), m),
    [4, 6],
  )
  close(
    values((x, w) => f.average(x, 1, { weights: w }), m, array([3], [1, 1, 2])),
    [3, 1.5],
  )
  close(
    values((x, w) => f.average(x, undefined, { weights: w }), m, array([2, 3], [1, 0, 0, 0, 0, 1])),
    [2.5],
  )
  expect(() => run((x, w) => f.average(x, 1, { weights: w }), m, array([2]))).toThrow(
    'average: expected weights of [2, 3] or of one axis of it, got [2]',
  )
})

test('what is not a number is left out, or comes first', () => {
  const x = array([3, 3], [1, NAN, 3, NAN, NAN, NAN, 4, 9, 2])
  expect(values((v) => f.nanSum(v, 1), x)).toEqual([4, 0, 15])
  expect(values((v) => f.nanMean(v, 1), x)).toEqual([2, NAN, 5])
  expect(values((v) => f.nanMax(v, 1), x)).toEqual([3, NAN, 9])
  expect(values((v) => f.nanMin(v, 1), x)).toEqual([1, NAN, 2])
  expect(values((v) => f.argmax(v, 1), x)).toEqual([1, 0, 1])
  expect(values((v) => f.argmin(v, 1), x)).toEqual([1, 0, 2])
  expect(values((v) => f.max(v, 1), x)).toEqual([NAN, NAN, 9])
})

test('nothing has no largest, and axes beside it are free', () => {
  const none = array([2, 0], [])
  for (const [op, fn] of Object.entries({ max: f.max, min: f.min, ptp: f.ptp, argmax: f.argmax, argmin: f.argmin })) {
    expect(() => run((x) => (fn as any)(x, -1), none)).toThrow(`${op}: axis 1 of [2, 0] has nothing to choose from`)
    expect(run((x) => (fn as any)(x, 0), none)[0].shape).toEqual([0])
  }
  expect(values((x) => f.sum(x, 1), none)).toEqual([0, 0])
  expect(values((x) => f.prod(x, 1), none)).toEqual([1, 1])
  expect(values((x) => f.mean(x, 1), none)).toEqual([NAN, NAN])
})

describe('softmax and logSumExp', () => {
  const mask = array([2, 3], [1, 1, 0, 0, 0, 0], 'bool')
  test('count what the mask shows', () => {
    const e = 1 / (1 + Math.exp(4))
    close(
      values((x, w) => f.softmax(x, -1, { where: w }), m, mask),
      [e, 1 - e, 0, 0, 0, 0],
    )
    expect(values((x, w) => f.logSoftmax(x, -1, { where: w }), m, mask).slice(2)).toEqual(Array(4).fill(-Infinity))
  })
  test('a row without anything to see has gradient 0', () => {
    const g = (x: any, w: any): any => grad((v: any): any => f.sum(f.square(f.softmax(v, -1, { where: w }))))(x)
    expect(values(g, m, mask).slice(2).map(Math.abs)).toEqual([0, 0, 0, 0])
  })
  test('take weights', () => {
    const want = [2 * Math.E + Math.exp(5) * 0 + Math.exp(3), 2 * Math.exp(-2) + Math.exp(4)].map(Math.log)
    close(
      values((x, b) => f.logSumExp(x, 1, { b }), m, array([3], [2, 0, 1])),
      want,
    )
  })
})

test('derivatives agree with finite differences', async () => {
  const functions = {
    std: (x: any) => f.std(x, 1, { ddof: 1 }),
    norm: (x: any) => f.norm(x, 1, { ord: 3 }),
    average: (x: any) => f.average(x, 0, { weights: f.square(x) }),
    nanMax: (x: any) => f.nanMax(x, 1),
    weighted: (x: any) => f.logSumExp(x, 1, { b: f.square(x) }),
  }
  for (const fn of Object.values(functions)) await checkGrads(fn as never, [hostTensor(m)], { rtol: 1e-5, atol: 1e-6 })
})

describe('median, quantile and percentile are those of jax.numpy', () => {
  const x = array([3, 4], [3, 1, 2, 9, 5, -1, 4, 0, 7, 2, 8, 6])
  // [jnp.quantile(x, q), jnp.quantile(x, q, axis=0), jnp.quantile(x, q, axis=1)]
  test.each([
    [0, [-1], [3, -1, 2, 0], [1, -1, 2]],
    [0.25, [1.75], [4, 0, 3, 3], [1.75, -0.25, 5]],
    [0.5, [3.5], [5, 1, 4, 6], [2.5, 2, 6.5]],
    [0.9, [7.9], [6.6, 1.8, 7.2, 8.4], [7.2, 4.7, 7.7]],
    [1, [9], [7, 2, 8, 9], [9, 5, 8]],
  ])('%s', (q, all, first, second) => {
    for (const [axis, want] of [
      [undefined, all],
      [0, first],
      [-1, second],
    ] as const) {
      close(
        values((t) => f.quantile(t, q, axis), x),
        want,
      )
      close(
        values((t) => f.percentile(t, 100 * q, axis), x),
        want,
      )
      if (q === 0.5)
        close(
          values((t) => f.median(t, axis), x),
          want,
        )
    }
    expect(run((t) => f.quantile(t, q, [1, 0], { keepdims: true }) as any, x)[0].shape).toEqual([1, 1])
  })

  test('NaN, infinities, f16 and lines of one', () => {
    expect(values((t) => f.median(t), array([3], [1, NAN, 2]))).toEqual([NAN])
    expect(values((t) => f.quantile(t, 0), array([3], [1, NAN, 2]))).toEqual([NAN])
    expect(values((t) => f.median(t, 1), array([2, 2], [1, NAN, 3, 4]))).toEqual([NAN, 3.5])
    const inf = Number.POSITIVE_INFINITY
    expect(values((t) => f.median(t), array([3], [1, 2, inf]))).toEqual([2])
    expect(values((t) => f.median(t), array([2], [inf, inf]))).toEqual([inf])
    expect(values((t) => f.median(t), array([1], [7]))).toEqual([7])
    expect(run((t) => f.median(t) as any, array([2], [1, 2], 'f16'))[0]).toEqual({
      shape: [],
      dtype: 'f16',
      data: [1.5],
    })
  })

  test('derivatives, of jax.grad', () => {
    const weights = array([3], [1, 2, 3])
    const slope = (t: any, w: any): any => grad((y: any) => f.sum(f.mul(f.quantile(y, 0.3, 1), w) as any))(t)
    close([...run(slope, x, weights)[0].data], [0, 0.1, 0.9, 0, 0, 0.2, 0, 1.8, 0, 0.3, 0, 2.7])
  })

  test('a share outside 0 and 1', () => {
    expect(() => values((t) => f.quantile(t, 1.5), x)).toThrow('quantile: expected a number from 0 to 1, got 1.5')
    expect(() => values((t) => f.percentile(t, -1), x)).toThrow('percentile: expected a number from 0 to 100, got -1')
  })
})
