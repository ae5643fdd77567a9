import { builder } from '../ir/build.js'
import type { Eqn, Fn, Var } from '../ir/types.js'

/**
 * Readies the ops that run functions: what remat wraps becomes part of the function, since what it is about was settled by the
 * derivative, and a conditional's index is moved into range, so that it names a branch.
 */
export function control(fn: Fn): Fn {
  if (!fn.eqns.some((eqn) => eqn.op === 'remat' || eqn.op === 'cond')) return fn
  const b = builder(fn)
  const inlined = (wrapped: Fn, inputs: readonly Var[], from: Eqn): readonly Var[] => {
    const values = new Map<Var, Var>(wrapped.inputs.map((v, i) => [v, inputs[i]]))
    for (const q of wrapped.eqns) {
      const eqn = { ...q, loc: q.loc ?? from.loc, scope: q.scope || from.scope }
      const operands = q.inputs.map((v) => values.get(v)!)
      const outs = write(eqn, operands, () => b.make(q.op, operands, q.params, eqn, q.fns).outputs)
      q.outputs.forEach((v, i) => {
        values.set(v, outs[i])
      })
    }
    return wrapped.outputs.map((v) => values.get(v)!)
  }
  /** The equation on these inputs: its results, which are `outputs` where it stays. */
  const write = (eqn: Eqn, inputs: readonly Var[], outputs: () => readonly Var[]): readonly Var[] => {
    if (eqn.op === 'remat') return inlined(eqn.fns![0], inputs, eqn)
    const [index, ...operands] = inputs
    const made = { ...eqn, inputs: eqn.op === 'cond' ? [clamped(index, eqn), ...operands] : inputs, outputs: outputs() }
    b.push(made)
    return made.outputs
  }
  const clamped = (index: Var, eqn: Eqn): Var => {
    const value = (n: number): Var => push('constant', [], { value: n, dtype: 'i32' })
    const push = (op: string, inputs: readonly Var[], params: Eqn['params'] = {}): Var => {
      const made = b.make(op, inputs, params, eqn)
      b.push(made)
      return made.outputs[0]
    }
    return push('max', [push('min', [index, value(eqn.fns!.length - 1)]), value(0)])
  }
  for (const eqn of fn.eqns) {
    const outs = write(eqn, eqn.inputs.map(b.read), () => eqn.outputs)
    eqn.outputs.forEach((v, i) => {
      if (outs[i] !== v) b.replace(v, outs[i])
    })
  }
  return b.finish()
}
