import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.js'
import { argsort, mul, searchsorted, sort, sum, topK } from '../../compiler/lang/index.js'
import * as p from '../../compiler/ops/prim.js'
import { expand } from '../../compiler/pass/expand.js'
import { grad, vmap } from '../../compiler/transform/index.js'
import jax from './jax-sort.json' with { type: 'json' }
import { array, opsOf, run, traced, values } from './lang-run.js'

const numbers = (xs: readonly (number | string)[]): number[] => xs.map(Number)
const weights = (n: number) =>
  array(
    [n],
    Array.from({ length: n }, (_, i) => i + 1),
  )

/** jax-sort.json: jnp.sort and argsort (stable) of lines with NaN, infinities, ±0 and ties, jnp.searchsorted, lax.top_k, and gradients of Σ (i + 1) yᵢ. */
describe('values and gradients are those of JAX', () => {
  for (const { x: line, descending, sorted, order, grad: slope } of jax.sort)
    test(`sort and argsort of [${line}]${descending ? ' descending' : ''}`, () => {
      const x = array([line.length], numbers(line))
      // Of 0 and -0, which are equal, JAX puts the last first when it sorts down.
      const plain = (ys: number[]): number[] => ys.map((y) => y + 0)
      expect(plain(values((t) => sort(t, 0, { descending }), x))).toEqual(plain(numbers(sorted)))
      expect(values((t) => argsort(t, 0, { descending }), x)).toEqual(numbers(order))
      const weighted = (t: any, w: any): any => sum(mul(sort(t) as any, w) as any)
      if (!descending)
        expect(run((t, w) => grad(weighted)(t, w) as any, x, weights(line.length))[0].data).toEqual(numbers(slope))
    })
  for (const { sorted, values: wanted, side, y } of jax.searchsorted)
    test(`searchsorted in [${sorted}] on the ${side}`, () => {
      const [s, v] = [array([sorted.length], numbers(sorted)), array([wanted.length], numbers(wanted))]
      expect(run((a, b) => searchsorted(a, b, { side: side as 'left' }), s, v)[0].data).toEqual(numbers(y))
    })
  test('topK', () => {
    const x = array([2, 5], numbers(jax.topK.x))
    const [best, indices] = run((t) => Object.values(topK(t, 3)) as any, x)
    expect(best.data).toEqual(numbers(jax.topK.values))
    expect(indices.data).toEqual(numbers(jax.topK.indices))
    const weighted = (t: any, w: any): any => sum(mul(topK(t, 3).values as any, w) as any)
    expect(run((t, w) => grad(weighted)(t, w) as any, x, weights(3))[0].data).toEqual(numbers(jax.topK.grad))
  })
})

test('several tensors go in the order of the first, of any dtype', () => {
  const [keys, other] = [array([2, 3], [1, 0, 1, 3, 3, 2], 'i32'), array([2, 3])]
  const [k, v] = run((a, b) => sort([a, b], 1) as any, keys, other)
  expect(k).toEqual({ shape: [2, 3], dtype: 'i32', data: [0, 1, 1, 2, 3, 3] })
  expect(v).toEqual({ shape: [2, 3], dtype: 'f32', data: [1, 0, 2, 5, 3, 4] })
  expect(
    run((a, b) => sort([a, b], 0, { descending: true }) as any, array([2], [0, 1], 'bool'), array([2]))[1].data,
  ).toEqual([1, 0])
  expect(opsOf((a, b) => sort([a, b]), keys, other).filter((op) => op === 'argsort').length).toBe(1)
})

test('axes, and a batch of them', () => {
  const x = array([3, 2], [3, 0, 1, 5, 2, 4])
  expect(values((t) => sort(t, 0), x)).toEqual([1, 0, 2, 4, 3, 5])
  expect(values((t) => topK(t, 1, 0).values, x)).toEqual([3, 5])
  expect(values((t) => vmap((row: any) => sort(row, 0) as any)(t) as any, x)).toEqual([0, 3, 1, 5, 2, 4])
})

test('the first of a long line are those of the whole order, ties, NaN and all', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 65, max: 900 }),
      fc.nat(),
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 12 }),
      fc.nat(),
      (n, k, lines, descending, kinds, seed) => {
        // Few of many: shorter lines are sorted whole.
        const count = 1 + (k % Math.floor(n / 64))
        const some = [0, -0, 1, Number.NaN, Number.POSITIVE_INFINITY, -2, Number.NEGATIVE_INFINITY, 3, -1, 2, 5, -5]
        const at = (i: number): number => (Math.imul(i + seed, 0x9e3779b1) >>> 8) % kinds
        const x = array(
          [lines, n],
          Array.from({ length: lines * n }, (_, i) => some[at(i)]),
        )
        const [chosen, whole] = [count, undefined].map(
          (c) => interpret(expand(traced((t) => p.argsort(t, 1, descending, c), [x])), [x])[0].data,
        )
        for (let l = 0; l < lines; l++)
          expect(chosen.slice(l * count, (l + 1) * count)).toEqual(whole.slice(l * n, l * n + count))
      },
    ),
    { numRuns: 25 },
  )
})
