import { isFloat, size } from '../ir/types.js'
import * as p from '../ops/prim.js'
import { tracePrinting } from '../trace/collect.js'
import { FoveaError } from '../trace/error.js'
import { where } from '../trace/source.js'
import { type AnyTensor, flatten, type TreeDef, unflatten } from '../trace/tree.js'
import type { Hessian, JacobianOf } from '../types/transform.js'
import { type Linearized, linearizeTraced } from './vjp.js'
import { vmap } from './vmap.js'

/** Every direction of a tensor's elements: [n, ...shape], n its number of elements. */
function basis({ aval: { shape, dtype } }: AnyTensor): AnyTensor {
  const n = size(shape)
  const count = (axis: number): AnyTensor => p.iota([n, n], axis, 'i32')
  return p.reshape(p.cast(p.eq(count(0), count(1)), dtype), [n, ...shape])
}

/** [n, ...back], n the number of `front`'s elements, as [...back, ...front]. */
const firstToBack = (x: AnyTensor, front: readonly number[]): AnyTensor => {
  const back = x.aval.shape.slice(1)
  const moved = p.transpose(x, [...back.map((_, i) => i + 1), 0])
  return p.reshape(moved, [...back, ...front])
}

interface Argument {
  readonly tree: TreeDef
  readonly leaves: readonly AnyTensor[]
}

/** The linear map at `args`, and the derivative of each output leaf by each leaf of argument `argnum`, as trees. */
function jacobian(
  name: string,
  f: (...args: any[]) => unknown,
  argnum: number,
  block: (lin: Linearized, offset: number, argument: Argument) => AnyTensor[][],
) {
  return (...args: unknown[]): unknown => {
    const fail = (message: string): never => {
      throw new FoveaError('shape', message, where()())
    }
    if (!Number.isInteger(argnum) || argnum < 0 || argnum >= args.length)
      fail(`${name}: argnums ${argnum} is out of range for ${args.length} arguments`)
    const parts = args.map(flatten)
    const { leaves, tree } = parts[argnum]
    if (!leaves.length || !leaves.every((x) => isFloat(x.aval.dtype)))
      fail(`${name}: expected float tensors in argument ${argnum}`)
    const traced = tracePrinting(f, args, f.name || name)
    const lin = linearizeTraced(
      traced,
      parts.flatMap((part) => part.leaves),
      parts.flatMap((part, n) => part.leaves.map(() => n === argnum)),
    )
    const offset = parts.slice(0, argnum).reduce((sum, part) => sum + part.leaves.length, 0)
    const blocks = block(lin, offset, { tree, leaves })
    return unflatten(lin.outTree, blocks.map((row) => unflatten(tree, row)) as any[])
  }
}

/**
 * The Jacobian by forward mode, one pass for all directions of the argument `argnums` (default the first): for f from x to y
 * a tensor of shape [...y's, ...x's]; for trees, the result's tree of the argument's tree. Best where results outnumber
 * arguments. Throws FoveaError 'shape' when the argument has leaves that are not float.
 *
 * @example
 * const jacobian = jacfwd((x) => mul(x, x))
 * console.log(await jacobian(tensor([1, 2])).data()) // Float32Array(4) [ 2, 0, 0, 4 ]
 */
export const jacfwd = ((f: (...args: any[]) => unknown, { argnums = 0 } = {}) =>
  jacobian('jacfwd', f, argnums, (lin, offset, { leaves }) => {
    const columns = leaves.map((x, i) => {
      const push = (t: AnyTensor): AnyTensor[] => {
        const ts: AnyTensor[] = []
        leaves.forEach((other, j) => {
          ts[offset + j] = i === j ? t : p.like(other, 0)
        })
        return lin.pushforward(ts)
      }
      return (vmap(push)(basis(x) as any) as AnyTensor[]).map((y) => firstToBack(y, x.aval.shape))
    })
    return lin.outs.map((_, o) => columns.map((column) => column[o]))
  })) as JacobianOf

/**
 * The Jacobian by reverse mode, one pass for all elements of the result; like `jacfwd` otherwise. Best where arguments
 * outnumber results.
 *
 * @example
 * const jacobian = jacrev((x) => sum(mul(x, x)))
 * console.log(await jacobian(tensor([1, 2])).data()) // Float32Array(2) [ 2, 4 ]
 */
export const jacrev = ((f: (...args: any[]) => unknown, { argnums = 0 } = {}) =>
  jacobian('jacrev', f, argnums, (lin, offset, { leaves }) =>
    lin.outs.map((y, o) => {
      const pull = (ct: AnyTensor): AnyTensor[] => {
        const cts = lin.pullback(lin.outs.map((_, i) => (i === o ? ct : null)))
        return leaves.map((x, i) => cts[offset + i] ?? p.like(x, 0))
      }
      return (vmap(pull)(basis(y) as any) as AnyTensor[]).map((g, i) =>
        p.reshape(g, [...y.aval.shape, ...leaves[i].aval.shape]),
      )
    }),
  )) as JacobianOf

/**
 * Second derivatives of a scalar function: `jacfwd` of `jacrev`. For x of shape s a tensor [...s, ...s]; for a tree, the tree of
 * trees.
 *
 * @example
 * const second = hessian((x) => sum(mul(mul(x, x), x)))
 * console.log(await second(tensor([1, 2])).data()) // Float32Array(4) [ 6, 0, 0, 12 ]
 */
export const hessian = ((f: (...args: any[]) => any, options?: { readonly argnums?: number }) =>
  jacfwd(jacrev(f, options) as any, options)) as Hessian
