import { expect, test } from 'vitest'
import { compile } from '../../compiler/compile.js'
import { memoryAtPeak } from '../../compiler/pass/peak.js'
import { showPlan } from '../../compiler/pass/show-plan.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { inputTensor } from '../../compiler/trace/tensor.js'
import { grad, matmul, mean, namedScope, relu, scan, square, sum } from '../../index.js'
import { target } from './target.js'

const input = (...shape: number[]): any => inputTensor({ shape, dtype: 'f32' }, '')
const program = (f: (...args: any[]) => unknown, args: unknown[], donated: number[] = []) =>
  compile(traceFn(f, args, 'f', true).fn, target, { donated: new Set(donated) })

const loss = (ws: any[], x: any) =>
  mean(square(ws.reduce((h, w, i) => namedScope(`layer${i}`, () => relu(matmul(h, w))), x)))
const step = program(
  (ws: any[], x: any) => grad(loss as any)(ws as any, x),
  [[input(64, 64), input(64, 64)], input(512, 64)],
)

test('the values at the peak are the peak, and so are their scopes', () => {
  const { bytes, dispatch, values, scopes } = memoryAtPeak(step)
  expect(bytes).toBe(step.memory.peakBytes)
  expect(values.reduce((n, v) => n + v.bytes, 0)).toBe(bytes)
  expect(scopes.reduce((n, s) => n + s.bytes, 0)).toBe(bytes)
  expect(dispatch).toBeGreaterThanOrEqual(0)
  expect(values.map((v) => v.bytes)).toEqual(values.map((v) => v.bytes).sort((a, b) => b - a))
  expect(scopes[0].scope).toMatch(/layer[01]/)
  expect(values[0].loc?.file).toContain('peak.test.ts')
})

test('what a loop carries is held throughout it', () => {
  const f = (x: any) => {
    const [y] = scan(
      (c: any, _: any) => [relu(matmul(c, x)), null] as any,
      matmul(x, x) as any,
      null as any,
      { length: 5 } as any,
    ) as any
    return sum(y)
  }
  const p = program(f, [input(64, 64)])
  const { bytes, values } = memoryAtPeak(p)
  expect(bytes).toBe(p.memory.peakBytes)
  expect(values.filter((v) => v.bytes === 64 * 64 * 4).length).toBe(2)
})

test('nothing is held where everything is donated', () => {
  expect(memoryAtPeak(program((x: any) => relu(x), [input(8)], [0]))).toEqual({
    bytes: 0,
    dispatch: -1,
    values: [],
    scopes: [],
  })
})

test('the plan says it', () => {
  const text = showPlan(step)
  expect(text).toContain(`${step.memory.peakBytes} bytes by scope:`)
  expect(text).toMatch(/65536|131072/)
  expect(text).toMatch(/#layer[01] .*peak\.test\.ts:\d+/)
})
