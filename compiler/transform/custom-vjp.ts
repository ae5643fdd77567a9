import type { Aval } from '../ir/types.js'
import { showAval } from '../ir/types.js'
import { type OpRecord, op } from '../ops/op.js'
import * as p from '../ops/prim.js'
import { FoveaError } from '../trace/error.js'
import { bind } from '../trace/tensor.js'
import { type AnyTensor, flatten, type TreeDef, unflatten } from '../trace/tree.js'
import type { CustomVjp } from '../types/transform.js'
import { createMemo, type Flat, functionOp, mapped, opName, perStructure, sameAvals, zerosFor } from './function-op.js'

/** Leaves of the residuals, and what turns them and cotangents of the results into cotangents of the arguments. */
interface FlatVjp {
  readonly forward: Flat
  readonly backward: (residuals: readonly AnyTensor[], cotangents: readonly AnyTensor[]) => (AnyTensor | null)[]
}

/** The derivative as a linear map that only goes backwards: operands are residuals, then tangents of the arguments. */
function tangentOp(name: string, rule: FlatVjp, residuals: number, outs: readonly Aval[]): OpRecord {
  const refuse = (): never => {
    throw new FoveaError('trace', `${name} has a derivative for reverse mode only: use grad or vjp, or customJvp`)
  }
  return op({
    name: opName(`${name} derivative`),
    doc: 'The derivative of a function with a reverse rule of its own.',
    infer: () => [...outs],
    eval: refuse,
    jvp: 'nondifferentiable',
    transpose({ cotangents, inputs, linear }) {
      const cts = outs.map((aval, i) => cotangents[i] ?? p.full(aval.shape, 0, aval.dtype))
      const results = rule.backward(inputs.slice(0, residuals), cts)
      const tangents = inputs.slice(residuals)
      if (results.length !== tangents.length)
        throw new FoveaError('tree', `${name}: expected ${tangents.length} cotangents, got ${results.length}`)
      results.forEach((ct, i) => {
        if (ct && linear[residuals + i]) sameAvals(name, 'a cotangent', [ct], [tangents[i]])
      })
      return [...inputs.slice(0, residuals).map(() => null), ...results]
    },
    batch: refuse,
    kernel: { kind: 'composite', expand: refuse },
    samples: [],
  })
}

function vjpOp(name: string, f: Flat, rule: FlatVjp): OpRecord {
  const derivative = createMemo(
    ({ residuals, outs }: { residuals: number; outs: readonly Aval[] }) => tangentOp(name, rule, residuals, outs),
    ({ residuals, outs }) => `${residuals}: ${outs.map(showAval)}`,
  )
  return functionOp(
    name,
    f,
    ({ inputs, outs, tangents }) => {
      const kept = rule.forward(inputs)
      const linear = derivative({ residuals: kept.length, outs: outs.map((y) => y.aval) })
      return bind(linear, [...kept, ...zerosFor(tangents, inputs)])
    },
    (on) => {
      // Residuals and cotangents all carry the mapped axis; arguments that are not mapped get the sum over it.
      const backward = (residuals: readonly AnyTensor[], cts: readonly AnyTensor[]): (AnyTensor | null)[] => {
        const present: number[] = []
        const each: Flat = (xs) => {
          const results = rule.backward(xs.slice(0, residuals.length), xs.slice(residuals.length))
          present.length = 0
          return results.flatMap((ct, i) => (ct && present.push(i) ? [ct] : []))
        }
        const all = [...residuals, ...cts]
        const results = mapped(
          each,
          all.map(() => true),
        )(all)
        const out: (AnyTensor | null)[] = on.map(() => null)
        present.forEach((i, n) => {
          out[i] = on[i] ? results[n] : p.reduceSum(results[n], [0])
        })
        return out
      }
      return vjpOp(name, mapped(f, on), { forward: mapped(rule.forward, on), backward })
    },
  )
}

/**
 * `f` with a reverse derivative of your own: `forward(...args)` returns [value, residuals], and `backward(residuals, cotangent)` the
 * cotangents of the arguments, a tuple (null for arguments that are not float). `f` may use no tensor that isn't an argument.
 * Throws FoveaError 'trace' when it does, or when forward mode is asked for; 'shape' or 'tree' when a cotangent is not like
 * its argument.
 *
 * @example
 * // the identity, whose gradient is clipped to [-1, 1]
 * const clipGradient = customVjp(
 *   (x) => x,
 *   (x) => [x, null],
 *   (_, ct) => [clip(ct, -1, 1)],
 * )
 * console.log(await grad((x) => sum(mul(clipGradient(x), 5)))(tensor([2])).data()) // Float32Array(1) [ 1 ]
 */
export const customVjp = ((
  f: (...args: any[]) => unknown,
  forward: (...args: any[]) => readonly [unknown, unknown],
  backward: (residuals: any, cotangent: any) => readonly unknown[],
) => {
  const name = `customVjp ${f.name || 'f'}`
  return perStructure(f, (tree, flat) => {
    let [residualTree, outTree]: TreeDef[] = []
    return vjpOp(name, flat, {
      forward: (xs) => {
        const [value, residuals] = forward(...(unflatten(tree, xs) as unknown[]))
        const kept = flatten(residuals)
        residualTree = kept.tree
        outTree = flatten(value).tree
        return kept.leaves
      },
      backward: (residuals, cts) => {
        const results = backward(unflatten(residualTree, residuals), unflatten(outTree, cts))
        return argumentLeaves(name, tree, results)
      },
    })
  })
}) as CustomVjp

/** Cotangents in the arguments' structure, leaf by leaf; null stands for all leaves below it. */
function argumentLeaves(name: string, tree: TreeDef, results: unknown): (AnyTensor | null)[] {
  if (tree.kind === 'leaf') return [results === null ? null : flatten(results).leaves[0]]
  if (tree.kind === 'static') return []
  const below = (i: number): unknown => {
    if (results === null) return null
    const key = tree.kind === 'array' ? i : tree.keys[i]
    if (typeof results !== 'object' || !(key in (results as object)))
      throw new FoveaError(
        'tree',
        `${name}: expected cotangents with the structure of the arguments, '${key}' is missing`,
      )
    return (results as Record<string | number, unknown>)[key]
  }
  return tree.items.flatMap((item, i) => argumentLeaves(name, item, below(i)))
}
