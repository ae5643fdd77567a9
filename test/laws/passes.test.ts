import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from '../../compiler/ir/parse.js'
import { print } from '../../compiler/ir/print.js'
import type { Fn } from '../../compiler/ir/types.js'
import { verify } from '../../compiler/ir/verify.js'
import { cse } from '../../compiler/pass/cse.js'
import { dce } from '../../compiler/pass/dce.js'
import { simplify } from '../../compiler/pass/simplify.js'
import { adjoint } from './adjoint.js'
import { keepsMeaning, traced } from './keeps-meaning.js'
import { programs } from './programs.js'

const all = (fn: Fn): Fn => dce(cse(simplify(fn)))
const text = (fn: Fn): string => print(fn, { places: false })
/** The equations left of a body by a pass, as text. `%0` is f32[2,3], `%1` is bool[2,3]. */
const leaves = (pass: (fn: Fn) => Fn, body: readonly string[], output: string): string[] =>
  text(verify(pass(parse(`fn f(%0: f32[2,3], %1: bool[2,3]) {\n${body.join('\n')}\nreturn ${output}\n}`))))
    .trim()
    .split('\n')
    .slice(1, -1)
    .map((line) => line.trim())

describe('random programs', { timeout: 60_000 }, () => {
  test.each(['all', 'views'] as const)('passes keep the meaning, text keeps the program: %s', async (of) => {
    await fc.assert(
      fc.asyncProperty(programs({ of }), async ({ inputs, f }) => {
        const { fn } = await traced(f, inputs)
        expect(parse(print(verify(fn)))).toEqual(fn)
        keepsMeaning(fn, inputs)
        const simple = dce(simplify(fn))
        expect(text(dce(simplify(simple))), 'a second walk finds nothing').toBe(text(simple))
      }),
      { numRuns: 250, seed: 1 },
    )
  })

  test('derivatives are adjoint, and passes keep their meaning', async () => {
    await fc.assert(
      fc.asyncProperty(programs({ maxLength: 8 }), ({ inputs, f }) => adjoint(f, inputs)),
      { numRuns: 100, seed: 2 },
    )
  })
})

const constant = (id: number, value: number | string, dtype = 'f32'): string =>
  `%${id}: ${dtype}[] = constant() {value: ${JSON.stringify(value)}, dtype: ${JSON.stringify(dtype)}}`
const full = (id: number, value: number | string, dtype = 'f32'): string =>
  `${constant(id, value, dtype)}\n%${id + 1}: ${dtype}[2,3] = broadcastInDim(%${id}) {shape: [2, 3], dims: []}`

