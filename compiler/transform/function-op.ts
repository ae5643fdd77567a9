import { interpret } from '../interpret/interpret.js'
import type { Aval, Fn } from '../ir/types.js'
import { sameShape, showAval } from '../ir/types.js'
import { type OpRecord, op } from '../ops/op.js'
import * as p from '../ops/prim.js'
import { traceFn } from '../trace/collect.js'
import { FoveaError } from '../trace/error.js'
import { where } from '../trace/source.js'
import { bind, inputTensor } from '../trace/tensor.js'
import { type AnyTensor, flatten, type TreeDef, treeKey, unflatten } from '../trace/tree.js'
import { vmap } from './vmap.js'

/**
 * Functions with a derivative of their own: each becomes an op, so that transforms find its rule in its record like any other's,
 * and the compiler sees through it as through a composite.
 */
export type Flat = (xs: readonly AnyTensor[]) => AnyTensor[]

let made = 0
/** One of its own for each op, that the IR's text can hold. */
export const opName = (name: string): string => `${name.replace(/\W+/g, '_')}_${made++}`

/** An op that computes `f`. `batched` makes the op for `f` mapped over the operands in `on`; once for each choice of them. */
export function functionOp(
  name: string,
  f: Flat,
  jvp: OpRecord['jvp'],
  batched: (on: readonly boolean[]) => OpRecord,
): OpRecord {
  const mappings = createMemo(batched, String)
  const trace = createMemo(
    (ins: readonly Aval[]): Fn => {
      const { fn, captured } = traceFn(
        (...xs) => f(xs),
        ins.map(({ shape, dtype }, i) => inputTensor({ shape, dtype }, String(i))),
        name,
      )
      if (captured.length)
        throw new FoveaError(
          'trace',
          `${name}: the function uses a tensor from outside, ${showAval(captured[0].aval)}: pass it as an argument`,
        )
      return fn
    },
    (ins) => ins.map(showAval).join(),
  )
  return op({
    name: opName(name),
    doc: 'A function with a derivative of its own.',
    infer: (ins) => trace(ins).outputs.map((v) => v.aval),
    eval: (ins) => interpret(trace(ins), ins),
    jvp,
    transpose: 'nonlinear',
    batch: ({ inputs, batched: on }) => bind(mappings(on), inputs),
    kernel: { kind: 'composite', expand: (inputs) => f(inputs) },
    samples: [],
  })
}

/** `make` for each structure of arguments, once; applied to arguments, it gives the function's result. */
export function perStructure<A extends readonly any[], R>(
  f: (...args: A) => R,
  make: (tree: TreeDef, flat: Flat) => OpRecord,
): (...args: A) => R {
  const opFor = createMemo((tree: TreeDef): { record: OpRecord; out: () => TreeDef } => {
    let out: TreeDef | undefined
    const flat: Flat = (xs) => {
      const result = flatten(f(...(unflatten(tree, xs) as unknown as A)))
      out = result.tree
      return result.leaves
    }
    return { record: make(tree, flat), out: () => out! }
  }, treeKey)
  return (...args) => {
    const { leaves, tree } = flatten(args)
    const { record, out } = opFor(tree)
    const outs = bind(record, leaves)
    return unflatten(out(), outs) as R
  }
}

/** `make`, once for each key. */
export function createMemo<K, V>(make: (of: K) => V, keyOf: (of: K) => string): (of: K) => V {
  const known = new Map<string, V>()
  return (of) => {
    const key = keyOf(of)
    let value = known.get(key)
    if (value === undefined) known.set(key, (value = make(of)))
    return value
  }
}

export const zerosFor = (ts: readonly (AnyTensor | null)[], xs: readonly AnyTensor[]): AnyTensor[] =>
  ts.map((t, i) => t ?? p.like(xs[i], 0))

/** Derivatives that a rule returns must be like what they belong to. */
export function sameAvals(name: string, what: string, got: readonly AnyTensor[], like: readonly AnyTensor[]): void {
  if (got.length !== like.length)
    throw new FoveaError('tree', `${name}: expected ${like.length} ${what}, got ${got.length}`, where()())
  got.forEach((t, i) => {
    if (!sameShape(t.aval.shape, like[i].aval.shape))
      throw new FoveaError(
        'shape',
        `${name}: expected ${what} ${showAval(like[i].aval)}, got ${showAval(t.aval)}`,
        where()(),
      )
  })
}

/** Maps a flat function over the leading axis of the operands in `on`. */
export const mapped =
  (f: Flat, on: readonly boolean[]): Flat =>
  (xs) =>
    vmap(
      (...ys: AnyTensor[]) => f(ys),
      on.map((yes) => (yes ? 0 : null)),
    )(...(xs as any)) as AnyTensor[]
