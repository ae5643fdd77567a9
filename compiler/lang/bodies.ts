import { traceFn } from '../trace/collect.js'
import { capturedFirst, type Region } from '../trace/region.js'
import { inputTensor, Tensor } from '../trace/tensor.js'
import { type TreeDef, unflatten } from '../trace/tree.js'
import type { AnyTensor } from '../types/operand.js'
import { fail } from './fail.js'
import { describe, difference } from './trees.js'

/** A body that an op runs: closed, and the structure of what it gives. */
export interface Body extends Region {
  readonly out: TreeDef
  /** What the function returns, of placeholders: for checks. */
  readonly result: unknown
}

/** `f` on trees like `args`; what it uses from outside becomes operands. */
export function bodyOf(op: string, f: (...args: any[]) => unknown, args: readonly unknown[]): Body {
  if (typeof f !== 'function') fail('trace', `${op}: expected a function, got ${f === null ? 'null' : typeof f}`)
  const { fn, captured, outTree } = traceFn(f, args, f.name || op)
  const outs = fn.outputs.map((v) => inputTensor(v.aval, 'result'))
  return { fn: capturedFirst(fn, captured.length), captured, out: outTree, result: unflatten(outTree, outs) }
}

/** Fails when a body gives another carry than it takes. */
export function sameCarry(op: string, carry: unknown, result: unknown): void {
  const found = difference(carry, result)
  if (!found) return
  const at = found.path ? ` '${found.path}'` : ''
  fail('shape', `${op}: carry${at} must stay ${found.expected}, got ${found.got}`)
}

/** A scalar of a dtype; `what` begins the error: 'cond: predicate must be a'. */
export function scalarOf(what: string, x: unknown, dtype: 'bool' | 'i32'): AnyTensor {
  if (!(x instanceof Tensor) || x.aval.dtype !== dtype)
    return fail('dtype', `${what} ${dtype} scalar, got ${describe(x)}`)
  if (x.aval.shape.length) fail('shape', `${what} ${dtype} scalar, got ${describe(x)}`)
  return x
}
