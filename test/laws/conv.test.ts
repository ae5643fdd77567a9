import { describe, expect, test } from 'vitest'
import { compile, passes } from '../../compiler/compile.js'
import { interpret } from '../../compiler/interpret/interpret.js'
import { size } from '../../compiler/ir/types.js'
import { avgPool, conv, convTranspose, maxPool, mul, sum } from '../../compiler/lang/index.js'
import { expand } from '../../compiler/pass/expand.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { inputTensor } from '../../compiler/trace/tensor.js'
import { grad, vjp } from '../../compiler/transform/index.js'
import { target } from '../golden/target.js'
import jax from './jax-conv.json' with { type: 'json' }
import { array, close, traced } from './lang-run.js'

/**
 * jax-conv.json: values of lax.conv_general_dilated, lax.conv_transpose and lax.reduce_window with their gradients, at inputs
 * and cotangents of small integers.
 */
const integers = (n: number, shift: number, modulus = 11, by = 7): number[] =>
  Array.from({ length: n }, (_, i) => ((i * by + shift) % modulus) - Math.floor(modulus / 2))

const calls: Record<string, (options: any) => (...xs: any[]) => any> = {
  conv: (o) => (x, w) => conv(x, w, o),
  convTranspose: (o) => (x, w) => convTranspose(x, w, o),
  maxPool: (o) => (x) => maxPool(x, o.window, o),
  avgPool: (o) => (x) => avgPool(x, o.window, o),
}

describe('values and gradients are those of JAX', () => {
  for (const { name, call, options, inputs, shape, y, grads } of jax.cases)
    test(`${call}: ${name}`, () => {
      const f = calls[call](options)
      // Pooling has ties.
      const draw = (s: number[], i: number): number[] =>
        inputs.length === 1 ? integers(size(s), 1, 3, 5) : integers(size(s), 3 + i)
      const xs = [...inputs.map((s, i) => array(s, draw(s, i))), array(shape, integers(size(shape), 5))]
      const both = (...args: any[]): any[] => {
        const [out, pullback] = vjp(f, ...args.slice(0, -1))
        return [out, ...pullback(args.at(-1))]
      }
      const [out, ...slopes] = interpret(expand(traced(both, xs)), xs)
      expect(out.shape).toEqual(shape)
      close([...out.data], y, 6)
      slopes.forEach((g, i) => {
        close([...g.data], grads[i], 5)
      })
    })
})

const f32 = (...shape: number[]): any => inputTensor({ shape, dtype: 'f32' }, 'x')
/** The ops a function comes to, and how many dispatches it takes. */
const plan = (f: (...xs: any[]) => unknown, ...inputs: any[]): { ops: string[]; dispatches: number } => {
  const { fn } = traceFn(f, inputs, 'f', true)
  const ops = passes.reduce((g, [, pass]) => pass(g), fn).eqns.map((q) => q.op)
  return { ops, dispatches: compile(fn, target, { verify: true }).dispatches.length }
}
const count = (ops: readonly string[], op: string): number => ops.filter((o) => o === op).length
/** Gradients in all arguments of f but the last, the cotangent. */
const pulled =
  (f: (...xs: any[]) => any) =>
  (...args: any[]): any =>
    grad((...xs: any[]) => sum(mul(f(...xs), args.at(-1)) as any), {
      argnums: args.slice(0, -1).map((_, i) => i),
    } as any)(...args.slice(0, -1))

describe('what a convolution comes to', () => {
  const x = f32(2, 16, 16, 8)
  const same = { padding: 'same' } as const

  test('a product of the image itself where windows share no place', () => {
    const one = plan((a, w) => conv(a, w), x, f32(1, 1, 8, 16))
    expect(one).toEqual({ ops: ['reshape', 'dotGeneral'], dispatches: 1 })
    const every = plan((a, w) => conv(a, w, { stride: 2 }), x, f32(1, 1, 8, 16))
    expect(every).toEqual({ ops: ['slice', 'reshape', 'dotGeneral'], dispatches: 1 })
    const embed = plan((a, w) => conv(a, w, { stride: 4 }), x, f32(4, 4, 8, 32))
    expect(embed).toEqual({ ops: ['reshape', 'transpose', 'dotGeneral'], dispatches: 1 })
  })

  test('a product of its windows, of which forward and backward pass share one', () => {
    const { ops, dispatches } = plan((a, w) => conv(a, w, same), x, f32(3, 3, 8, 16))
    expect({ ops, dispatches }).toEqual({ ops: ['patches', 'dotGeneral'], dispatches: 2 })
    const both = (a: any, w: any, ct: any): unknown => {
      const [y, pullback] = vjp((b: any, v: any) => conv(b, v, same), a, w)
      return [y, pullback(ct)]
    }
    expect(plan(both, x, f32(3, 3, 8, 16), f32(2, 16, 16, 16)).ops.sort()).toEqual(
      ['dotGeneral', 'dotGeneral', 'dotGeneral', 'patches', 'patches'].sort(),
    )
  })

  test('one reduction when depthwise, forward and backward', () => {
    const depthwise = (a: any, w: any): any => conv(a, w, { ...same, groups: 8 })
    const forward = plan(depthwise, x, f32(3, 3, 1, 8))
    expect([count(forward.ops, 'dotGeneral'), forward.dispatches]).toEqual([0, 1])
    const backward = plan(pulled(depthwise), x, f32(3, 3, 1, 8), x)
    expect([count(backward.ops, 'dotGeneral'), backward.dispatches]).toEqual([0, 2])
  })

  test('no product with the zeros of a spread input', () => {
    const twice = (a: any, w: any): any => convTranspose(a, w, { stride: 2, ...same })
    // The product first, then the sum of what falls on each place.
    expect(plan(twice, x, f32(3, 3, 8, 4)).ops).toEqual(['dotGeneral', 'patches', 'reduceSum'])
    expect(plan((a, w) => convTranspose(a, w, { stride: 2 }), x, f32(2, 2, 8, 4)).ops).toEqual([
      'reverse',
      'dotGeneral',
      'transpose',
      'reshape',
    ])
    // Both gradients read the windows of the cotangent that a convolution with stride 2 has.
    const back = plan(pulled(twice), x, f32(3, 3, 8, 4), f32(2, 32, 32, 4))
    expect(back.ops).toEqual(['patches', 'dotGeneral', 'dotGeneral', 'transpose'])
    const strided = plan(
      pulled((a, w) => conv(a, w, { stride: 2, ...same })),
      x,
      f32(3, 3, 8, 4),
      f32(2, 8, 8, 4),
    )
    expect(count(strided.ops, 'dotGeneral')).toBe(2)
    expect(strided.dispatches).toBe(4)
  })

  test('pooling is one dispatch, its gradient one more', () => {
    const o = { stride: 2, padding: 'same' } as const
    expect(plan((a) => maxPool(a, 3, o), x).dispatches).toBe(1)
    expect(plan((a) => avgPool(a, 3, o), x).dispatches).toBe(1)
    expect(plan((a) => avgPool(a, 3, { ...o, countIncludePad: false }), x).dispatches).toBe(1)
    expect(
      plan(
        pulled((a) => maxPool(a, 3, o)),
        x,
        f32(2, 8, 8, 8),
      ).dispatches,
    ).toBe(2)
    expect(
      plan(
        pulled((a) => avgPool(a, 3, o)),
        x,
        f32(2, 8, 8, 8),
      ).dispatches,
    ).toBe(1)
    expect(count(plan((a) => maxPool(a, 2), x).ops, 'patches')).toBe(0)
  })
})
