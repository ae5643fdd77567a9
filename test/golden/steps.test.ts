import { describe, expect, test } from 'vitest'
import { compile } from '../../compiler/compile.js'
import { parse } from '../../compiler/ir/parse.js'
import type { Program, Step } from '../../compiler/ir/program.js'
import { type AnyTensor, opOf } from '../../compiler/ops/index.js'
import * as p from '../../compiler/ops/prim.js'
import { showPlan } from '../../compiler/pass/show-plan.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { bind, inputTensor } from '../../compiler/trace/tensor.js'
import { grad } from '../../compiler/transform/index.js'
import { target } from './target.js'

/** How control flow and updates in place are planned: exact, and the same on every machine, because compiling touches no device. */
const input = (...shape: number[]): AnyTensor => inputTensor({ shape, dtype: 'f32' }, 'x')
const narrow = (...shape: number[]): AnyTensor => inputTensor({ shape, dtype: 'bf16' }, 'x')
const index = (): AnyTensor => inputTensor({ shape: [], dtype: 'i32' }, 'i')
const program = (f: (...xs: any[]) => unknown, args: readonly AnyTensor[], donated: readonly number[] = []): Program =>
  compile(traceFn(f, args, 'f', true).fn, target, { verify: true, donated: new Set(donated) })
const bytes = (x: Program, dispatch: number): number[] => x.dispatches[dispatch].buffers.map((b) => x.buffers[b].bytes)
/** Dispatches of one turn of each loop, innermost last. */
const turns = (steps: readonly Step[] = []): number[] =>
  steps.flatMap((s) =>
    typeof s === 'number' || s.kind !== 'loop'
      ? []
      : [s.body.filter((b) => typeof b === 'number').length, ...turns(s.body)],
  )

describe('dynamicUpdateSlice', () => {
  const update = (x: AnyTensor, u: AnyTensor, i: AnyTensor): AnyTensor =>
    p.dynamicUpdateSlice(x, p.exp(u), [i, p.constant(0, 'i32')])

  test('of a donated array writes the window alone, with what makes it, in one kernel', () => {
    const x = program(update, [input(512, 64), input(1, 64), index()], [0])
    expect(x.dispatches.length).toBe(1)
    expect(x.outputs[0].donated).toBe(true)
    expect(x.memory).toEqual({ peakBytes: 0, tempBytes: 0 })
    // 64 elements in fours: one workgroup, where the array would take 128.
    expect(x.dispatches[0].workgroups).toEqual([1, 1, 1])
    expect(bytes(x, 0).sort((a, b) => a - b)).toEqual([4, 256, 512 * 256])
  })

  test('of elements that share words with neighbours likewise', () => {
    const x = program(update, [narrow(512, 64), narrow(1, 64), index()], [0])
    expect(x.memory).toEqual({ peakBytes: 0, tempBytes: 0 })
    expect(x.dispatches.map((d) => d.workgroups)).toEqual([[1, 1, 1]])
    // Rows that begin anywhere in a word are stored one element at a time.
    const odd = program(update, [narrow(512, 63), narrow(1, 63), index()], [0])
    expect(odd.dispatches.map((d) => d.workgroups)).toEqual([[1, 1, 1]])
    expect(JSON.stringify(odd.kernels)).toContain('atomicOr')
  })

  test('of an array that stays makes the new one in one kernel', () => {
    const x = program(update, [input(512, 64), input(1, 64), index()])
    expect(x.dispatches.length).toBe(1)
    expect(x.outputs[0].donated).toBe(false)
    expect(x.dispatches[0].workgroups[0]).toBeGreaterThan(100)
  })

  test('follows one another in place, and a product is stored in the window', () => {
    const cache = (k: AnyTensor, x: AnyTensor, w: AnyTensor, i: AnyTensor): AnyTensor => {
      const row = p.dotGeneral(x, w, { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] })
      const next = p.add(i, p.constant(1, 'i32'))
      const zero = p.constant(0, 'i32')
      return p.dynamicUpdateSlice(p.dynamicUpdateSlice(k, row, [i, zero]), p.neg(x), [next, zero])
    }
    const x = program(cache, [input(256, 16), input(1, 16), input(16, 16), index()], [0])
    expect(x.dispatches.length).toBe(2)
    expect(x.memory.peakBytes).toBe(0)
  })

  test('copies first where the old value is read afterwards', () => {
    const both = (x: AnyTensor, u: AnyTensor, i: AnyTensor): AnyTensor[] => {
      const y = update(x, u, i)
      return [y, p.reduceSum(p.mul(x, y), [0, 1])]
    }
    const x = program(both, [input(64, 8), input(1, 8), index()], [0])
    expect(x.outputs[0].donated).toBe(false)
  })
})

