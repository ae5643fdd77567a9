import type { Aval, Fn, Var } from '../ir/types.js'
import { opOf } from '../ops/op.js'
import { traceFn } from '../trace/collect.js'
import { at } from '../trace/source.js'
import { bind, inputTensor } from '../trace/tensor.js'
import type { AnyTensor } from '../trace/tree.js'
import { batchFn, inFront, type MappedAxis } from './vmap.js'

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

/** Types of `fn`'s inputs, with the mapped axis in front of those in `on`. */
const mappedTypes = (fn: Fn, on: readonly boolean[], { size }: MappedAxis): Aval[] =>
  fn.inputs.map(({ aval }, i) => (on[i] ? { ...aval, shape: [size, ...aval.shape] } : aval))

/** `fn` mapped over the inputs in `on`; the outputs in `out`, and those that must, carry the axis. */
export const mappedRegion = (fn: Fn, on: readonly boolean[], axis: MappedAxis, out: readonly boolean[]): Region =>
  region((xs) => mappedTo(fn, xs, on, axis, out), mappedTypes(fn, on, axis), fn.name)

export function mappedTo(
  fn: Fn,
  xs: readonly AnyTensor[],
  on: readonly boolean[],
  axis: MappedAxis,
  out: readonly boolean[],
): AnyTensor[] {
  const { outs, batched } = batchFn(fn, xs, on, axis)
  return outs.map((y, i) => (out[i] && !batched[i] ? inFront(y, axis.size) : y))
}

/** Which outputs of `fn` carry the mapped axis when the inputs in `on` do. */
export const mappedOutputs = (fn: Fn, on: readonly boolean[], axis: MappedAxis): readonly boolean[] =>
  batchFn(
    fn,
    mappedTypes(fn, on, axis).map((aval, i) => inputTensor(aval, String(i))),
    on,
    axis,
  ).batched

/** The least set that holds `start` and to which `grow` adds nothing: what of a loop's carry becomes mapped, or gets a tangent. */
export function fixpoint(
  start: readonly boolean[],
  grow: (now: readonly boolean[]) => readonly boolean[],
): readonly boolean[] {
  let now = start
  for (;;) {
    const more = grow(now)
    if (now.every((yes, i) => yes || !more[i])) return now
    now = now.map((yes, i) => yes || more[i])
  }
}
