import type { Aval, Fn } from '../ir/types.js'
import { type Region, region } from '../trace/region.js'
import { inputTensor } from '../trace/tensor.js'
import type { AnyTensor } from '../trace/tree.js'
import { batchFn, inFront, type MappedAxis } from './vmap.js'

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
