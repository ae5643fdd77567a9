import { expect, test } from 'vitest'
import * as f from '../../compiler/lang/index.js'
import { grad } from '../../compiler/transform/index.js'
import { array, close, run, values } from './lang-run.js'

const got = (fn: (...xs: any[]) => any, ...xs: any[]): [readonly number[], number[]] => {
  const [{ shape, data }] = run(fn, ...xs)
  return [shape, data]
}
const m = array([2, 3])

test('axes change places', () => {
  expect(got((x) => f.swapaxes(x, 0, -1), m)).toEqual([
    [3, 2],
    [0, 3, 1, 4, 2, 5],
  ])
  expect(got((x) => f.moveaxis(x, [0, 1], [-1, 0]), array([2, 3, 4]))[0]).toEqual([3, 4, 2])
  expect(got((x) => f.flip(x, 1), m)[1]).toEqual([2, 1, 0, 5, 4, 3])
  expect(got((x) => f.flip(x), m)[1]).toEqual([5, 4, 3, 2, 1, 0])
  expect(got((x) => f.roll(x, 1), m)[1]).toEqual([5, 0, 1, 2, 3, 4])
  expect(got((x) => f.roll(x, [1, -1], [0, 1]), m)[1]).toEqual([4, 5, 3, 1, 2, 0])
  expect(got((x) => f.roll(x, 7, 1), array([2, 0], []))).toEqual([[2, 0], []])
  expect(() => run((x) => f.roll(x, [1, 2, 3], [0, 1]), m)).toThrow('roll: 3 shifts for 2 axes')
})

test('copies stand side by side or in a row', () => {
  expect(got((x) => f.tile(x, [2, 1, 2]), array([2], [1, 2]))).toEqual([
    [2, 1, 4],
    [1, 2, 1, 2, 1, 2, 1, 2],
  ])
  expect(got((x) => f.tile(x, 2), m)).toEqual([
    [2, 6],
    [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5],
  ])
  expect(got((x) => f.tile(x, 0), m)).toEqual([[2, 0], []])
  expect(got((x) => f.repeat(x, 2), array([2]))[1]).toEqual([0, 0, 1, 1])
  expect(got((x) => f.repeat(x, 2, 0), m)[1]).toEqual([0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5])
  expect(() => run((x) => f.tile(x, -1), m)).toThrow('tile: counts must be whole and 0 or more, got [-1]')
})

test('at least so many dims; stacks of vectors', () => {
  const shapes = [[], [3], [2, 3], [2, 3, 4]].map((s) =>
    [f.atLeast1d, f.atLeast2d, f.atLeast3d].map((fn) => got(fn, array(s))[0]),
  )
  expect(shapes).toEqual([
    [[1], [1, 1], [1, 1, 1]],
    [[3], [1, 3], [1, 3, 1]],
    [
      [2, 3],
      [2, 3],
      [2, 3, 1],
    ],
    [
      [2, 3, 4],
      [2, 3, 4],
      [2, 3, 4],
    ],
  ])
  expect(got((x, y) => f.hstack([x, y]), array([2]), array([1], [9]))).toEqual([[3], [0, 1, 9]])
  expect(got((x) => f.hstack([x, x]), m)[0]).toEqual([2, 6])
  expect(got((x, y) => f.vstack([x, y]), m, array([3], [7, 8, 9]))).toEqual([
    [3, 3],
    [0, 1, 2, 3, 4, 5, 7, 8, 9],
  ])
  const both = run((x, y) => f.broadcastArrays([x, y]) as never, array([2, 1]), array([3]))
  expect(both.map((b) => b.data)).toEqual([
    [0, 0, 0, 1, 1, 1],
    [0, 1, 2, 0, 1, 2],
  ])
})

test('pad repeats what its mode says, as often as it takes', () => {
  const line = (mode: any, w: [number, number], n = 3): number[] => values((x) => f.pad(x, [w], mode), array([n]))
  expect(line('edge', [2, 1])).toEqual([0, 0, 0, 1, 2, 2])
  expect(line('reflect', [4, 3])).toEqual([0, 1, 2, 1, 0, 1, 2, 1, 0, 1])
  expect(line('symmetric', [4, 3])).toEqual([2, 2, 1, 0, 0, 1, 2, 2, 1, 0])
  expect(line('wrap', [4, 2])).toEqual([2, 0, 1, 2, 0, 1, 2, 0, 1])
  expect(line('reflect', [2, 2], 1)).toEqual([0, 0, 0, 0, 0])
  expect(line(7, [-1, 2])).toEqual([1, 2, 7, 7])
  expect(line('edge', [-1, 2])).toEqual([1, 2, 2, 2])
  expect(() => line('edge', [1, 0], 0)).toThrow('pad: axis 0 of [0] is empty, so there is nothing to repeat')
  expect(() => line('mirror', [1, 0])).toThrow('pad: expected a number, edge, reflect, symmetric or wrap, got mirror')
  const g = (x: any): any => grad((v: any): any => f.sum(f.square(f.pad(v, [[2, 1]], 'edge'))))(x)
  expect(values(g, array([2], [3, 5]))).toEqual([18, 20])
})

