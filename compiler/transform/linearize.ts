import { isFloat, sameShape, showAval } from '../ir/types.js'
import { traceFn } from '../trace/collect.js'
import { FoveaError } from '../trace/error.js'
import { flatten, treeKey, unflatten } from '../trace/tree.js'
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
  const traced = traceFn(f as (...args: any[]) => unknown, primals, f.name || 'linearize')
  const lin = linearizeTraced(
    traced,
    flat.leaves,
    flat.leaves.map(() => true),
  )
  const pushforward = (...tangents: A): R => {
    const given = flatten(tangents)
    if (treeKey(flat.tree) !== treeKey(given.tree))
      throw new FoveaError('tree', 'linearize: expected tangents with the structure of the primals')
    flat.leaves.forEach((x, i) => {
      if (isFloat(x.aval.dtype) && !sameShape(given.leaves[i].aval.shape, x.aval.shape))
        throw new FoveaError(
          'shape',
          `linearize: expected a tangent ${showAval(x.aval)} at '${flat.paths[i]}', got ${showAval(given.leaves[i].aval)}`,
        )
    })
    return unflatten(lin.outTree, lin.pushforward(given.leaves)) as R
  }
  return [unflatten(lin.outTree, lin.outs) as R, pushforward]
}
