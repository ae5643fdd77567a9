import '../ops/index.js'
import type { Fn, Var } from '../ir/types.js'
import { showShape } from '../ir/types.js'
import { opOf } from '../ops/op.js'
import * as p from '../ops/prim.js'
import { traceFn } from '../trace/collect.js'
import { FoveaError } from '../trace/error.js'
import { at, where } from '../trace/source.js'
import { bind, inputTensor } from '../trace/tensor.js'
import { type AnyTensor, flatten, unflatten } from '../trace/tree.js'
import type { Dim } from '../types/shape.js'
import type { Batched, BatchedArgs } from '../types/transform.js'

const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)
const inFront = (x: AnyTensor, n: number): AnyTensor =>
  p.broadcastInDim(x, [n, ...x.aval.shape], range(x.aval.shape.length, 1))

/** Evaluates `fn` where the inputs marked `batched` carry the mapped axis in front; all outputs carry it. */
export function batchFn(fn: Fn, inputs: readonly AnyTensor[], batched: readonly boolean[], n: number): AnyTensor[] {
  const values = new Map<Var, AnyTensor>(fn.inputs.map((v, i) => [v, inputs[i]]))
  const mapped = new Set<Var>(fn.inputs.filter((_, i) => batched[i]))
  for (const eqn of fn.eqns) {
    const record = opOf(eqn.op)
    const xs = eqn.inputs.map((v) => values.get(v)!)
    const on = eqn.inputs.map((v) => mapped.has(v))
    const outs = at(
      () => eqn.loc,
      eqn.scope,
      () => {
        if (!on.includes(true)) return bind(record, xs, eqn.params, eqn.fns)
        for (const v of eqn.outputs) mapped.add(v)
        if (record.batch !== 'elementwise')
          return record.batch({ inputs: xs, batched: on, size: n, params: eqn.params, fns: eqn.fns ?? [] })
        return bind(
          record,
          xs.map((x, i) => (on[i] ? x : inFront(x, n))),
          eqn.params,
        )
      },
    )
    eqn.outputs.forEach((v, i) => {
      values.set(v, outs[i])
    })
  }
  return fn.outputs.map((v) => (mapped.has(v) ? values.get(v)! : inFront(values.get(v)!, n)))
}

/**
 * Maps `f` over the leading axis of its arguments, without a loop: the batched program is made by each op's own rule.
 * `inAxes` says per argument whether it is mapped (0, the default) or the same for all (null). Results carry the axis in front.
 * Throws FoveaError 'shape' when a mapped tensor has no leading axis, or the axes' sizes differ.
 *
 * @example
 * const dots = vmap((x, y) => sum(mul(x, y)), [0, null])
 * console.log(await dots(ones([3, 4]), ones([4])).data()) // Float32Array(3) [ 4, 4, 4 ]
 */
export function vmap<A extends readonly any[], R, const Axes extends readonly (0 | null)[] = []>(
  f: (...args: A) => R,
  inAxes?: Axes,
): (...args: BatchedArgs<A, Dim, Axes>) => Batched<R, number> {
  return (...args) => {
    const flat = flatten(args)
    const fail = (message: string): never => {
      throw new FoveaError('shape', message, where()())
    }
    const batched = args.flatMap((arg, i) => flatten(arg).leaves.map(() => inAxes?.[i] !== null))
    const sizes = new Set<number>()
    flat.leaves.forEach((x, i) => {
      if (!batched[i]) return
      if (!x.aval.shape.length) fail(`vmap: expected a leading axis to map at '${flat.paths[i]}', got a scalar`)
      sizes.add(x.aval.shape[0])
    })
    if (sizes.size !== 1)
      fail(
        sizes.size
          ? `vmap: expected one size of the mapped axis, got ${[...sizes].join(' and ')} in ${flat.leaves.map((x) => showShape(x.aval.shape)).join(', ')}`
          : 'vmap: expected at least one tensor to map over',
      )
    const [n] = sizes
    const one = flat.leaves.map((x, i) =>
      inputTensor(batched[i] ? { ...x.aval, shape: x.aval.shape.slice(1) } : x.aval, flat.paths[i]),
    )
    const traced = traceFn(f as (...args: any[]) => unknown, unflatten(flat.tree, one) as unknown[], f.name || 'vmap')
    const inputs = [...flat.leaves, ...traced.captured]
    const outs = batchFn(traced.fn, inputs, [...batched, ...traced.captured.map(() => false)], n)
    return unflatten(traced.outTree, outs) as Batched<R, number>
  }
}
