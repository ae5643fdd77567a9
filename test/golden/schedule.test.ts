import { expect, test } from 'vitest'
import { passes } from '../../compiler/compile.js'
import type { Fn, Var } from '../../compiler/ir/types.js'
import { madeBy, readsOf } from '../../compiler/pass/lives.js'
import { plan } from '../../compiler/pass/plan.js'
import { type Region, regionOf } from '../../compiler/pass/region.js'
import { schedule } from '../../compiler/pass/schedule.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { inputTensor } from '../../compiler/trace/tensor.js'
import { add, grad, matmul, mean, mul, relu, square, sum, tanh } from '../../index.js'
import { target } from './target.js'

/** Bytes of temporaries and outputs at the peak: in the order of the program, and as scheduled. */
const input = (...shape: number[]): any => inputTensor({ shape, dtype: 'f32' }, '')
function region(f: (...args: any[]) => unknown, args: unknown[], donated: ReadonlySet<number>): Region {
  const prepare = (fn: Fn): Fn => passes.reduce((g, [, pass]) => pass(g, target), fn)
  return regionOf(traceFn(f, args, 'f', true).fn, { target, prepare }, { donated, shared: true })
}
/** The steps by how many come before them: all that can be made early is. */
function breadthFirst({ fn, steps }: Region): Region {
  const depth = new Map<Var, number>()
  const depths = steps.map((step) => {
    const at = 1 + Math.max(0, ...readsOf(step).map((v) => depth.get(v) ?? 0))
    for (const v of madeBy(step)) depth.set(v, at)
    return at
  })
  const order = [...steps.keys()].sort((i, j) => depths[i] - depths[j] || i - j)
  return { fn, steps: order.map((i) => steps[i]) }
}
function peaks(
  f: (...args: any[]) => unknown,
  args: unknown[],
  donated: number[] = [],
  order = (r: Region): Region => r,
): [given: number, best: number] {
  const own = new Set(donated)
  const given = order(region(f, args, own))
  const scheduled = schedule(given, own)
  expect(new Set(scheduled.steps)).toEqual(new Set(given.steps))
  return [plan(given, target, own).memory.peakBytes, plan(scheduled, target, own).memory.peakBytes]
}

const x = input(256, 256)
const bytes = 256 * 256 * 4

test('what is made early and summed late is summed at once', () => {
  const wide = (a: any) =>
    Array.from({ length: 8 }, (_, i) => matmul(a, mul(a, i + 1))).map((y) => sum(square(matmul(y, a))))
  const [given, best] = peaks((a: any) => wide(a).reduce((s, y) => add(s, y)), [x], [], breadthFirst)
  expect(given).toBeGreaterThan(8 * bytes)
  expect(best).toBeLessThan(4 * bytes)
})

test('what is made early and read late is made late', () => {
  const late = (a: any) => {
    const early = Array.from({ length: 6 }, (_, i) => matmul(matmul(a, mul(a, i + 1)), a))
    let y = matmul(a, a)
    for (const e of early) y = matmul(tanh(matmul(y, a)), e)
    return y
  }
  const [given, best] = peaks(late, [x], [], breadthFirst)
  expect(given).toBeGreaterThan(6 * bytes)
  expect(best).toBeLessThanOrEqual(4 * bytes)
})

test('never more than in the order given: a deep perceptron with skips and its gradients, plain and donated', () => {
  const loss = (ws: any[], a: any) => mean(square(ws.reduce((h, w) => add(h, relu(matmul(h, w))), a)))
  const step = (ws: any[], a: any) => {
    const g = grad(loss)(ws, a)
    return ws.map((w, i) => add(w, mul(g[i], -0.1)))
  }
  const ws = Array.from({ length: 12 }, () => input(256, 256))
  for (const donated of [[], [...ws.keys()]]) {
    const [given, best] = peaks(step, [ws, x], donated)
    expect(best).toBeLessThanOrEqual(given)
  }
})

test('the same order each time', () => {
  const f = (a: any) => [matmul(a, a), matmul(a, mul(a, 2)), sum(matmul(a, mul(a, 3)))].map((y) => sum(square(y)))
  const order = () =>
    schedule(region(f, [x], new Set()), new Set()).steps.map((s) => s.kind === 'work' && s.main.params)
  expect(order()).toEqual(order())
})
