import { interpret } from '../../compiler/interpret/interpret.js'
import { showShape, size } from '../../compiler/ir/types.js'
import type { RefArray } from '../../compiler/ops/op.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { inputTensor } from '../../compiler/trace/tensor.js'
import { flatten, treeKey, unflatten } from '../../compiler/trace/tree.js'
import { vmap } from '../../compiler/transform/vmap.js'
import { difference, type Tolerance } from './assert-close.js'
import { reference, refsOf } from './reference.js'

/**
 * Asserts that `vmap(f, inAxes)` at `args` is the loop over examples: `f` called with each slice of what is mapped, and the
 * results stacked in front. `inAxes` has an axis for each argument, or null where it is the same for all; default 0.
 * Runs in the f64 reference interpreter. Throws FoveaError 'assert' naming the leaf and the example.
 *
 * @example
 * await checkVmap((x, w) => tanh(matmul(x, w)), [ones([5, 2, 3]), ones([3, 4])], [0, null])
 */
export async function checkVmap<A extends readonly any[]>(
  f: (...args: A) => unknown,
  args: A,
  inAxes: readonly (number | null)[] = args.map(() => 0),
  tolerance: Tolerance = { rtol: 1e-9, atol: 1e-9 },
): Promise<void> {
  const name = f.name || 'f'
  const { leaves, tree, paths } = flatten(args)
  const axes = args.flatMap((arg, i) => flatten(arg).leaves.map(() => inAxes[i] ?? null))
  const mapped = axes.findIndex((axis) => axis !== null)
  if (mapped < 0) throw new FoveaError('input', `checkVmap: expected an argument of '${name}' to be mapped, got none`)
  const batched = await reference(vmap(f as (...xs: any[]) => unknown, [...inAxes]) as (...xs: any[]) => unknown, args)
  const inputs = await refsOf(leaves)
  const got = batched.run(inputs)

  const one = leaves.map((x, i) => inputTensor(axes[i] === null ? x.aval : without(x.aval, axes[i]), paths[i]))
  const { fn, captured, outTree } = traceFn(f, unflatten(tree, one) as unknown[], name)
  if (treeKey(outTree) !== treeKey(batched.outTree))
    throw new FoveaError(
      'assert',
      `checkVmap: '${name}' returns ${treeKey(batched.outTree)} mapped and ${treeKey(outTree)} alone`,
    )
  const constants = await refsOf(captured)
  const n = inputs[mapped].shape[axes[mapped]!]
  for (let example = 0; example < n; example++) {
    const slices = inputs.map((x, i) => (axes[i] === null ? x : taken(x, axes[i], example)))
    interpret(fn, [...slices, ...constants]).forEach((want, k) => {
      const problem = difference(taken(got[k], 0, example), want, tolerance)
      if (problem)
        throw new FoveaError('assert', `checkVmap: result ${k} of '${name}', example ${example} of ${n}: ${problem}`)
    })
  }
}

const without = <T extends { readonly shape: readonly number[] }>(x: T, axis: number): T => {
  const at = axis < 0 ? axis + x.shape.length : axis
  if (!(at >= 0 && at < x.shape.length))
    throw new FoveaError('shape', `checkVmap: axis ${axis} is out of range for shape ${showShape(x.shape)}`)
  return { ...x, shape: x.shape.filter((_, d) => d !== at) }
}

/** Element `i` along an axis. */
function taken(x: RefArray, axis: number, i: number): RefArray {
  const at = axis < 0 ? axis + x.shape.length : axis
  const inner = size(x.shape.slice(at + 1))
  const data = x.data.filter((_, k) => Math.floor(k / inner) % x.shape[at] === i)
  return { ...without(x, axis), data }
}
