import { opOf } from '../ops/op.js'
import * as prim from '../ops/prim.js'
import { joined } from '../trace/region.js'
import { bind } from '../trace/tensor.js'
import { flatten, unflatten } from '../trace/tree.js'
import type { IsScalar, SameResults } from '../types/control.js'
import type { AnyTensor } from '../types/operand.js'
import type { Param } from '../types/shape.js'
import { bodyOf, scalarOf } from './bodies.js'
import { fail } from './fail.js'
import { difference } from './trees.js'

/**
 * `onTrue(...operands)` where `pred` (a bool scalar) holds, else `onFalse(...operands)` (lax.cond): only the branch taken runs, both in
 * forward and in reverse mode. Branches may use tensors from outside, and must return trees of the same structure, shapes and dtypes.
 * Under `vmap` with one predicate per example both run and results are chosen.
 * Throws FoveaError 'shape' when the branches' results differ, 'dtype' when the predicate is not bool.
 *
 * @example
 * const half = (x) => cond(less(sum(x), 3), (y) => y, (y) => mul(y, 0.5), x)
 * console.log(await half(tensor([2, 4])).data()) // Float32Array(2) [ 1, 2 ]
 */
export function cond<P, A extends readonly any[], R, Q>(
  pred: Param<P, IsScalar<'cond: predicate must be a', P, 'bool'>>,
  onTrue: (...operands: A) => R,
  onFalse: (...operands: A) => Q & SameResults<'cond', R, Q>,
  ...operands: A
): R {
  const predicate = scalarOf('cond: predicate must be a', pred, 'bool')
  // Branch 0 is taken where the predicate does not hold.
  return choose('cond', prim.cast(predicate, 'i32'), [onTrue, onFalse], operands, true) as R
}

/**
 * `branches[index](...operands)`, an index (an i32 scalar) outside being that of the nearest branch (lax.switch, whose name JavaScript
 * reserves; TensorFlow's name). Otherwise like `cond`.
 * Throws FoveaError 'shape' when the branches' results differ or there is none.
 *
 * @example
 * const act = (i, x) => switchCase(i, [relu, tanh, (y) => neg(y)], x)
 * console.log(await act(tensor(2, [], 'i32'), tensor([1, -1])).data()) // Float32Array(2) [ -1, 1 ]
 */
export function switchCase<P, A extends readonly any[], Rs extends readonly [unknown, ...unknown[]]>(
  index: Param<P, IsScalar<'switchCase: index must be an', P, 'i32'>>,
  branches: { readonly [K in keyof Rs]: (...operands: A) => Rs[K] & SameResults<'switchCase', Rs[0], Rs[K]> },
  ...operands: A
): Rs[0] {
  const at = scalarOf('switchCase: index must be an', index, 'i32')
  const list = branches as unknown as readonly ((...operands: A) => unknown)[]
  if (!list.length) fail('shape', 'switchCase: expected at least one branch')
  return choose('switchCase', at, list, operands, false)
}

function choose(
  op: string,
  index: AnyTensor,
  branches: readonly ((...operands: any[]) => unknown)[],
  operands: readonly unknown[],
  turned: boolean,
): unknown {
  const bodies = branches.map((f) => bodyOf(op, f, operands))
  const [first] = bodies
  for (const body of bodies) {
    const found = difference(first.result, body.result)
    if (found)
      fail(
        'shape',
        `${op}: branches differ${found.path ? ` in '${found.path}'` : ''}: ${found.expected} vs ${found.got}`,
      )
  }
  const { fns, captured } = joined(turned ? [...bodies].reverse() : bodies)
  const outs = bind(opOf('cond'), [index, ...captured, ...flatten(operands).leaves], {}, fns)
  return unflatten(first.out, outs)
}
