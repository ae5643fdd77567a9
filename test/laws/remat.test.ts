import { describe, expect, test } from 'vitest'
import { passes } from '../../compiler/compile.js'
import { type Eqn, type Fn, showAval, size } from '../../compiler/ir/types.js'
import * as lang from '../../compiler/lang/index.js'
import type { RematPolicy } from '../../compiler/lang/remat.js'
import { grad, valueAndGrad, vmap } from '../../compiler/transform/index.js'
import { checkGrads } from '../../stdlib/testing/check-grads.js'
import { hostTensor } from '../../stdlib/testing/values.js'
import { array, close, run, traced, values } from './lang-run.js'

const { add, checkpointName, exp, foriLoop, matmul, mul, remat, scan, sin, sum, tanh }: any = lang
const slope = (f: (...xs: any[]) => any, options?: any): any => grad(f as any, options)

const x = array([2, 3], [0.1, -0.4, 0.8, 1.1, 0.3, -0.9])
const w = array([3, 3], [0.5, -0.3, 0.2, 0.4, 0.1, -0.7, 0.2, 0.6, -0.1])
const block = (x: any, w: any): any => tanh(matmul(checkpointName(sin(matmul(x, w)), 'hidden'), w))
const policies = [
  'nothingSaveable',
  'everythingSaveable',
  'dotsSaveable',
  'dotsWithNoBatchDimsSaveable',
  { saveOnlyTheseNames: ['hidden'] },
] as const

/** Equations of an op, in a function and the functions it runs. */
const find = (fn: Fn, op: string): Eqn[] =>
  fn.eqns.flatMap((q) => [...(q.op === op ? [q] : []), ...(q.fns ?? []).flatMap((f) => find(f, op))])

describe('remat is the function, for every policy', () => {
  const loss = (f: any) => (x: any, w: any) => sum(f(f(x, w), w))
  for (const policy of policies)
    test(JSON.stringify(policy), async () => {
      const f = remat(block, { policy })
      close(values(f, x, w), values(block, x, w))
      const [got, want] = [loss(f), loss(block)].map((g) => run(slope(g, { argnums: [0, 1] }), x, w))
      got.forEach((g, i) => {
        close(g.data, want[i].data)
      })
      await checkGrads(f, [hostTensor(x), hostTensor(w)] as any, { order: 2, rtol: 1e-5, atol: 1e-6 })
      const each = slope((x: any, w: any) => sum(f(x, w)))
      const many = array([2, 2, 3], [...x.data, ...x.data.map((v) => -v)])
      const other = { ...x, data: x.data.map((v) => -v) }
      close(values(vmap(each, [0, null]) as any, many, w), [...values(each, x, w), ...values(each, other, w)])
    })
})

describe('what is kept', () => {
  const stepOf = (policy: RematPolicy): Fn => {
    const loss = (x: any, w: any): any => sum(remat(block, { policy })(x, w))
    return traced((x, w) => valueAndGrad(loss as any, { argnums: [0, 1] })(x, w), [x, w])
  }
  /** Types of what the first run of the block gives: its value, then what is saved for the derivative. */
  const saved = (policy: RematPolicy): string[] => find(stepOf(policy), 'remat')[0].outputs.map((v) => showAval(v.aval))
  test('is what the policy says', () => {
    expect(saved('nothingSaveable')).toEqual(['f32[2,3]'])
    expect(saved('dotsSaveable')).toEqual(['f32[2,3]', 'f32[2,3]', 'f32[2,3]'])
    expect(saved({ saveOnlyTheseNames: ['hidden'] })).toEqual(['f32[2,3]', 'f32[2,3]'])
    expect(saved({ saveOnlyTheseNames: ['other'] })).toEqual(['f32[2,3]'])
  })
  test('products that are saved are not computed again', () => {
    const products = (policy: RematPolicy): number => find(stepOf(policy), 'dotGeneral').length
    // Two forwards, four backwards, and both forwards again when nothing is kept.
    expect(products('dotsSaveable')).toBe(6)
    expect(products('nothingSaveable')).toBe(8)
  })
  test('the second run waits for the cotangents, and no pass makes one of both', () => {
    const fn = stepOf('nothingSaveable')
    expect(find(fn, 'barrier').map((q) => q.inputs.length)).toEqual([3])
    expect(
      find(
        passes.reduce((f, [, pass]) => pass(f), fn),
        'dotGeneral',
      ).length,
    ).toBe(8)
  })
})

describe('a scan over √n chunks of scans keeps √n states', () => {
  const step = (h: any): any => tanh(add(mul(h, 1.1), sin(h)))
  const plain = (n: number) => (h: any) => scan((h: any) => [step(h), null], h, null, { length: n })[0]
  const chunked = (n: number) => (h: any) =>
    scan((h: any) => [remat(plain(Math.sqrt(n)))(h), null], h, null, { length: Math.sqrt(n) })[0]
  const state = array([64])
  /** Bytes of what is alive at most of the results of loops: those of a function, and the most that one of its equations needs inside. */
  const bytes = (fn: Fn): number =>
    fn.eqns.reduce((n, q) => n + (q.op === 'scan' ? q.outputs.reduce((m, v) => m + 4 * size(v.aval.shape), 0) : 0), 0) +
    Math.max(0, ...fn.eqns.flatMap((q) => (q.fns ?? []).map(bytes)))
  const kept = (f: (h: any) => any): number => bytes(traced((h) => slope((h: any) => sum(f(h)))(h), [state]))

  test('and a plain scan all', () => {
    const states = (n: number): number => n * 64 * 4
    expect(kept(plain(1024)) / kept(plain(256))).toBeGreaterThan(3.9)
    expect(kept(chunked(1024)) / kept(chunked(256))).toBeLessThan(2.1)
    // A state for each chunk; inside one, a few residuals a step.
    expect(kept(chunked(1024))).toBeLessThan(states(32 * 6))
    expect(kept(plain(1024))).toBeGreaterThan(states(1024))
  })
  test('with the same gradient, and its own derivative', async () => {
    const point = array([2], [0.3, -0.2])
    close(
      values(
        slope((h) => sum(chunked(16)(h))),
        point,
      ),
      values(
        slope((h) => sum(plain(16)(h))),
        point,
      ),
    )
    await checkGrads(chunked(4), [hostTensor(point)] as any, { order: 2, rtol: 1e-5, atol: 1e-6 })
  })
  test('remat in remat', () => {
    const f = remat((x: any) => sin(remat((y: any) => exp(sin(y)))(mul(x, x))))
    const g = (x: any): any => sin(exp(sin(mul(x, x))))
    const point = array([2], [0.3, -0.2])
    close(
      values(
        slope((x) => sum(f(x))),
        point,
      ),
      values(
        slope((x) => sum(g(x))),
        point,
      ),
    )
    close(
      values(
        slope((x) => sum(slope((y: any) => sum(f(y)))(x))),
        point,
      ),
      values(
        slope((x) => sum(slope((y: any) => sum(g(y)))(x))),
        point,
      ),
    )
    const looped = (h: any): any => foriLoop(0, 3, (_: any, y: any) => f(y), h)
    close(
      values(
        slope((x) => sum(looped(x))),
        point,
      ),
      values(
        slope((x) => sum(g(g(g(x))))),
        point,
      ),
    )
  })
})
