import { isFloat, showAval, showShape } from '../ir/types.js'
import * as p from '../ops/prim.js'
import { tracePrinting } from '../trace/collect.js'
import { FoveaError } from '../trace/error.js'
import { where } from '../trace/source.js'
import { Tensor } from '../trace/tensor.js'
import { flatten, unflatten } from '../trace/tree.js'
import type { Grad, GradOptions, ValueAndGrad } from '../types/transform.js'
import { gradTree, linearizeTraced } from './vjp.js'

/**
 * A function that returns the value of `f` and its gradient with respect to the arguments `argnums` (default the first).
 * With `hasAux` the value is [loss, aux]. Gradients have the arguments' tree and types; leaves that are not float get `null`.
 * Throws FoveaError 'shape' when the loss is not a float scalar.
 *
 * @example
 * const step = valueAndGrad((w, x) => mean(square(matmul(x, w))))
 * const [loss, dw] = step(ones([2, 1]), ones([4, 2]))
 * console.log(await loss.item()) // 4
 */
export const valueAndGrad = ((
  f: (...args: any[]) => unknown,
  options: GradOptions<number | readonly number[], boolean> = {},
) => {
  const argnums = options.argnums ?? 0
  const nums = typeof argnums === 'number' ? [argnums] : (argnums as readonly number[])
  return (...args: unknown[]) => {
    const fail = (message: string): never => {
      throw new FoveaError('shape', message, where()())
    }
    for (const n of nums)
      if (!Number.isInteger(n) || n < 0 || n >= args.length)
        fail(`grad: argnums ${n} is out of range for ${args.length} arguments`)
    const parts = args.map(flatten)
    nums.forEach((n) => {
      if (!parts[n].leaves.some((x) => isFloat(x.aval.dtype)))
        fail(
          `grad: expected float tensors in argument ${n}, got ${parts[n].leaves.map((x) => showAval(x.aval)).join(', ') || 'none'}`,
        )
    })
    const traced = tracePrinting(f, args, f.name || 'grad')
    const wanted = parts.flatMap((part, n) => part.leaves.map(() => nums.includes(n)))
    const lin = linearizeTraced(
      traced,
      parts.flatMap((part) => part.leaves),
      wanted,
    )
    const value = unflatten(lin.outTree, lin.outs)
    const loss = options.hasAux
      ? Array.isArray(value) && value.length === 2
        ? value[0]
        : fail('grad: with hasAux the function must return [loss, aux]')
      : value
    if (!(loss instanceof Tensor)) return fail('grad: the function must return a tensor')
    if (loss.aval.shape.length)
      fail(`grad: the loss must be a scalar, got ${showShape(loss.aval.shape)}; reduce it with sum or mean`)
    if (!isFloat(loss.aval.dtype))
      throw new FoveaError('dtype', `grad: the loss must be a float, got ${loss.aval.dtype}`, where()())
    // The loss comes first among the flattened results.
    const cts = lin.pullback(lin.outs.map((y, i) => (i === 0 ? p.like(y, 1) : null)))
    const grads = nums.map((n) => {
      const start = parts.slice(0, n).reduce((sum, part) => sum + part.leaves.length, 0)
      return gradTree(parts[n].tree, parts[n].leaves, cts.slice(start, start + parts[n].leaves.length))
    })
    return [value, typeof argnums === 'number' ? grads[0] : grads]
  }
}) as ValueAndGrad

/**
 * The gradient of a scalar function: `valueAndGrad` without the value. With `hasAux` it returns [grads, aux].
 *
 * @example
 * const slope = grad((x) => sum(mul(x, x)))
 * console.log(await slope(tensor([1, 2])).data()) // Float32Array(2) [ 2, 4 ]
 */
export const grad = ((f: (...args: any[]) => any, options: GradOptions<number | readonly number[], boolean> = {}) => {
  const both = valueAndGrad(f, options)
  return (...args: any[]) => {
    const [value, grads] = both(...args)
    return options.hasAux ? [grads, value[1]] : grads
  }
}) as Grad
