import { describe, expect, test } from 'vitest'
import {
  at,
  bincount,
  mul,
  nonzero,
  oneHot,
  segmentMax,
  segmentMin,
  segmentProd,
  segmentSum,
  sum,
  take,
  takeAlongAxis,
} from '../../compiler/lang/index.js'
import type { AnyTensor } from '../../compiler/ops/op.js'
import { grad, vmap } from '../../compiler/transform/index.js'
import jax from './jax-indexing.json' with { type: 'json' }
import { array, run, values } from './lang-run.js'

const numbers = (xs: readonly (number | string)[]): number[] => xs.map(Number)
const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)
const near = (got: readonly number[], want: readonly (number | string)[]): void => {
  expect(got.length).toBe(want.length)
  got.forEach((v, i) => {
    if (Number.isFinite(Number(want[i]))) expect(v).toBeCloseTo(Number(want[i]), 5)
    else expect(v).toBe(Number(want[i]))
  })
}
const counting = (shape: readonly number[]) =>
  array(
    shape,
    Array.from({ length: size(shape) }, (_, i) => i + 1),
  )

/** jax-indexing.json: x.at[index] of an array of small integers with ties, its updates with small integers, and gradients of Σ (i + 1) yᵢ. */
describe('at: values and gradients are those of JAX', () => {
  const methods = ['set', 'add', 'mul', 'max', 'min'] as const
  for (const c of jax.at)
    test(`[${c.shape}] at ${JSON.stringify(c.index)}`, () => {
      const tables = c.index.flatMap((e) => (typeof e === 'object' && 't' in e ? [array(e.shape!, e.t, 'i32')] : []))
      const x = array(
        c.shape,
        Array.from({ length: size(c.shape) }, (_, i) => ((i * 7 + 3) % 5) - 2),
      )
      const v = array(
        c.rshape,
        Array.from({ length: size(c.rshape) }, (_, i) => ((i * 5 + 1) % 4) - 1),
      )
      const indexed = (t: AnyTensor, ids: AnyTensor[]): any => {
        let next = 0
        return at(t, c.index.map((e) => (typeof e === 'object' && 't' in e ? ids[next++] : e)) as any)
      }
      const got = run((t, ...ids) => indexed(t, ids).get(), x, ...tables)[0]
      expect(got.shape).toEqual(c.rshape)
      near(got.data, c.get)
      near(
        values((t, ...ids) => indexed(t, ids).get({ mode: 'fill' }), x, ...tables),
        c.fill,
      )
      const slope = run(
        (t, w, ...ids) => grad((y: any) => sum(mul(indexed(y, ids).get(), w) as any) as any)(t) as any,
        x,
        counting(c.rshape),
        ...tables,
      )
      // Where a place was moved into its axis JAX drops the derivative of what it reads.
      const isMoved = c.fill.some((y, i) => y !== c.get[i])
      if (!isMoved) near(slope[0].data, c.getGrad)
      for (const m of methods) {
        near(run((t, u, ...ids) => indexed(t, ids)[m](u), x, v, ...tables)[0].data, c[m])
        const want = c[`${m}Grad` as 'setGrad'] as (number | string)[][] | undefined
        if (!want) continue
        const f = (t: any, u: any, w: any, ...ids: any[]): any =>
          grad(((a: any, b: any) => sum(mul(indexed(a, ids)[m](b), w) as any)) as any, { argnums: [0, 1] })(t, u)
        const [gx, gv] = run(f, x, v, counting(c.shape), ...tables)
        near(gx.data, want[0])
        near(gv.data, want[1])
      }
    })
})

test('a product of several updates has a derivative, zeros or not', () => {
  const [x, ids] = [array([2], [2, 3]), array([4], [0, 0, 1, 1], 'i32')]
  const f = (t: any, u: any, i: any): any => grad(((v: any) => sum(at(t, i).mul(v) as any)) as any)(u)
  expect(run(f, x, array([4], [4, 5, 6, 7]), ids)[0].data).toEqual([10, 8, 21, 18])
  expect(run(f, x, array([4], [0, 5, 0, 0]), ids)[0].data).toEqual([10, 0, 0, 0])
})