test('diagonals and triangles', () => {
  expect(got((x) => f.diag(x, 1), array([2], [1, 2]))).toEqual([
    [3, 3],
    [0, 1, 0, 0, 0, 2, 0, 0, 0],
  ])
  expect(got((x) => f.diag(x, -1), array([2], [1, 2]))[1]).toEqual([0, 0, 0, 1, 0, 0, 0, 2, 0])
  for (const [k, want] of [
    [0, [0, 4]],
    [1, [1, 5]],
    [-1, [3]],
    [2, [2]],
    [3, []],
    [-2, []],
  ] as [number, number[]][])
    expect(values((x) => f.diag(x, k), m)).toEqual(want)
  expect(got((x) => f.diagonal(x, 0, 2, 0), array([2, 3, 2]))).toEqual([
    [3, 2],
    [0, 7, 2, 9, 4, 11],
  ])
  expect(values((x) => f.trace(x, 1), m)).toEqual([6])
  expect(values((x) => f.tril(x, -1), array([3, 3]))).toEqual([0, 0, 0, 3, 0, 0, 6, 7, 0])
  expect(values((x) => f.triu(x, 1), array([3, 3]))).toEqual([0, 1, 2, 0, 0, 5, 0, 0, 0])
  expect(values((x) => f.trace(x), array([2, 0], []))).toEqual([0])
})

test('products', () => {
  const [a, b] = [array([2], [1, 2]), array([3], [1, 10, 100])]
  expect(got(f.outer as never, a, b)).toEqual([
    [2, 3],
    [1, 10, 100, 2, 20, 200],
  ])
  expect(got(f.inner as never, m, b)).toEqual([[2], [210, 543]])
  expect(got(f.dot as never, m, array([3, 2]))).toEqual([
    [2, 2],
    [10, 13, 28, 40],
  ])
  expect(got(f.dot as never, m, array([], [2]))[1]).toEqual([0, 2, 4, 6, 8, 10])
  expect(got(f.vdot as never, m, array([6]))).toEqual([[], [55]])
  expect(
    got(
      (x, y) =>
        f.tensordot(x, y, [
          [1, 2],
          [1, 0],
        ]),
      array([2, 3, 4]),
      array([4, 3, 5]),
    )[0],
  ).toEqual([2, 5])
  expect(got((x, y) => f.tensordot(x, y, 0), a, b)[0]).toEqual([2, 3])
  expect(got(f.kron as never, a, array([2, 2]))).toEqual([
    [2, 4],
    [0, 1, 0, 2, 2, 3, 4, 6],
  ])
})

test('lines and grids', () => {
  close(
    values(() => f.linspace(1, 2, 5)),
    [1, 1.25, 1.5, 1.75, 2],
  )
  close(
    values(() => f.linspace(0, 1, 4, { endpoint: false })),
    [0, 0.25, 0.5, 0.75],
  )
  expect(values(() => f.linspace(3, 9, 1))).toEqual([3])
  expect(values(() => f.linspace(3, 9, 0))).toEqual([])
  close(
    values(() => f.logspace(0, 3, 4)),
    [1, 10, 100, 1000],
  )
  expect(run(() => f.arange(2, 7, 2))[0]).toEqual({ shape: [3], dtype: 'i32', data: [2, 4, 6] })
  expect(values(() => f.arange(5, 0, -2))).toEqual([5, 3, 1])
  expect(run(() => f.arange(0, 1, 0.25))[0]).toEqual({ shape: [4], dtype: 'f32', data: [0, 0.25, 0.5, 0.75] })
  expect(values(() => f.arange(3, 3))).toEqual([])
  expect(() => run(() => f.arange(0, 3, 0))).toThrow('arange: expected a step that is not 0, got 0')
  const grid = (indexing: 'xy' | 'ij'): number[][] =>
    run((x, y) => f.meshgrid([x, y], { indexing }) as never, array([2]), array([3])).map((g) => g.data)
  expect(grid('ij')).toEqual([
    [0, 0, 0, 1, 1, 1],
    [0, 1, 2, 0, 1, 2],
  ])
  expect(grid('xy')).toEqual([
    [0, 1, 0, 1, 0, 1],
    [0, 0, 1, 1, 2, 2],
  ])
  expect(got(() => f.indices([2, 2]))).toEqual([
    [2, 2, 2],
    [0, 0, 1, 1, 0, 1, 0, 1],
  ])
  expect(got(() => f.indices([]))).toEqual([[0], []])
  expect(got((x) => f.fullLike(x, 4), array([2], [0, 0], 'i32'))[1]).toEqual([4, 4])
})

test('einops: reduce drops axes, repeat adds them', () => {
  const image = array([1, 4, 4, 1])
  expect(got((x) => f.reduce(x, 'b (h 2) (w 2) c -> b h w c', 'max'), image)).toEqual([
    [1, 2, 2, 1],
    [5, 7, 13, 15],
  ])
  expect(got((x) => f.reduce(x, 'b h w c -> c b', 'mean'), image)).toEqual([[1, 1], [7.5]])
  expect(got((x) => f.reduce(x, 'b (h k) w c -> b h 1 c', 'sum', { k: 4 }), image)).toEqual([[1, 1, 1, 1], [120]])
  expect(got((x) => f.reduce(x, 'a b -> b', 'any'), array([2, 2], [0, 1, 0, 0], 'bool'))[1]).toEqual([0, 1])
  expect(got((x) => f.repeat(x, 'h w -> h (w 2)'), m)[1]).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
  expect(got((x) => f.repeat(x, 'h w -> (k h) w', { k: 2 }), m)[1]).toEqual([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5])
  expect(got((x) => f.repeat(x, 'h w -> w 1 2 h'), m)).toEqual([
    [3, 1, 2, 2],
    [0, 3, 0, 3, 1, 4, 1, 4, 2, 5, 2, 5],
  ])
  expect(() => run((x) => f.reduce(x, 'a b -> a', 'max'), array([2, 0], []))).toThrow(
    'reduce: axis 1 of [2, 0] has nothing to choose from',
  )
  expect(() => run((x) => f.reduce(x, 'a b -> a', 'median' as never), m)).toThrow('reduce: expected sum, mean')
})
