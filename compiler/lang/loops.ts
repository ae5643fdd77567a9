import { opOf } from '../ops/op.js'
import * as prim from '../ops/prim.js'
import { bind, Tensor } from '../trace/tensor.js'
import { flatten, unflatten } from '../trace/tree.js'
import type { CheckBound, IsScalar, SameCarry } from '../types/control.js'
import type { AnyTensor } from '../types/operand.js'
import type { Param } from '../types/shape.js'
import { bodyOf, sameCarry, scalarOf } from './bodies.js'
import { fail } from './fail.js'
import { describe } from './trees.js'

/**
 * While `condition(carry)`, a bool scalar, holds, the carry becomes `body(carry)`, from `init` on; its last value (lax.while_loop). The carry
 * is a tree of tensors, which keep their shapes and dtypes; both functions may use tensors from outside. Forward derivatives go through it;
 * reverse mode does not, since the number of steps is not known: use `scan`, or `foriLoop` with numbers as bounds.
 * Throws FoveaError 'shape' when the carry changes, 'dtype' when the condition is not bool; 'trace' in reverse mode.
 *
 * @example
 * const doubled = whileLoop((x) => less(sum(x), 100), (x) => mul(x, 2), tensor([1, 2]))
 * console.log(await doubled.data()) // Float32Array(2) [ 64, 128 ]
 */
export function whileLoop<C, P, R>(
  condition: (carry: C) => P & IsScalar<'whileLoop: condition must give a', P, 'bool'>,
  body: (carry: C) => R & SameCarry<'whileLoop', C, R>,
  init: C,
): C {
  const test = bodyOf('whileLoop', condition, [init])
  scalarOf('whileLoop: condition must give a', test.result, 'bool')
  const step = bodyOf('whileLoop', body, [init])
  sameCarry('whileLoop', init, step.result)
  const { leaves, tree } = flatten(init)
  const params = { condConsts: test.captured.length, bodyConsts: step.captured.length }
  const outs = bind(opOf('while'), [...test.captured, ...step.captured, ...leaves], params, [test.fn, step.fn])
  return unflatten(tree, outs) as C
}

/**
 * `carry = body(i, carry)` for i = lower, …, upper - 1, from `init` on; the last carry (lax.fori_loop). `i` is an i32 scalar. With numbers
 * as bounds it is a `scan`, with derivatives in both modes; with i32 scalars a `whileLoop`, with forward ones.
 * Throws FoveaError 'shape' when the carry changes.
 *
 * @example
 * const power = (x) => foriLoop(0, 3, (i, y) => mul(y, x), onesLike(x))
 * console.log(await power(tensor([2, 3])).data()) // Float32Array(2) [ 8, 27 ]
 */
export function foriLoop<const L, const U, C, R>(
  lower: Param<L, CheckBound<L>>,
  upper: Param<U, CheckBound<U>>,
  body: (i: Tensor<[], 'i32'>, carry: C) => R & SameCarry<'foriLoop', C, R>,
  init: C,
): C {
  const [from, to] = [boundOf(lower), boundOf(upper)]
  const start = typeof from === 'number' ? prim.constant(from, 'i32') : from
  const step = bodyOf(
    'foriLoop',
    (i: AnyTensor, carry: C) => {
      const next = body(i as Tensor<[], 'i32'>, carry)
      sameCarry('foriLoop', carry, next)
      return [prim.add(i, prim.like(i, 1)), next]
    },
    [start, init],
  )
  const { leaves, tree } = flatten(init)
  const carry = [start, ...leaves]
  if (typeof from === 'number' && typeof to === 'number') {
    const params = { length: Math.max(to - from, 0), reverse: false, consts: step.captured.length, carry: carry.length }
    return unflatten(tree, bind(opOf('scan'), [...step.captured, ...carry], params, [step.fn]).slice(1)) as C
  }
  const test = bodyOf('foriLoop', (i: AnyTensor) => prim.lt(i, typeof to === 'number' ? prim.like(i, to) : to), carry)
  const params = { condConsts: test.captured.length, bodyConsts: step.captured.length }
  const outs = bind(opOf('while'), [...test.captured, ...step.captured, ...carry], params, [test.fn, step.fn])
  return unflatten(tree, outs.slice(1)) as C
}

function boundOf(x: unknown): number | AnyTensor {
  if (typeof x === 'number' && Number.isInteger(x)) return x
  if (x instanceof Tensor && x.aval.dtype === 'i32' && !x.aval.shape.length) return x
  return fail('dtype', `foriLoop: bounds must be whole numbers or i32 scalars, got ${describe(x)}`)
}
