import type { AnyTensor } from '../../compiler/ops/op.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { flatten, treeKey } from '../../compiler/trace/tree.js'
import { jit } from '../../runtime/jit.js'
import { difference, type Tolerance } from './assert-close.js'
import { reference, refsOf } from './reference.js'

/**
 * Asserts that `f`, compiled and run on the device, agrees with the f64 reference interpreter at `args` (a tuple of trees of
 * tensors, one per argument), leaf by leaf as `assertClose` does. Throws FoveaError 'assert' naming the leaf.
 *
 * @example
 * await checkJit((x) => softmax(x, -1), [tensor([[1, 2], [3, 4]])])
 */
export async function checkJit<A extends readonly any[]>(
  f: (...args: A) => unknown,
  args: A,
  tolerance: Tolerance = {},
): Promise<void> {
  const name = f.name || 'f'
  const { run, outTree } = await reference(f, args)
  const want = run(await refsOf(flatten(args).leaves))
  const got = flatten(await (jit(f) as (...args: A) => Promise<unknown>)(...args))
  if (treeKey(got.tree) !== treeKey(outTree))
    throw new FoveaError(
      'assert',
      `checkJit: '${name}' returns ${treeKey(got.tree)} compiled and ${treeKey(outTree)} traced`,
    )
  const results = await refsOf(got.leaves as AnyTensor[])
  results.forEach((result, i) => {
    const problem = difference(result, want[i], tolerance)
    if (problem) throw new FoveaError('assert', `checkJit: result '${got.paths[i]}' of '${name}': ${problem}`)
  })
}
