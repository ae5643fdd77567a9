import { tracePrinting } from '../trace/collect.js'
import { flatten, unflatten } from '../trace/tree.js'
import { tangentLeaves } from './jvp.js'
import { linearizeTraced } from './vjp.js'

/**
 * The value of `f` at `primals`, and its derivative there as a linear function of tangents (same trees as the primals):
 * `jvp` with the work on the primals done once, for many tangents. Tangents of leaves that are not float are ignored.
 * Throws FoveaError 'tree' or 'shape' when the tangents are not like the primals.
 *
 * @example
 * const [y, pushforward] = linearize((x) => mul(x, x), tensor([3]))
 * console.log(await pushforward(tensor([1])).data()) // Float32Array(1) [ 6 ]
 */
export function linearize<A extends readonly any[], R>(
  f: (...args: A) => R,
  ...primals: A
): [out: R, pushforward: (...tangents: A) => R] {
  const flat = flatten(primals)
  const traced = tracePrinting(f as (...args: any[]) => unknown, primals, f.name || 'linearize')
  const lin = linearizeTraced(
    traced,
    flat.leaves,
    flat.leaves.map(() => true),
  )
  const pushforward = (...tangents: A): R =>
    unflatten(lin.outTree, lin.pushforward(tangentLeaves('linearize', flat, tangents))) as R
  return [unflatten(lin.outTree, lin.outs) as R, pushforward]
}
