import { opOf } from '../ops/op.js'
import type { Eqn, Fn, Params, Var } from './types.js'

/**
 * Writes an Fn anew, front to back: what a pass that replaces values is built on.
 * Values keep their ids unless they are new; a replaced value stands for another from then on.
 */
export interface Builder {
  /** What stands for `v` now. */
  read(v: Var): Var
  /** The equation that writes `v` in the new function; undefined for an input. */
  definition(v: Var): Eqn | undefined
  /** `eqn` on what stands for its inputs now. Not yet part of the function. */
  update(eqn: Eqn): Eqn
  /** Adds an equation. */
  push(eqn: Eqn): void
  /** An equation at the place and in the scope of `from`, its results new values of the inferred types. Not yet part of the function. */
  make(op: string, inputs: readonly Var[], params: Params, from: Pick<Eqn, 'loc' | 'scope'>, fns?: readonly Fn[]): Eqn
  /** From now on `v` is `by`. */
  replace(v: Var, by: Var): void
  finish(): Fn
}

export function builder(fn: Fn): Builder {
  const eqns: Eqn[] = []
  const standsFor = new Map<Var, Var>()
  const definitions = new Map<Var, Eqn>()
  let nextId = 1 + fn.eqns.reduce((n, eqn) => eqn.outputs.reduce(larger, n), fn.inputs.reduce(larger, -1))
  const read = (v: Var): Var => standsFor.get(v) ?? v
  return {
    read,
    definition: (v) => definitions.get(v),
    update: (eqn) => (eqn.inputs.some((v) => standsFor.has(v)) ? { ...eqn, inputs: eqn.inputs.map(read) } : eqn),
    push: (eqn) => {
      eqns.push(eqn)
      for (const v of eqn.outputs) definitions.set(v, eqn)
    },
    make: (op, inputs, params, { loc, scope }, fns) => {
      const avals = opOf(op).infer(
        inputs.map((v) => v.aval),
        params,
        fns,
      )
      const outputs = avals.map((aval) => ({ id: nextId++, aval }))
      return { op, inputs, params, ...(fns && { fns }), outputs, ...(loc && { loc }), scope }
    },
    replace: (v, by) => {
      standsFor.set(v, by)
    },
    finish: () => ({ ...fn, eqns, outputs: fn.outputs.map(read) }),
  }
}

const larger = (n: number, v: Var): number => Math.max(n, v.id)
