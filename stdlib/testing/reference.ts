import { interpret } from '../../compiler/interpret/interpret.js'
import type { AnyTensor, RefArray } from '../../compiler/ops/op.js'
import { traceFn } from '../../compiler/trace/collect.js'
import type { TreeDef } from '../../compiler/trace/tree.js'
import { refOf } from './values.js'

export interface Reference {
  /** The function on plain f64 arrays: its flattened arguments, in order, to its flattened results. */
  readonly run: (inputs: readonly RefArray[]) => RefArray[]
  readonly outTree: TreeDef
}

/** Traces `f` on arguments of these shapes; the result runs in the reference interpreter. */
export async function reference(f: (...args: any[]) => unknown, args: readonly unknown[]): Promise<Reference> {
  const { fn, captured, outTree } = traceFn(f, args)
  const constants = await refsOf(captured)
  return { run: (inputs) => interpret(fn, [...inputs, ...constants]), outTree }
}

export const refsOf = (xs: readonly AnyTensor[]): Promise<RefArray[]> => Promise.all(xs.map(refOf))
