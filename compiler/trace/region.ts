import type { Aval, Fn, Var } from '../ir/types.js'
import { opOf } from '../ops/op.js'
import { traceFn } from './collect.js'
import { at } from './source.js'
import { bind, inputTensor } from './tensor.js'
import type { AnyTensor } from './tree.js'

/** A function for an equation to run: closed, the values it uses from outside are its first inputs. */
export interface Region {
  readonly fn: Fn
  readonly captured: readonly AnyTensor[]
}

/** `f` on values of these types. */
export function region(f: (xs: AnyTensor[]) => readonly AnyTensor[], types: readonly Aval[], name: string): Region {
  const placeholders = types.map((aval, i) => inputTensor(aval, String(i)))
  const { fn, captured } = traceFn((...xs) => f(xs), placeholders, name)
  return { fn: capturedFirst(fn, captured.length), captured }
}

/** A traced function takes what it captured last; a region takes it first. */
export function capturedFirst(fn: Fn, captured: number): Fn {
  const args = fn.inputs.length - captured
  return { ...fn, inputs: [...fn.inputs.slice(args), ...fn.inputs.slice(0, args)] }
}

/** Regions of the same arguments, as functions that all take what any of them captured. */
export function joined(regions: readonly Region[]): { fns: Fn[]; captured: AnyTensor[] } {
  const captured = [...new Set(regions.flatMap((r) => r.captured))]
  const fns = regions.map(({ fn, captured: own }) => {
    let id = 1 + Math.max(-1, ...fn.inputs.map((v) => v.id), ...fn.eqns.flatMap((q) => q.outputs.map((v) => v.id)))
    const consts = captured.map((x): Var => {
      const known = own.indexOf(x)
      return known < 0 ? { id: id++, aval: x.aval } : fn.inputs[known]
    })
    return { ...fn, inputs: [...consts, ...fn.inputs.slice(own.length)] }
  })
  return { fns, captured }
}

/** The equations of `fn` on these values, as part of the graph being made. */
export function inline(fn: Fn, inputs: readonly AnyTensor[]): AnyTensor[] {
  const values = new Map<Var, AnyTensor>(fn.inputs.map((v, i) => [v, inputs[i]]))
  for (const eqn of fn.eqns) {
    const operands = eqn.inputs.map((v) => values.get(v)!)
    const outs = at(
      () => eqn.loc,
      eqn.scope,
      () => bind(opOf(eqn.op), operands, eqn.params, eqn.fns),
    )
    eqn.outputs.forEach((v, i) => {
      values.set(v, outs[i])
    })
  }
  return fn.outputs.map((v) => values.get(v)!)
}
