import '../ops/index.js'
import type { Fn, Var } from '../ir/types.js'
import { isFloat, sameShape, showAval } from '../ir/types.js'
import { type JvpRule, type OpRecord, opOf } from '../ops/op.js'
import * as p from '../ops/prim.js'
import { traceFn, tracePrinting } from '../trace/collect.js'
import { FoveaError } from '../trace/error.js'
import { releasePrints } from '../trace/prints.js'
import { at, where } from '../trace/source.js'
import { bind } from '../trace/tensor.js'
import { type AnyTensor, flatten, treeKey, unflatten } from '../trace/tree.js'

let linear = false
/** Runs `f`; derivatives inside are taken to be transposed (`to` true) or only run forwards. */
export function linearizing<T>(to: boolean, f: () => T): T {
  const outer = linear
  linear = to
  try {
    return f()
  } finally {
    linear = outer
  }
}

/**
 * Evaluates `fn` on dual numbers: each equation's outputs and, where any operand has a tangent, their tangents by the op's
 * own rule. `null` is a symbolic zero, so nothing is computed for what does not matter.
 */
export function jvpFn(
  fn: Fn,
  primals: readonly AnyTensor[],
  tangents: readonly (AnyTensor | null)[],
): { outs: AnyTensor[]; tangents: (AnyTensor | null)[] } {
  const values = new Map<Var, AnyTensor>()
  const slopes = new Map<Var, AnyTensor>()
  fn.inputs.forEach((v, i) => {
    values.set(v, primals[i])
    const t = tangents[i]
    if (t) slopes.set(v, t)
  })
  for (const eqn of fn.eqns) {
    const record = opOf(eqn.op)
    const inputs = eqn.inputs.map((v) => values.get(v)!)
    const ts = eqn.inputs.map((v) => slopes.get(v) ?? null)
    at(
      () => eqn.loc,
      eqn.scope,
      () => {
        const { params, fns = [] } = eqn
        const { jvp } = record
        const set = (outs: readonly AnyTensor[], tangents: readonly (AnyTensor | null)[]): void =>
          eqn.outputs.forEach((v, i) => {
            values.set(v, outs[i])
            const t = tangents[i]
            if (t) slopes.set(v, t)
          })
        if (jvp === 'nondifferentiable' || !ts.some((t) => t)) return set(bind(record, inputs, params, fns), [])
        if (typeof jvp === 'object') {
          const whole = jvp.whole({ inputs, tangents: ts, params, fns, linear })
          return set(whole.outs, whole.tangents)
        }
        const outs = bind(record, inputs, params, fns)
        const rule = jvp === 'expand' ? jvpOfExpansion(record) : jvp
        set(outs, rule({ inputs, outs, tangents: ts, params, fns }))
      },
    )
  }
  return { outs: fn.outputs.map((v) => values.get(v)!), tangents: fn.outputs.map((v) => slopes.get(v) ?? null) }
}

/** The derivative of what an op expands to. */
const jvpOfExpansion =
  ({ name, kernel }: OpRecord): JvpRule =>
  ({ inputs, tangents, params }) => {
    if (kernel.kind !== 'composite' && kernel.kind !== 'attention')
      throw new Error(`internal: ${name} does not expand, so its derivative can't be that of its expansion`)
    const { fn, captured } = traceFn((...xs: AnyTensor[]) => kernel.expand(xs, params), inputs, name)
    return jvpFn(fn, [...inputs, ...captured], [...tangents, ...captured.map(() => null)]).tangents
  }

/** The leaves of `tangents`, which must be like the primals; those of leaves that are not float are not looked at. */
export function tangentLeaves(name: string, primals: ReturnType<typeof flatten>, tangents: unknown): AnyTensor[] {
  const given = flatten(tangents)
  if (treeKey(primals.tree) !== treeKey(given.tree))
    throw new FoveaError('tree', `${name}: expected tangents with the structure of the primals`, where()())
  primals.leaves.forEach((x, i) => {
    const t = given.leaves[i]
    if (isFloat(x.aval.dtype) && !sameShape(t.aval.shape, x.aval.shape))
      throw new FoveaError(
        'shape',
        `${name}: expected a tangent ${showAval(x.aval)} at '${primals.paths[i]}', got ${showAval(t.aval)}`,
        where()(),
      )
  })
  return given.leaves
}

/** A zero tangent made real. */
export const instantiate = (t: AnyTensor | null, x: AnyTensor): AnyTensor => t ?? p.like(x, 0)

/**
 * Forward mode: the value of `f` at `primals` and its derivative along `tangents` (same trees and shapes; tangents of
 * integer leaves are ignored). Throws FoveaError 'tree' or 'shape' when the trees differ.
 *
 * Source: Radul et al. 2022, "You only linearize once".
 *
 * @example
 * const [y, dy] = jvp((x) => mul(x, x), [tensor([3])], [tensor([1])])
 * console.log(await dy.data()) // Float32Array(1) [ 6 ]
 */
export function jvp<A extends readonly any[], R>(
  f: (...args: A) => R,
  primals: readonly [...A],
  tangents: readonly [...A],
): [out: R, tangentOut: R] {
  const flat = flatten(primals)
  const given = tangentLeaves('jvp', flat, tangents)
  const traced = tracePrinting(f, primals as readonly unknown[], f.name || 'jvp')
  const ts = flat.leaves.map((x, i) => (isFloat(x.aval.dtype) ? given[i] : null))
  const result = jvpFn(traced.fn, [...flat.leaves, ...traced.captured], [...ts, ...traced.captured.map(() => null)])
  const outs = releasePrints(traced.prints, result.outs)
  return [
    unflatten(traced.outTree, outs) as R,
    unflatten(
      traced.outTree,
      outs.map((y, i) => instantiate(result.tangents[i], y)),
    ) as R,
  ]
}