test('the same under vmap', () => {
  const [x, ids] = [array([2, 3]), array([2, 2], [0, 2, 1, 1], 'i32')]
  const each = (m: 'set' | 'add' | 'max') => (t: any, i: any) =>
    vmap((a: any, b: any) => (at(a, b) as any)[m](9))(t, i) as any
  expect(run(each('set'), x, ids)[0].data).toEqual([9, 1, 9, 3, 9, 5])
  expect(run(each('add'), x, ids)[0].data).toEqual([9, 1, 11, 3, 22, 5])
  expect(run(each('max'), x, ids)[0].data).toEqual([9, 1, 9, 3, 9, 5])
})

test('take and takeAlongAxis on any axis, in all modes', () => {
  const [x, ids] = [array([2, 3], [1, 2, 3, 4, 5, 6]), array([4], [5, -1, -7, 1], 'i32')]
  for (const { axis, mode, y } of jax.take)
    expect(run((t, i) => take(t, i, axis, { mode: mode as 'fill' }), x, ids)[0].data).toEqual(numbers(y))
  const places = array([2, 2], [0, -1, 3, -4], 'i32')
  for (const { mode, y } of jax.along)
    expect(run((t, i) => takeAlongAxis(t, i, 1, { mode: mode as 'fill' }), x, places)[0].data).toEqual(numbers(y))
  expect(run((t, i) => take(t, i), array([3], [1, 2, 3], 'i32'), array([3], [-1, 3, -4], 'i32'))[0].data).toEqual([
    3, 0, 0,
  ])
})

describe('segments', () => {
  const functions = { sum: segmentSum, prod: segmentProd, max: segmentMax, min: segmentMin }
  test('values are those of JAX', () => {
    const data = array([6], [1, 5, 2, 2, 7, Number.NaN])
    const ids = array([6], [0, 2, 2, 0, -1, 9], 'i32')
    for (const [name, f] of Object.entries(functions))
      expect(run((d, i) => f(d, i, 4) as any, data, ids)[0].data).toEqual(numbers(jax.segment[name as 'sum']))
    expect(run((d, i) => segmentMax(d, i, 2), array([2], [1, 2], 'i32'), array([2], [0, 0], 'i32'))[0].data).toEqual(
      jax.segment.intmax,
    )
  })
  test('gradients are those of JAX', () => {
    const [data, ids] = [array([5], [1, 5, 5, 1, 2]), array([5], [0, 1, 1, 0, 1], 'i32')]
    for (const [name, want] of Object.entries(jax.segmentGrad)) {
      const f = functions[name as 'sum']
      const slope = (d: any, i: any, w: any): any => grad(((v: any) => sum(mul(f(v, i, 2) as any, w) as any)) as any)(d)
      expect(run(slope, data, ids, array([2], [1, 2]))[0].data).toEqual(want)
    }
  })
  test('bincount and oneHot', () => {
    const x = array([5], [0, -1, 2, 2, 7], 'i32')
    expect(values((t) => bincount(t, 4), x)).toEqual(jax.bincount.plain)
    const weights = array([5], [0.5, 1, 2, 3, 4])
    expect(run((t, w) => bincount(t, 4, w), array([5], [0, 1, 2, 2, 7], 'i32'), weights)[0].data).toEqual(
      jax.bincount.weights,
    )
    expect(values((t) => oneHot(t, 3), array([4], [0, -1, 3, 2], 'i32'))).toEqual(jax.oneHot)
  })
})

test('nonzero of a size', () => {
  for (const { x, size: count, fill, y } of jax.nonzero) {
    const shape = Array.isArray(x[0]) ? [x.length, x[0].length] : [x.length]
    const got = run((t) => nonzero(t, { size: count, fillValue: fill }) as any, array(shape, x.flat() as number[]))
    expect(got.map((r) => r.data)).toEqual(y)
  }
})
