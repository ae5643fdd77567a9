import { isFloat } from '../ir/dtype.js'
import type { Target } from '../ir/program.js'
import type { Aval, Eqn, Fn, Params, Var } from '../ir/types.js'
import { opOf } from '../ops/op.js'
import * as p from '../ops/prim.js'
import { collect } from '../trace/collect.js'
import { at } from '../trace/source.js'
import { inputTensor, nodeCount } from '../trace/tensor.js'

/**
 * Replaces composite ops by their decompositions, which keep the composite's place and scope; and ops with a kernel of their own
 * that doesn't fit, or all of them when there is no target.
 */
export function expand(fn: Fn, target?: Target): Fn {
  let next = 1 + Math.max(-1, ...fn.inputs.map((v) => v.id), ...fn.eqns.flatMap((q) => q.outputs.map((v) => v.id)))
  const renamed = new Map<Var, Var>()
  const now = (v: Var): Var => renamed.get(v) ?? v
  const eqns: Eqn[] = []
  const cache = new Map<string, Fn>()
  for (const eqn of fn.eqns) {
    const avals = eqn.inputs.map((v) => v.aval)
    if (!expands(eqn.op, avals, eqn.params, target)) {
      eqns.push({ ...eqn, inputs: eqn.inputs.map(now) })
      continue
    }
    const outAvals = eqn.outputs.map((v) => v.aval)
    const body = decomposition(eqn.op, avals, eqn.params, outAvals, cache, target)
    const inner = new Map<Var, Var>(body.inputs.map((v, i) => [v, now(eqn.inputs[i])]))
    for (const q of body.eqns) {
      const outputs = q.outputs.map((v) => ({ id: next++, aval: v.aval }))
      eqns.push({
        op: q.op,
        params: q.params,
        ...(q.fns && { fns: q.fns }),
        inputs: q.inputs.map((v) => inner.get(v)!),
        outputs,
        loc: eqn.loc,
        scope: eqn.scope,
      })
      q.outputs.forEach((v, i) => {
        inner.set(v, outputs[i])
      })
    }
    body.outputs.forEach((v, i) => {
      renamed.set(eqn.outputs[i], inner.get(v)!)
    })
  }
  return { ...fn, eqns, outputs: fn.outputs.map(now) }
}

function expands(op: string, ins: readonly Aval[], params: Params, target?: Target): boolean {
  const { kernel } = opOf(op)
  if (kernel.kind === 'attention') return !target || !kernel.fits(ins, params, target)
  if (kernel.kind === 'scatter') return target !== undefined && !kernel.fits(ins, params, target)
  return kernel.kind === 'composite'
}

/**
 * A composite of composites is expanded all the way. One of f16 or bf16 computes in f32, and rounds its results; what may become kernels
 * of its own says where it does.
 */
function decomposition(
  op: string,
  avals: readonly Aval[],
  params: Params,
  outAvals: readonly Aval[],
  cache: Map<string, Fn>,
  target?: Target,
): Fn {
  const key = JSON.stringify([op, avals, params])
  let body = cache.get(key)
  if (!body) {
    const { kernel } = opOf(op)
    if (kernel.kind !== 'composite' && kernel.kind !== 'attention' && kernel.kind !== 'scatter')
      throw new Error(`internal: ${op} is not a composite`)
    const since = nodeCount()
    const inputs = avals.map((a, i) => inputTensor(a, `${op} ${i}`))
    const outs = at(
      () => undefined,
      '',
      () =>
        kernel
          .expand(
            inputs.map((x) => (kernel.kind !== 'attention' && isFloat(x.dtype) ? p.cast(x, 'f32') : x)),
            params,
            target,
          )
          .map((y, i) => p.cast(y, outAvals[i].dtype)),
    )
    body = expand(collect(outs, inputs, op, since).fn, target)
    cache.set(key, body)
  }
  return body
}