describe('simplify', () => {
  const simple = (body: string[], output: string): string[] => leaves(all, body, output)
  const gives = (body: string[], result: string[]): void => expect(simple(body, `%9`)).toEqual(result)

  test.each([
    ['x + 0', [full(2, 0), '%9: f32[2,3] = add(%0, %3)']],
    ['0 + x', [full(2, 0), '%9: f32[2,3] = add(%3, %0)']],
    ['x + -0', [full(2, '-0'), '%9: f32[2,3] = add(%0, %3)']],
    ['x - 0', [full(2, 0), '%9: f32[2,3] = sub(%0, %3)']],
    ['x * 1', [full(2, 1), '%9: f32[2,3] = mul(%0, %3)']],
    ['x / 1', [full(2, 1), '%9: f32[2,3] = div(%0, %3)']],
    ['x to the power 1', [full(2, 1), '%9: f32[2,3] = pow(%0, %3)']],
    ['--x', ['%2: f32[2,3] = neg(%0)', '%9: f32[2,3] = neg(%2)']],
    ['stopGradient', ['%9: f32[2,3] = stopGradient(%0)']],
    ['a cast to the same', ['%9: f32[2,3] = cast(%0) {dtype: "f32"}']],
    ['a reshape to the same', ['%9: f32[2,3] = reshape(%0) {shape: [2, 3]}']],
    ['reshape there and back', ['%2: f32[6] = reshape(%0) {shape: [6]}', '%9: f32[2,3] = reshape(%2) {shape: [2, 3]}']],
    ['an identity transpose', ['%9: f32[2,3] = transpose(%0) {permutation: [0, 1]}']],
    [
      'transpose there and back',
      ['%2: f32[3,2] = transpose(%0) {permutation: [1, 0]}', '%9: f32[2,3] = transpose(%2) {permutation: [1, 0]}'],
    ],
    ['a broadcast to the same', ['%9: f32[2,3] = broadcastInDim(%0) {shape: [2, 3], dims: [0, 1]}']],
    ['a whole slice', ['%9: f32[2,3] = slice(%0) {start: [0, 0], limit: [2, 3], stride: [1, 1]}']],
    ['a concat of one', ['%9: f32[2,3] = concat(%0) {axis: 0}']],
    ['a sum over no axes', ['%9: f32[2,3] = reduceSum(%0) {axes: []}']],
    ['select by true', [full(2, 1, 'bool'), '%4: f32[2,3] = neg(%0)', '%9: f32[2,3] = select(%3, %0, %4)']],
    ['select by false', [full(2, 0, 'bool'), '%4: f32[2,3] = neg(%0)', '%9: f32[2,3] = select(%3, %4, %0)']],
    ['select of equals', ['%9: f32[2,3] = select(%1, %0, %0)']],
  ])('%s is x', (_name, body) => {
    expect(leaves(all, body, '%9')).toEqual(['return %0'])
  })

  test('x * 0 stays: x may be NaN', () => {
    expect(simple([full(2, 0), '%9: f32[2,3] = mul(%0, %3)'], '%9')).toHaveLength(4)
  })
  test('x + (-y) is x - y', () => {
    gives(
      ['%2: f32[2,3] = sin(%0)', '%3: f32[2,3] = neg(%2)', '%9: f32[2,3] = add(%0, %3)'],
      ['%2: f32[2,3] = sin(%0)', '%3: f32[2,3] = sub(%0, %2)', 'return %3'],
    )
  })
  test('views of views compose', () => {
    gives(
      [
        '%2: f32[1,2,3] = broadcastInDim(%0) {shape: [1, 2, 3], dims: [1, 2]}',
        '%3: f32[4,2,3] = broadcastInDim(%2) {shape: [4, 2, 3], dims: [0, 1, 2]}',
        '%9: f32[2,4,3] = transpose(%3) {permutation: [1, 0, 2]}',
      ],
      ['%2: f32[2,4,3] = broadcastInDim(%0) {shape: [2, 4, 3], dims: [0, 2]}', 'return %2'],
    )
  })
  test('a kept dim is part of the broadcast', () => {
    gives(
      [
        '%2: f32[2] = reduceSum(%0) {axes: [1]}',
        '%3: f32[2,1] = reshape(%2) {shape: [2, 1]}',
        '%9: f32[2,3] = broadcastInDim(%3) {shape: [2, 3], dims: [0, 1]}',
      ],
      [
        '%2: f32[2] = reduceSum(%0) {axes: [1]}',
        '%3: f32[2,3] = broadcastInDim(%2) {shape: [2, 3], dims: [0]}',
        'return %3',
      ],
    )
  })
  test('constants fold in f32, also when repeated', () => {
    gives(
      [full(2, 0.1), full(4, 0.2), '%6: f32[2,3] = add(%3, %5)', '%9: f32[2,3] = mul(%6, %0)'],
      [
        `%2: f32[] = constant() {value: ${Math.fround(Math.fround(0.1) + Math.fround(0.2))}, dtype: "f32"}`,
        '%3: f32[2,3] = broadcastInDim(%2) {shape: [2, 3], dims: []}',
        '%4: f32[2,3] = mul(%3, %0)',
        'return %4',
      ],
    )
    gives(
      [constant(2, 0), '%9: f32[] = log(%2)'],
      ['%2: f32[] = constant() {value: "-Infinity", dtype: "f32"}', 'return %2'],
    )
    gives(
      [constant(2, 2.9), '%9: i32[] = cast(%2) {dtype: "i32"}'],
      ['%2: i32[] = constant() {value: 2, dtype: "i32"}', 'return %2'],
    )
    gives(
      [constant(2, 3, 'i32'), constant(3, 5, 'i32'), '%9: bool[] = lt(%2, %3)'],
      ['%2: bool[] = constant() {value: 1, dtype: "bool"}', 'return %2'],
    )
  })
})

describe('cse', () => {
  test('keeps the first of equal equations, with its place, and tells params apart', () => {
    const fn = parse(
      'fn f(%0: f32[2,3]) {\n%1: f32[2,3] = sin(%0) @a.ts:1:1 #first\n%2: f32[2,3] = sin(%0) @b.ts:2:2\n%3: f32[2,3] = mul(%1, %2)\n%4: f32[2,3] = mul(%2, %1)\n%5: f32[] = constant() {value: 0, dtype: "f32"}\n%6: f32[] = constant() {value: "-0", dtype: "f32"}\nreturn %3, %4, %5, %6\n}',
    )
    expect(print(verify(cse(fn)))).toBe(`fn f(%0: f32[2,3]) {
  %1: f32[2,3] = sin(%0)   @a.ts:1:1 #first
  %2: f32[2,3] = mul(%1, %1)
  %3: f32[] = constant() {value: 0, dtype: "f32"}
  %4: f32[] = constant() {value: "-0", dtype: "f32"}
  return %2, %2, %3, %4
}
`)
  })
})

describe('dce', () => {
  test('drops what no output needs and keeps all inputs', () => {
    expect(leaves(dce, ['%2: f32[2,3] = sin(%0)', '%3: f32[2,3] = cos(%0)', '%4: f32[2,3] = neg(%2)'], '%3')).toEqual([
      '%2: f32[2,3] = cos(%0)',
      'return %2',
    ])
  })
})

test('passes are near-linear: 30 000 equations take seconds at most', () => {
  const lines = Array.from(
    { length: 30000 },
    (_, i) => `%${i + 2}: f32[2,3] = ${i % 3 ? 'neg' : 'sin'}(%${i ? i + 1 : 0})`,
  )
  const fn = parse(`fn deep(%0: f32[2,3]) {\n${lines.join('\n')}\nreturn %30001\n}`)
  const start = performance.now()
  verify(all(fn))
  print(fn)
  expect(performance.now() - start).toBeLessThan(5000)
})
