import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.js'
import { cumLogSumExp, cummax, cummin, cumprod, cumsum, mul, sum } from '../../compiler/lang/index.js'
import type { AnyTensor } from '../../compiler/ops/op.js'
import { expand } from '../../compiler/pass/expand.js'
import { grad } from '../../compiler/transform/index.js'
import jax from './jax-cumulative.json' with { type: 'json' }
import { array, run, traced, values } from './lang-run.js'

const calls: Record<string, (x: AnyTensor, axis: number, options: { reverse: boolean }) => AnyTensor> = {
  cumsum: cumsum as never,
  cumprod: cumprod as never,
  cummax: cummax as never,
  cummin: cummin as never,
  cumLogSumExp: cumLogSumExp as never,
}

/** jax-cumulative.json: jax.lax.cumsum … cumlogsumexp of lines with zeros, ties, NaN and infinities, and gradients of Σ (i + 1) yᵢ. */
describe('values and gradients are those of JAX', () => {
  for (const { name, x: line, reverse, y, grad: slope } of jax)
    test(`${name}${reverse ? ' in reverse' : ''} of [${line}]`, () => {
      const x = array([line.length], line.map(Number))
      const f = (t: AnyTensor): AnyTensor => calls[name](t, 0, { reverse })
      const weights = array(
        [line.length],
        line.map((_, i) => i + 1),
      )
      const near = (got: readonly number[], want: readonly (number | string)[]): void => {
        expect(got.length).toBe(want.length)
        got.forEach((v, i) => {
          const w = Number(want[i])
          if (Number.isFinite(w)) expect(v).toBeCloseTo(w, 4)
          else expect(v).toBe(w)
        })
      }
      near(values(f, x), y)
      const weighted = (t: any, w: any): any => sum(mul(f(t), w) as any)
      // With an infinite result logaddexp's derivative in JAX is not that of anything.
      if (name === 'cumLogSumExp' && y.includes('Infinity')) return
      near(run((t, w) => grad(weighted)(t, w) as any, x, weights)[0].data, slope)
    })
})

test('few long lines in blocks give what one line does', () => {
  const n = 1030
  const random = (i: number): number => ((i * 7919) % 1009) / 1009 - 0.5
  for (const shape of [[n], [2, n], [n, 3]])
    for (const reverse of [false, true])
      for (const name of Object.keys(calls)) {
        const x = array(
          shape,
          Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => random(i) + (name === 'cumprod' ? 1 : 0)),
        )
        const fn = traced((t) => calls[name](t, shape.indexOf(n), { reverse }), [x])
        const blocks = expand(fn)
        expect(blocks.eqns.filter((q) => q.op === 'cumulativeBlocks').length).toBe(2)
        const [want] = interpret(fn, [x])
        const [got] = interpret(blocks, [x])
        got.data.forEach((v, i) => {
          expect(Math.abs(v - want.data[i])).toBeLessThanOrEqual(1e-9 * (1 + Math.abs(want.data[i])))
        })
      }
})

test('axes count from the front by default', () => {
  const x = array([2, 3])
  expect(values((t) => cumsum(t), x)).toEqual([0, 1, 2, 3, 5, 7])
  expect(values((t) => cumsum(t, -1, { reverse: true }), x)).toEqual([3, 3, 2, 12, 9, 5])
})
