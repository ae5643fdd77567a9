import { isFloat, sameShape, showAval } from '../ir/types.js'
import * as p from '../ops/prim.js'
import { type Traced, topological, tracePrinting } from '../trace/collect.js'
import { FoveaError } from '../trace/error.js'
import { type Print, releasePrints } from '../trace/prints.js'
import { at, where } from '../trace/source.js'
import { bind, inputTensor } from '../trace/tensor.js'
import { type AnyTensor, flatten, type TreeDef, treeKey, unflatten } from '../trace/tree.js'
import type { Grads } from '../types/transform.js'
import { instantiate, jvpFn, linearizing } from './jvp.js'

/**
 * The linear map between tangents, as a graph, run backwards: cotangents of `outs` in, cotangents of `inputs` out.
 * A node is linear here when it depends on `inputs`; what it takes from elsewhere is a residual.
 */
export function transposeGraph(
  outs: readonly (AnyTensor | null)[],
  inputs: readonly (AnyTensor | null)[],
  cotangents: readonly (AnyTensor | null)[],
): (AnyTensor | null)[] {
  const sources = inputs.filter((t) => t !== null)
  const first = Math.min(...sources.map((t) => t.node.id))
  // Older nodes can't depend on the placeholders.
  const order = topological(
    outs.filter((t) => t !== null),
    (node) => node.id < first,
  )
  const linear = new Set<AnyTensor>(sources)
  for (const node of order)
    if (node.kind === 'op' && node.inputs.some((x) => linear.has(x))) for (const y of node.outs) linear.add(y)
  const sums = new Map<AnyTensor, AnyTensor>()
  const accumulate = (x: AnyTensor, ct: AnyTensor): void => {
    const known = sums.get(x)
    sums.set(x, known ? p.add(known, ct) : ct)
  }
  outs.forEach((t, i) => {
    const ct = cotangents[i]
    if (t && ct && linear.has(t)) accumulate(t, ct)
  })
  for (const node of order.reverse()) {
    if (node.kind !== 'op' || !node.outs.some((y) => linear.has(y))) continue
    const cts = node.outs.map((y) => sums.get(y) ?? null)
    if (!cts.some((ct) => ct)) continue
    const { transpose } = node.op
    if (transpose === 'nonlinear')
      throw new FoveaError(
        'trace',
        `the derivative of an op uses '${node.op.name}' on a tangent, which is not linear; its jvp rule is wrong`,
        node.where(),
      )
    if (typeof transpose === 'object') throw new FoveaError('trace', transpose.refuses, node.where())
    at(node.where, node.scope, () => {
      const flags = node.inputs.map((x) => linear.has(x))
      transpose({ cotangents: cts, inputs: node.inputs, linear: flags, params: node.params, fns: node.fns }).forEach(
        (ct, i) => {
          if (ct && flags[i]) accumulate(node.inputs[i], ct)
        },
      )
    })
  }
  return inputs.map((t) => (t ? (sums.get(t) ?? null) : null))
}

/** The graph from `inputs` to `outs`, again from `by` in the inputs' place; what doesn't depend on them is shared. */
function substitute(
  outs: readonly (AnyTensor | null)[],
  inputs: readonly AnyTensor[],
  by: readonly AnyTensor[],
): (AnyTensor | null)[] {
  const known = new Map<AnyTensor, AnyTensor>(inputs.map((x, i) => [x, by[i]]))
  const first = Math.min(...inputs.map((x) => x.node.id))
  const order = topological(
    outs.filter((t) => t !== null),
    (node) => node.id < first,
  )
  for (const node of order) {
    if (node.kind !== 'op' || !node.inputs.some((x) => known.has(x))) continue
    const operands = node.inputs.map((x) => known.get(x) ?? x)
    const again = at(node.where, node.scope, () => bind(node.op, operands, node.params, node.fns))
    node.outs.forEach((y, i) => {
      known.set(y, again[i])
    })
  }
  return outs.map((t) => t && (known.get(t) ?? t))
}

