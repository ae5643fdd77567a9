import type { DType } from '../ir/types.js'
import { showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { Dims } from '../types/dim.js'
import type { MeshGrid } from '../types/grids.js'
import type { AnyTensor, DTypeOf, ShapesOf } from '../types/operand.js'
import type { Ok, Param } from '../types/shape.js'
import { sizesOf } from './axes.js'
import { fail } from './fail.js'
import { tensorOf } from './operand.js'

type Line = { readonly endpoint?: boolean }
/** start + (stop - start)·i / n as a weighted mean, so that both ends are exact. */
function line(op: string, start: number, stop: number, n: number, { endpoint = true }: Line): AnyTensor {
  const shape = sizesOf(op, [n])
  const last = endpoint ? n - 1 : n
  const at = prim.iota(shape, 0, 'f32')
  const part = prim.div(at, prim.like(at, Math.max(last, 1)))
  const rest = prim.sub(prim.like(at, 1), part)
  return prim.add(prim.mul(prim.like(at, start), rest), prim.mul(prim.like(at, stop), part))
}

/**
 * `n` numbers from `start` to `stop` (with `endpoint: false`, up to and without it), equally far apart; f32.
 *
 * @example
 * const x = linspace(0, 1, 5)
 */
export const linspace = <const N extends number = 50>(
  start: number,
  stop: number,
  n?: N,
  options: Line = {},
): Tensor<Dims<[N]>, 'f32'> => line('linspace', start, stop, n ?? 50, options)

/**
 * `base` (10 when absent) to the powers `linspace(start, stop, n)`, f32.
 *
 * @example
 * const rates = logspace(-4, -1, 4)
 */
export const logspace = <const N extends number = 50>(
  start: number,
  stop: number,
  n?: N,
  options: Line & { readonly base?: number } = {},
): Tensor<Dims<[N]>, 'f32'> => {
  const powers = line('logspace', start, stop, n ?? 50, options)
  return prim.pow(prim.like(powers, options.base ?? 10), powers)
}

/**
 * A grid from vectors: each repeated along the dims of the others. With indexing 'xy' (NumPy's, when absent) the second vector's dim is
 * first; with 'ij' dims are in the order of the vectors.
 * Throws FoveaError 'shape' when one is not a vector.
 *
 * @example
 * const [row, column] = meshgrid([arange(3), arange(4)], { indexing: 'ij' })
 */
export function meshgrid<const Ts extends readonly AnyTensor[], const I extends 'xy' | 'ij' = 'xy'>(
  vectors: Param<Ts, MeshGrid<ShapesOf<Ts>, I>>,
  options: { readonly indexing?: I } = {},
): { -readonly [K in keyof Ts]: Tensor<Ok<MeshGrid<ShapesOf<Ts>, I>>, DTypeOf<Ts[K]>> } {
  const xs = (vectors as readonly unknown[]).map((x) => tensorOf('meshgrid', x))
  for (const { aval } of xs)
    if (aval.shape.length !== 1) fail('shape', `meshgrid: expected vectors, got ${showShape(aval.shape)}`)
  const swap = options.indexing !== 'ij' && xs.length > 1
  const place = (i: number): number => (swap && i < 2 ? 1 - i : i)
  const shape = xs.map((_, i) => xs[place(i)].aval.shape[0])
  return xs.map((x, i) => prim.broadcastInDim(x, shape, [place(i)])) as never
}

/**
 * The index of each place of a shape: [rank, ...shape], i32.
 *
 * @example
 * const [row, column] = split(indices([2, 3]), 2)
 */
export const indices = <const N extends readonly number[], const D extends DType = 'i32'>(
  shape: N,
  dtype: D = 'i32' as D,
): Tensor<Dims<[N['length'], ...N]>, D> => {
  const sizes = sizesOf('indices', shape)
  if (!sizes.length) return prim.full([0], 0, dtype)
  const one = sizes.map((_, axis) => prim.reshape(prim.iota(sizes, axis, dtype), [1, ...sizes]))
  return one.length === 1 ? one[0] : prim.concat(one, 0)
}
