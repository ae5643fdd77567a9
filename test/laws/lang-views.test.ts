import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  arange,
  broadcastTo,
  concat,
  expandDims,
  eye,
  flatten,
  oneHot,
  pad,
  rearrange,
  reshape,
  slice,
  split,
  squeeze,
  stack,
  take,
  transpose,
  tri,
} from '../../compiler/lang/index.js'
import { array, opsOf, run, values } from './lang-run.js'

const shapeOf = (f: (x: any) => any, ...shape: number[]): readonly number[] => run(f, array(shape))[0].shape

test('reshape, flatten, expandDims and squeeze keep the elements', () => {
  expect(shapeOf((x) => reshape(x, [-1, 4]), 2, 6)).toEqual([3, 4])
  expect(shapeOf(flatten, 2, 3)).toEqual([6])
  expect(shapeOf((x) => expandDims(x, [0, -1]), 2, 3)).toEqual([1, 2, 3, 1])
  expect(shapeOf((x) => expandDims(x, 1), 2, 3)).toEqual([2, 1, 3])
  expect(shapeOf((x) => squeeze(x, [1, -1]), 2, 1, 3, 1)).toEqual([2, 3])
  expect(shapeOf((x) => squeeze(x), 2, 1, 3, 1)).toEqual([2, 3])
  expect(opsOf((x) => reshape(x, [2, -1]), array([2, 3]))).toEqual([])
  expect(() => shapeOf((x) => reshape(x, [-2, -3]), 2, 3)).toThrow(
    'reshape: expected a shape of whole sizes, got [-2, -3]',
  )
  expect(() => shapeOf((x) => reshape(x, [-1, 0]), 2, 3)).toThrow('6 elements are not divisible by 0')
})

test('transpose and broadcastTo', () => {
  expect(values((x) => transpose(x), array([2, 3]))).toEqual([0, 3, 1, 4, 2, 5])
  expect(shapeOf((x) => transpose(x, [0, -1, 1]), 2, 3, 4)).toEqual([2, 4, 3])
  expect(opsOf((x) => transpose(x, [0, 1]), array([2, 3]))).toEqual([])
  expect(values((x) => broadcastTo(x, [2, 2, 2]), array([2, 1]))).toEqual([0, 0, 1, 1, 0, 0, 1, 1])
  expect(() => shapeOf((x) => broadcastTo(x, [4, 1] as any), 8)).toThrow('dim 8 vs 1')
})

test('slice, pad, concat and stack', () => {
  expect(values((x) => slice(x, [0, 1], [2, 4], [1, 2]), array([2, 4]))).toEqual([1, 3, 5, 7])
  expect(
    values(
      (x) =>
        pad(
          x,
          [
            [1, 0],
            [0, 1],
          ],
          9,
        ),
      array([1, 2]),
    ),
  ).toEqual([9, 9, 9, 0, 1, 9])
  expect(values((x) => concat([x, x], -1), array([2, 1]))).toEqual([0, 0, 1, 1])
  expect(run((x) => stack([x, x], -1), array([2]))[0]).toEqual({ shape: [2, 2], dtype: 'f32', data: [0, 0, 1, 1] })
  expect(run((x) => stack([x, x]), array([2]))[0].data).toEqual([0, 1, 0, 1])
})

test('split is undone by concat', () => {
  const cuts = fc.array(fc.nat({ max: 6 }), { maxLength: 3 }).map((c) => c.sort((a, b) => a - b))
  fc.assert(
    fc.property(cuts, fc.constantFrom(0, 1, -1), (at, axis) => {
      const x = array([6, 6])
      expect(values((y) => concat(split(y, at, axis) as any, axis), x)).toEqual([...x.data])
    }),
  )
  expect(run((x) => split(x, 3, -1) as any, array([2, 6])).map((p) => p.data)).toEqual([
    [0, 1, 6, 7],
    [2, 3, 8, 9],
    [4, 5, 10, 11],
  ])
})

describe('rearrange', () => {
  test('splits, reorders and merges', () => {
    // Patches of a 4×4 image, 2×2 each.
    const patches = values((x) => rearrange(x, '(h p) (w q) -> (h w) (p q)', { p: 2, q: 2 }), array([4, 4]))
    expect(patches).toEqual([0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15])
    expect(shapeOf((x) => rearrange(x, 'b 1 d -> d b 1'), 2, 1, 3)).toEqual([3, 2, 1])
    expect(shapeOf((x) => rearrange(x, 'a b -> () (a b)'), 2, 3)).toEqual([1, 6])
    expect(opsOf((x) => rearrange(x, 'a b -> a b'), array([2, 3]))).toEqual([])
  })
  test('is undone by the pattern the other way', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(['a', 'b', 'c', 'd'], { minLength: 4 }), fc.nat({ max: 4 }), (order, cut) => {
        const [from, to] = ['a b c d', `(${order.slice(0, cut).join(' ')}) ${order.slice(cut).join(' ')}`]
        const sizes = { a: 2, b: 3, c: 1, d: 2 }
        const x = array([2, 3, 1, 2])
        const there = (y: any): any => rearrange(y, `${from} -> ${to}`, sizes)
        expect(values((y) => rearrange(there(y), `${to} -> ${from}`, sizes) as any, x)).toEqual([...x.data])
      }),
    )
  })
})

test('lookup and creation', () => {
  const table = array([3, 2])
  expect(run((t, i) => take(t, i), table, array([2, 1], [2, 0], 'i32'))[0]).toEqual({
    shape: [2, 1, 2],
    dtype: 'f32',
    data: [4, 5, 0, 1],
  })
  expect(values((i) => oneHot(i, 3), array([3], [1, 2, 5], 'i32'))).toEqual([0, 1, 0, 0, 0, 1, 0, 0, 0])
  expect(run(() => arange(4))[0]).toEqual({ shape: [4], dtype: 'i32', data: [0, 1, 2, 3] })
  expect(values(() => eye(2))).toEqual([1, 0, 0, 1])
  expect(values(() => tri(2, 3))).toEqual([1, 0, 0, 1, 1, 0])
  expect(values(() => tri(2, 3, 1))).toEqual([1, 1, 0, 1, 1, 1])
})