const step = parse(`fn step(%0: f32[32,32], %1: f32[32,32], %2: f32[8,32], %3: f32[8,32]) {
  %4: f32[8,32] = dotGeneral(%2, %0) {lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: []}
  %5: f32[8,32] = dotGeneral(%3, %1) {lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: []}
  %6: f32[8,32] = add(%4, %5) %7: f32[8,32] = tanh(%6) return %7, %7
}`)
const rnn =
  (length: number) =>
  (w: AnyTensor, u: AnyTensor, h: AnyTensor, x: AnyTensor): AnyTensor[] =>
    bind(opOf('scan'), [w, u, h, x], { length, reverse: false, consts: 2, carry: 1 }, [step])
const rnnArgs = (n: number): AnyTensor[] => [input(32, 32), input(32, 32), input(8, 32), input(n, 8, 32)]

describe('a scan', () => {
  test('of a recurrent network: slice, two products and the count a turn, all it carries in place', () => {
    const x = program(rnn(1000), rnnArgs(1000))
    expect(
      showPlan(x).split('\n  at the peak')[0],
    ).toBe(`plan f: 6 dispatches in steps, 6 distinct kernels, temporaries 2052 bytes in 3 slots, peak 1027076 bytes
    0 pointwise  1x1x1        out0 in2  stopGradient
    1 pointwise  1x1x1        t0  constant
  1000 times:
      2 pointwise  1x1x1        t0 t1 in3  constant dynamicSlice
      3 matmul     2x1x1        out0 in0 t2  dotGeneral
      4 matmul     2x1x1        t1 in1 out0 t2 t0 out1  reshape dotGeneral add tanh constant dynamicUpdateSlice
      5 pointwise  1x1x1        t0  constant add`)
  })

  test('takes the memory of a donated carry', () => {
    const x = program(rnn(10), rnnArgs(10), [2])
    expect(x.outputs.map((o) => o.donated)).toEqual([true, false])
    expect(x.dispatches.length).toBe(5)
  })

  test('of any length has the same kernels, forward and backward', () => {
    const loss =
      (n: number) =>
      (w: AnyTensor, u: AnyTensor, h: AnyTensor, x: AnyTensor): AnyTensor =>
        p.sumAll(rnn(n)(w, u, h, x)[1])
    const counts = [10, 1000].map((n) => {
      const x = program(
        (...xs) => grad(loss(n) as never, { argnums: [0, 1, 2] } as never)(...(xs as never[])),
        rnnArgs(n),
      )
      return [x.dispatches.length, x.kernels.length, turns(x.steps)]
    })
    expect(counts[1]).toEqual(counts[0])
  })

  test('of chunks that are computed again takes memory that grows with the root of its length', () => {
    /** Elementwise, so that what is kept is what the derivative reads. */
    const one = parse(
      'fn one(%0: f32[256], %1: f32[256]) { %2: f32[256] = mul(%0, %1) %3: f32[256] = sin(%2) return %3 }',
    )
    const scan = (fn: typeof one, length: number, w: AnyTensor, h: AnyTensor): AnyTensor =>
      bind(opOf('scan'), [w, h], { length, reverse: false, consts: 1, carry: 1 }, [fn])[0]
    const plain = (n: number) => (w: AnyTensor, h: AnyTensor) => p.sumAll(scan(one, n * n, w, h))
    const chunked = (n: number) => {
      const { fn: inner } = traceFn(
        (w: AnyTensor, h: AnyTensor) => scan(one, n, w, h),
        [input(256), input(256)],
        'chunk',
        true,
      )
      const { fn: outer } = traceFn(
        (w: AnyTensor, h: AnyTensor) => bind(opOf('remat'), [w, h], { policy: 'nothing' }, [inner]),
        [input(256), input(256)],
        'again',
        true,
      )
      return (w: AnyTensor, h: AnyTensor) => p.sumAll(scan(outer, n, w, h))
    }
    const peak = (f: (w: AnyTensor, h: AnyTensor) => AnyTensor): number =>
      program((...xs) => grad(f as never)(...(xs as never[])), [input(256), input(256)]).memory.peakBytes
    const [small, large] = [8, 32].map((n) => ({ plain: peak(plain(n)), chunked: peak(chunked(n)) }))
    // 16 times the steps.
    expect(large.plain / small.plain).toBeGreaterThan(12)
    expect(large.chunked / small.chunked).toBeLessThan(4.5)
    expect(large.chunked).toBeLessThan(large.plain / 8)
  })
})
