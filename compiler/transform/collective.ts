import type { Aval } from '../ir/types.js'
import { type OpRecord, op } from '../ops/op.js'
import * as p from '../ops/prim.js'
import { FoveaError } from '../trace/error.js'
import type { Tensor } from '../trace/tensor.js'
import { bind1 } from '../trace/tensor.js'
import { type AnyTensor, treeMap } from '../trace/tree.js'
import { createMemo } from './function-op.js'
import { namedAxis } from './named-axis.js'

/**
 * Operations across a named mapped axis: inside the function that `vmap(f, …, { axisName })` maps, the instances of `f` see each
 * other's values. Two ops are enough, and `vmap` resolves them: `allGather`, all instances' values, and `axisIndex`, an instance's number.
 */
const unbound = (name: string): never => {
  throw new FoveaError('trace', `a collective over the axis '${name}' is used outside of the vmap that names it`)
}
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** One op for each name and size of an axis. */
const gatherOp = createMemo(
  ({ name, size }: { name: string; size: number }): OpRecord =>
    op({
      name: `allGather_${name.replace(/\W+/g, '_')}_${size}`,
      doc: `All instances' values along the mapped axis '${name}'.`,
      infer: ([x]): Aval[] => [{ shape: [size, ...x.shape], dtype: x.dtype }],
      eval: () => unbound(name),
      jvp: ({ tangents: [t] }) => [t && gather(t, name, size)],
      // Each instance is one row of every instance's result: the sum of all cotangents, and of that its own row.
      transpose: ({ cotangents: [ct] }) => {
        if (!ct) return [null]
        const total = p.reduceSum(gather(ct, name, size), [0])
        const row = p.gather(total, p.reshape(indexOf(name, size), [1]))
        return [p.reshape(row, row.aval.shape.slice(1))]
      },
      batch: ({ inputs: [x], batched: [on], axisName }) => {
        if (axisName === name)
          return {
            outs: [
              on
                ? x
                : p.broadcastInDim(
                    x,
                    [size, ...x.aval.shape],
                    range(x.aval.shape.length).map((d) => d + 1),
                  ),
            ],
            batched: [false],
          }
        const rows = gather(x, name, size)
        const [first, second, ...rest] = range(rows.aval.shape.length)
        return [p.transpose(rows, [second, first, ...rest])]
      },
      kernel: { kind: 'composite', expand: () => unbound(name) },
      samples: [],
    }),
  ({ name, size }) => `${size} ${name}`,
)
const gather = (x: AnyTensor, name: string, size: number): AnyTensor =>
  bind1(gatherOp({ name, size }), [x], { axisName: name })

const indexOp = createMemo(
  ({ name, size }: { name: string; size: number }): OpRecord =>
    op({
      name: `axisIndex_${name.replace(/\W+/g, '_')}_${size}`,
      doc: `The number of an instance along the mapped axis '${name}'.`,
      infer: () => [{ shape: [], dtype: 'i32' }],
      eval: () => unbound(name),
      jvp: 'nondifferentiable',
      transpose: 'nonlinear',
      batch: () => [p.iota([size], 0, 'i32')],
      kernel: { kind: 'composite', expand: () => unbound(name) },
      samples: [],
    }),
  ({ name, size }) => `${size} ${name}`,
)
const indexOf = (name: string, size: number): AnyTensor => bind1(indexOp({ name, size }), [], { axisName: name })

const across =
  (op: string, fold: (rows: AnyTensor, size: number) => AnyTensor) =>
  <T>(tree: T, axisName: string): T => {
    const size = namedAxis(op, axisName)
    return treeMap((x) => fold(gather(x, axisName, size), size), tree)
  }

/**
 * The sum of all instances' values along a named mapped axis, for each tensor of a tree.
 * Throws FoveaError 'trace' when no vmap around names the axis.
 *
 * @example
 * const shares = vmap((x) => div(x, psum(x, 'i')), 0, 0, { axisName: 'i' })
 * console.log(await shares(tensor([1, 3])).data()) // Float32Array(2) [ 0.25, 0.75 ]
 */
export const psum = across('psum', (rows) => p.reduceSum(rows, [0]))

/**
 * The mean of all instances' values along a named mapped axis; otherwise like `psum`.
 *
 * @example
 * const centered = vmap((x) => sub(x, pmean(x, 'i')), 0, 0, { axisName: 'i' })
 * console.log(await centered(tensor([1, 3])).data()) // Float32Array(2) [ -1, 1 ]
 */
export const pmean = across('pmean', (rows, size) => {
  const total = p.reduceSum(rows, [0])
  return p.mul(total, p.like(total, 1 / size))
})

/**
 * The largest of all instances' values along a named mapped axis; otherwise like `psum`.
 *
 * @example
 * const below = vmap((x) => sub(x, pmax(x, 'i')), 0, 0, { axisName: 'i' })
 * console.log(await below(tensor([1, 3])).data()) // Float32Array(2) [ -2, 0 ]
 */
export const pmax = across('pmax', (rows) => p.reduceMax(rows, [0]))

/**
 * The smallest of all instances' values along a named mapped axis; otherwise like `psum`.
 *
 * @example
 * const above = vmap((x) => sub(x, pmin(x, 'i')), 0, 0, { axisName: 'i' })
 * console.log(await above(tensor([1, 3])).data()) // Float32Array(2) [ 0, 2 ]
 */
export const pmin = across('pmin', (rows) => p.reduceMin(rows, [0]))

/**
 * All instances' values along a named mapped axis: x of shape s becomes [n, ...s], the same in every instance.
 * Throws FoveaError 'trace' when no vmap around names the axis.
 *
 * @example
 * const all = vmap((x) => allGather(x, 'i'), 0, 0, { axisName: 'i' })
 * console.log(await all(tensor([1, 2])).data()) // Float32Array(4) [ 1, 2, 1, 2 ]
 */
export const allGather = <S, D>(
  x: Tensor<S, D>,
  axisName: string,
): Tensor<S extends readonly unknown[] ? [number, ...S] : any, D> =>
  gather(x, axisName, namedAxis('allGather', axisName))

/**
 * The number of this instance along a named mapped axis, an i32 scalar.
 * Throws FoveaError 'trace' when no vmap around names the axis.
 *
 * @example
 * const numbered = vmap((x) => add(x, cast(axisIndex('i'), 'f32')), 0, 0, { axisName: 'i' })
 * console.log(await numbered(tensor([10, 10])).data()) // Float32Array(2) [ 10, 11 ]
 */
export const axisIndex = (axisName: string): Tensor<[], 'i32'> => indexOf(axisName, namedAxis('axisIndex', axisName))

/**
 * The size of a named mapped axis. Throws FoveaError 'trace' when no vmap around names it.
 *
 * @example
 * const scaled = vmap((x) => mul(x, axisSize('i')), 0, 0, { axisName: 'i' })
 * console.log(await scaled(tensor([1, 2])).data()) // Float32Array(2) [ 2, 4 ]
 */
export const axisSize = (axisName: string): number => namedAxis('axisSize', axisName)
