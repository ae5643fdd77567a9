import type { Fn } from '../ir/types.js'
import { isFloat } from '../ir/types.js'
import * as p from '../ops/prim.js'
import { inline, type Region, region } from '../trace/region.js'
import { inputTensor } from '../trace/tensor.js'
import type { AnyTensor } from '../trace/tree.js'
import { instantiate, jvpFn } from './jvp.js'
import { transposeGraph } from './vjp.js'

/** A function on dual numbers. */
export interface DualRegion extends Region {
  /** Which outputs have tangents. */
  readonly active: readonly boolean[]
}

/** What of a list is marked. */
export const marked = <T>(xs: readonly T[], on: readonly boolean[]): T[] => xs.filter((_, i) => on[i])

/** A list of the marked, spread over the places of all; null elsewhere. */
export function spread<T>(xs: readonly T[], on: readonly boolean[]): (T | null)[] {
  let next = 0
  return on.map((yes) => (yes ? xs[next++] : null))
}

/**
 * `fn` with derivatives: (inputs, tangents of those in `on`) → (outputs, tangents). An output has one when it depends on a tangent, or
 * when `want` says so and it is float.
 */
export function dualRegion(fn: Fn, on: readonly boolean[], want: readonly boolean[] = []): DualRegion {
  let active: readonly boolean[] = []
  const types = fn.inputs.map((v) => v.aval)
  const traced = region(
    (xs) => {
      const result = jvpFn(fn, xs.slice(0, types.length), spread(xs.slice(types.length), on))
      active = result.tangents.map((t, i) => t !== null || (want[i] && isFloat(result.outs[i].aval.dtype)))
      const tangents = result.tangents.map((t, i) => instantiate(t, result.outs[i]))
      return [...result.outs, ...marked(tangents, active)]
    },
    [...types, ...marked(types, on)],
    fn.name,
  )
  return { ...traced, active }
}

/**
 * Cotangents of the inputs in `linear`, zeros included, from those of the outputs. `fn` is linear in these inputs; `known` are the values
 * of the others.
 */
export function pullback(
  fn: Fn,
  linear: readonly boolean[],
  known: readonly AnyTensor[],
  cotangents: readonly (AnyTensor | null)[],
): AnyTensor[] {
  const placeholders = fn.inputs.map((v, i) => (linear[i] ? inputTensor(v.aval, `tangent ${i}`) : null))
  const others = spread(
    known,
    linear.map((yes) => !yes),
  )
  const outs = inline(
    fn,
    placeholders.map((x, i) => x ?? others[i]!),
  )
  const cts = transposeGraph(outs, placeholders, cotangents)
  return marked(fn.inputs, linear).map((v, i) => marked(cts, linear)[i] ?? p.full(v.aval.shape, 0, v.aval.dtype))
}
