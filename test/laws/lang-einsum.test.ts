import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { einsum, matmul } from '../../compiler/lang/index.js'
import { array, opsOf, run, values } from './lang-run.js'

/** The definition: for each index of all axes, the product of the operands' elements is added to the result's. */
function naive(
  terms: string[][],
  out: string[],
  sizes: Record<string, number>,
  data: readonly Float64Array[],
): number[] {
  const axes = [...new Set(terms.flat())]
  const offset = (names: string[], at: Record<string, number>): number =>
    names.reduce((n, a) => n * sizes[a] + at[a], 0)
  const result = new Array<number>(out.reduce((n, a) => n * sizes[a], 1)).fill(0)
  const walk = (i: number, at: Record<string, number>): void => {
    if (i < axes.length) for (let v = 0; v < sizes[axes[i]]; v++) walk(i + 1, { ...at, [axes[i]]: v })
    else result[offset(out, at)] += terms.reduce((p, t, k) => p * data[k][offset(t, at)], 1)
  }
  walk(0, {})
  return result
}

describe('einsum', () => {
  const letters = ['a', 'b', 'c', 'd']
  const specs = fc
    .record({
      sizes: fc.tuple(...letters.map(() => fc.integer({ min: 1, max: 3 }))),
      terms: fc.array(fc.shuffledSubarray(letters), { minLength: 1, maxLength: 3 }),
      out: fc.shuffledSubarray(letters),
      spaced: fc.boolean(),
    })
    .map(({ sizes, terms, out, spaced }) => ({
      sizes: Object.fromEntries(letters.map((a, i) => [a, sizes[i]])),
      terms,
      out: out.filter((a) => terms.flat().includes(a)),
      spaced,
    }))
  test('is its definition, for any terms', () => {
    fc.assert(
      fc.property(specs, ({ sizes, terms, out, spaced }) => {
        const term = (t: string[]): string => t.join(spaced ? ' ' : '')
        const inputs = terms.map((t, k) => {
          const shape = t.map((a) => sizes[a])
          const n = shape.reduce((m, d) => m * d, 1)
          return array(
            shape,
            Array.from({ length: n }, (_, i) => ((i * 7 + k * 3) % 11) - 5),
          )
        })
        const spec = `${terms.map(term).join(', ')} -> ${term(out)}`
        const [got] = run((...xs) => einsum(spec, ...xs), ...inputs)
        expect(got.shape).toEqual(out.map((a) => sizes[a]))
        const want = naive(
          terms,
          out,
          sizes,
          inputs.map((x) => x.data),
        )
        expect(got.data.map((v) => v + 0)).toEqual(want.map((v) => v + 0))
      }),
      { numRuns: 300 },
    )
  })
  test('becomes one dot, transposed only when no order of operands fits', () => {
    expect(opsOf((a, b) => einsum('b q d, b k d -> b q k', a, b), array([2, 3, 4]), array([2, 5, 4]))).toEqual([
      'dotGeneral',
    ])
    expect(opsOf((a, b) => einsum('ij,jk->ki', a, b), array([2, 3]), array([3, 4]))).toEqual(['dotGeneral'])
    expect(opsOf((a, b) => einsum('bij,jk->ibk', a, b), array([2, 3, 4]), array([4, 5]))).toEqual([
      'dotGeneral',
      'transpose',
    ])
  })
  test('sums nothing when every axis stays', () => {
    expect(opsOf((a, b) => einsum('ij,ij->ij', a, b), array([2, 3]), array([2, 3]))).toEqual(['mul'])
    expect(values((a, b) => einsum('i,j->ij', a, b), array([2], [1, 2]), array([2], [3, 5]))).toEqual([3, 5, 6, 10])
  })
})

describe('matmul', () => {
  test('multiplies matrices, with batch dims that broadcast', () => {
    expect(values(matmul as any, array([2, 2], [1, 2, 3, 4]), array([2, 1], [5, 6]))).toEqual([17, 39])
    const [y] = run(matmul as any, array([2, 1, 1, 2]), array([3, 2, 1]))
    expect(y).toEqual({ shape: [2, 3, 1, 1], dtype: 'f32', data: [1, 3, 5, 3, 13, 23] })
  })
  test('is one op when only the left has batch dims', () => {
    expect(opsOf(matmul as any, array([4, 2, 3]), array([3, 5]))).toEqual(['dotGeneral'])
    expect(run(matmul as any, array([4, 2, 3]), array([3, 5]))[0].shape).toEqual([4, 2, 5])
  })
})
