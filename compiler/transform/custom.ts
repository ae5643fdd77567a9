import { interpret } from '../interpret/interpret.js'
import type { Aval, Fn } from '../ir/types.js'
import { isFloat, sameShape, showAval } from '../ir/types.js'
import type { OpRecord } from '../ops/op.js'
import { op } from '../ops/op.js'
import * as p from '../ops/prim.js'
import { traceFn } from '../trace/collect.js'
import { FoveaError } from '../trace/error.js'
import { bind, inputTensor } from '../trace/tensor.js'
import { type AnyTensor, flatten, type TreeDef, treeKey, unflatten } from '../trace/tree.js'
import type { CustomVjp } from '../types/transform.js'
import { vmap } from './vmap.js'

/**
 * Functions with a derivative of their own: each becomes an op, so that transforms find its rule in its record like any other's,
 * and the compiler sees through it as through a composite.
 */
type Flat = (xs: readonly AnyTensor[]) => AnyTensor[]

let made = 0
/** One of its own for each op, that the IR's text can hold. */
const opName = (name: string): string => `${name.replace(/\W+/g, '_')}_${made++}`

/** An op that computes `f`, with the derivative that `rules` makes. */
function functionOp(
  name: string,
  f: Flat,
  jvp: OpRecord['jvp'],
  batched: (n: number, on: readonly boolean[]) => OpRecord,
): OpRecord {
  const traces = new Map<string, Fn>()
  const trace = (ins: readonly Aval[]): Fn => {
    const key = ins.map(showAval).join()
    let fn = traces.get(key)
    if (!fn) {
      const { fn: body, captured } = traceFn(
        (...xs) => f(xs),
        ins.map(({ shape, dtype }, i) => inputTensor({ shape, dtype }, String(i))),
        name,
      )
      if (captured.length)
        throw new FoveaError(
          'trace',
          `${name}: the function uses a tensor from outside, ${showAval(captured[0].aval)}: pass it as an argument`,
        )
      traces.set(key, (fn = body))
    }
    return fn
  }
  return op({
    name: opName(name),
    doc: 'A function with a derivative of its own.',
    infer: (ins) => trace(ins).outputs.map((v) => v.aval),
    eval: (ins) => interpret(trace(ins), ins),
    jvp,
    transpose: 'nonlinear',
    batch: ({ inputs, batched: on, size }) => bind(batched(size, on), inputs),
    kernel: { kind: 'composite', expand: (inputs) => f(inputs) },
    samples: [],
  })
}

/** `make` for each structure of arguments, once; applied to arguments, it gives the function's result. */
function perStructure<A extends readonly any[], R>(
  f: (...args: A) => R,
  make: (tree: TreeDef, flat: Flat) => OpRecord,
): (...args: A) => R {
  const known = new Map<string, { record: OpRecord; out: () => TreeDef }>()
  return (...args) => {
    const { leaves, tree } = flatten(args)
    const key = treeKey(tree)
    let entry = known.get(key)
    if (!entry) {
      let out: TreeDef | undefined
      const flat: Flat = (xs) => {
        const result = flatten(f(...(unflatten(tree, xs) as unknown as A)))
        out = result.tree
        return result.leaves
      }
      known.set(key, (entry = { record: make(tree, flat), out: () => out! }))
    }
    const outs = bind(entry.record, leaves)
    return unflatten(entry.out(), outs) as R
  }
}

const zerosFor = (ts: readonly (AnyTensor | null)[], xs: readonly AnyTensor[]): AnyTensor[] =>
  ts.map((t, i) => t ?? p.like(xs[i], 0))

/** Derivatives that a rule returns must be like what they belong to. */
function sameAvals(name: string, what: string, got: readonly AnyTensor[], like: readonly AnyTensor[]): void {
  if (got.length !== like.length)
    throw new FoveaError('tree', `${name}: expected ${like.length} ${what}, got ${got.length}`)
  got.forEach((t, i) => {
    if (!sameShape(t.aval.shape, like[i].aval.shape))
      throw new FoveaError('shape', `${name}: expected ${what} ${showAval(like[i].aval)}, got ${showAval(t.aval)}`)
  })
}

/** Maps a flat function over the leading axis of the operands in `on`. */
const mapped =
  (f: Flat, on: readonly boolean[]): Flat =>
  (xs) =>
    vmap(
      (...ys: AnyTensor[]) => f(ys),
      on.map((yes) => (yes ? 0 : null)),
    )(...(xs as any)) as AnyTensor[]

/** `make` for each choice of mapped operands, once. */
function perMapping(make: (on: readonly boolean[]) => OpRecord): (n: number, on: readonly boolean[]) => OpRecord {
  const known = new Map<string, OpRecord>()
  return (_, on) => {
    const key = on.join()
    let record = known.get(key)
    if (!record) known.set(key, (record = make(on)))
    return record
  }
}

type FlatJvp = (primals: readonly AnyTensor[], tangents: readonly AnyTensor[]) => AnyTensor[]

function jvpOp(name: string, f: Flat, rule: FlatJvp): OpRecord {
  return functionOp(
    name,
    f,
    ({ inputs, outs, tangents }) => {
      const results = rule(inputs, zerosFor(tangents, inputs))
      sameAvals(name, 'tangents', results, outs)
      return results.map((t, i) => (isFloat(outs[i].aval.dtype) ? t : null))
    },
    perMapping((on) =>
      jvpOp(name, mapped(f, on), (primals, tangents) =>
        mapped((xs) => rule(xs.slice(0, on.length), xs.slice(on.length)), [...on, ...on])([...primals, ...tangents]),
      ),
    ),
  )
}

/**
 * `f` with a forward derivative of your own: `rule(primals, tangents)` returns [value, tangent of the value], and must be
 * linear in the tangents, so that it can be transposed for reverse mode. `f` may use no tensor that isn't an argument.
 * Throws FoveaError 'trace' when it does, 'shape' or 'tree' when the tangent is not like the value.
 *
 * @example
 * // log(1 + eˣ), whose derivative is written so that it doesn't overflow
 * const log1pexp = customJvp(
 *   (x) => log(add(1, exp(x))),
 *   ([x], [dx]) => [log(add(1, exp(x))), mul(sigmoid(x), dx)],
 * )
 * console.log(await grad((x) => sum(log1pexp(x)))(tensor([0])).data()) // Float32Array(1) [ 0.5 ]
 */
export function customJvp<A extends readonly any[], R>(
  f: (...args: A) => R,
  rule: (primals: A, tangents: A) => readonly [value: R, tangent: R],
): (...args: A) => R {
  const name = `customJvp ${f.name || 'f'}`
  return perStructure(f, (tree, flat) =>
    jvpOp(name, flat, (primals, tangents) => {
      const [, t] = rule(unflatten(tree, primals) as unknown as A, unflatten(tree, tangents) as unknown as A)
      return flatten(t).leaves
    }),
  )
}

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
  return functionOp(
    name,
    f,
    ({ inputs, outs, tangents }) => {
      const kept = rule.forward(inputs)
      const linear = tangentOp(
        name,
        rule,
        kept.length,
        outs.map((y) => y.aval),
      )
      return bind(linear, [...kept, ...zerosFor(tangents, inputs)])
    },
    perMapping((on) => {
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
    }),
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