export interface Linearized {
  readonly outs: AnyTensor[]
  readonly outTree: TreeDef
  /** Cotangents of the outputs (null: zero) → cotangents of the flattened arguments (null: zero or not float). */
  readonly pullback: (cotangents: readonly (AnyTensor | null)[]) => (AnyTensor | null)[]
  /** Tangents of the flattened arguments → tangents of the outputs. */
  readonly pushforward: (tangents: readonly AnyTensor[]) => AnyTensor[]
}

/** Value and pullback of a traced function at `args`; only arguments marked in `wanted` get cotangents. */
export function linearizeTraced(
  traced: Traced & { readonly prints: readonly Print[] },
  args: readonly AnyTensor[],
  wanted: readonly boolean[],
): Linearized {
  const placeholders = args.map((x, i) =>
    wanted[i] && isFloat(x.aval.dtype) ? inputTensor(x.aval, `tangent ${i}`) : null,
  )
  const all = linearizing(true, () =>
    jvpFn(traced.fn, [...args, ...traced.captured], [...placeholders, ...traced.captured.map(() => null)]),
  )
  const outs = releasePrints(traced.prints, all.outs)
  const tangents = all.tangents.slice(0, outs.length)
  return {
    outs,
    outTree: traced.outTree,
    pullback: (cts) =>
      placeholders.some((t) => t) ? transposeGraph(tangents, placeholders, cts) : args.map(() => null),
    pushforward: (ts) => {
      const on = placeholders.flatMap((x, i) => (x ? [i] : []))
      const results = substitute(
        tangents,
        on.map((i) => placeholders[i]!),
        on.map((i) => ts[i]),
      )
      return results.map((t, i) => instantiate(t, outs[i]))
    },
  }
}

/**
 * Reverse mode: the value of `f` at `primals` and the function from a cotangent of the result (same tree) to the cotangents
 * of the primals (a tuple). Integer and bool leaves get `null`.
 *
 * Source: Frostig et al. 2021, "Decomposing reverse-mode automatic differentiation".
 *
 * @example
 * const [y, pullback] = vjp((x) => sum(mul(x, x)), tensor([1, 2]))
 * const [dx] = pullback(onesLike(y))
 * console.log(await dx.data()) // Float32Array(2) [ 2, 4 ]
 */
export function vjp<A extends readonly any[], R>(
  f: (...args: A) => R,
  ...primals: A
): [out: R, pullback: (cotangent: R) => { [K in keyof A]: Grads<A[K]> }] {
  const flat = flatten(primals)
  const traced = tracePrinting(f as (...args: any[]) => unknown, primals, f.name || 'vjp')
  const lin = linearizeTraced(
    traced,
    flat.leaves,
    flat.leaves.map(() => true),
  )
  const out = unflatten(lin.outTree, lin.outs) as R
  const pullback = (cotangent: R): { [K in keyof A]: Grads<A[K]> } => {
    const ct = flatten(cotangent)
    if (treeKey(ct.tree) !== treeKey(lin.outTree))
      throw new FoveaError('tree', 'vjp: expected a cotangent with the structure of the result', where()())
    ct.leaves.forEach((t, i) => {
      if (!sameShape(t.aval.shape, lin.outs[i].aval.shape))
        throw new FoveaError(
          'shape',
          `vjp: expected a cotangent ${showAval(lin.outs[i].aval)}${ct.paths[i] && ` at '${ct.paths[i]}'`}, got ${showAval(t.aval)}`,
          where()(),
        )
    })
    return gradTree(flat.tree, flat.leaves, lin.pullback(ct.leaves)) as { [K in keyof A]: Grads<A[K]> }
  }
  return [out, pullback]
}

/** Gradients in the arguments' structure: zeros where nothing flows, `null` for leaves that are not float. */
export const gradTree = (tree: TreeDef, leaves: readonly AnyTensor[], grads: readonly (AnyTensor | null)[]): unknown =>
  unflatten(
    tree,
    leaves.map((x, i) => (isFloat(x.aval.dtype) ? (grads[i] ?? p.like(x, 0)) : null)),
  )
