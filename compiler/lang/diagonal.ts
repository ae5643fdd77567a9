import { showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { Diag, Diagonal, Matrices } from '../types/diagonal.js'
import type { AnyTensor, DTypeOf, First, Numeric, ShapeOf, TakesTensor } from '../types/operand.js'
import type { Ok, Param } from '../types/shape.js'
import { axesOf } from './axes.js'
import { fail } from './fail.js'
import { NUMERIC, tensorOf } from './operand.js'

/** The diagonal of the last two dims, as a view: rows of n·m elements read m + 1 apart. */
function diagonalOf(x: AnyTensor, offset: number): AnyTensor {
  const { shape } = x.aval
  const [n, m] = shape.slice(-2)
  const batch = shape.slice(0, -2)
  const [row, column] = [Math.max(-offset, 0), Math.max(offset, 0)]
  const length = Math.max(Math.min(n - row, m - column), 0)
  const flat = prim.reshape(x, [...batch, n * m])
  const zeros = batch.map(() => 0)
  const from = length ? row * m + column : 0
  const to = length ? from + (length - 1) * (m + 1) + 1 : 0
  return prim.slice(flat, [...zeros, from], [...batch, to], [...batch.map(() => 1), m + 1])
}
function diagonalAlong(op: string, input: unknown, offset: number, axis1: number, axis2: number): AnyTensor {
  const x = tensorOf(op, input, op === 'trace' ? NUMERIC : undefined)
  const { shape } = x.aval
  if (shape.length < 2) fail('shape', `${op}: expected rank >= 2, got ${showShape(shape)}`)
  const last = axesOf(op, [axis1, axis2], shape)
  const order = [...shape.map((_, d) => d).filter((d) => !last.includes(d)), ...last]
  return diagonalOf(order.every((d, i) => d === i) ? x : prim.transpose(x, order), offset)
}

/**
 * Elements whose index along `axis2` is that along `axis1` plus `offset`, as the last dim (NumPy: the first two axes when absent).
 * Throws FoveaError 'shape' when an axis is out of range or the rank is below 2.
 *
 * @example
 * const d = diagonal(tensor([[1, 2], [3, 4]]))
 */
export function diagonal<
  X extends AnyTensor,
  const K extends number = 0,
  const A extends number = 0,
  const B extends number = 1,
>(
  x: Param<X, Diagonal<'diagonal', ShapeOf<X>, K, A, B>>,
  offset?: K,
  axis1?: A,
  axis2?: B,
): Tensor<Ok<Diagonal<'diagonal', ShapeOf<X>, K, A, B>>, DTypeOf<X>> {
  return diagonalAlong('diagonal', x, offset ?? 0, axis1 ?? 0, axis2 ?? 1)
}
type Summed<S> = S extends readonly [...infer R, unknown] ? R : S
/**
 * Sum of a diagonal. See `diagonal`.
 *
 * @example
 * const t = trace(tensor([[1, 2], [3, 4]]))
 */
export function trace<
  X extends AnyTensor,
  const K extends number = 0,
  const A extends number = 0,
  const B extends number = 1,
>(
  x: Param<X, First<[TakesTensor<'trace', X, Numeric>], Diagonal<'trace', ShapeOf<X>, K, A, B>>>,
  offset?: K,
  axis1?: A,
  axis2?: B,
): Tensor<Summed<Ok<Diagonal<'trace', ShapeOf<X>, K, A, B>>>, DTypeOf<X>> {
  const d = diagonalAlong('trace', x, offset ?? 0, axis1 ?? 0, axis2 ?? 1)
  return prim.reduceSum(d, [d.aval.shape.length - 1])
}

/**
 * Of a vector, the matrix with it on diagonal `k` and 0 elsewhere; of a matrix, that diagonal. Above the main one for k > 0.
 * Throws FoveaError 'shape' for other ranks.
 *
 * @example
 * const scales = diag(tensor([1, 2, 3]))
 */
export function diag<X extends AnyTensor, const K extends number = 0>(
  x: Param<X, Diag<ShapeOf<X>, K>>,
  k?: K,
): Tensor<Ok<Diag<ShapeOf<X>, K>>, DTypeOf<X>> {
  const t = tensorOf('diag', x)
  const { shape } = t.aval
  const offset = k ?? 0
  if (shape.length === 2) return diagonalOf(t, offset)
  if (shape.length !== 1) fail('shape', `diag: expected rank 1 or 2, got ${showShape(shape)}`)
  const n = shape[0] + Math.abs(offset)
  const zero = prim.constant(0, t.dtype)
  // The vector beside its row of the matrix: along rows for k > 0, along columns below.
  const [low, high] = offset > 0 ? [0, offset] : [-offset, 0]
  const long = prim.broadcastInDim(prim.pad(t, zero, [low], [high]), [n, n], [0])
  return prim.select(onDiagonal(n, n, offset), long, prim.like(long, 0))
}
function onDiagonal(n: number, m: number, k: number): AnyTensor {
  const row = prim.iota([n, m], 0)
  return prim.eq(prim.iota([n, m], 1), k ? prim.add(row, prim.like(row, k)) : row)
}

type Triangle<Op extends string> = <X extends AnyTensor>(x: Param<X, Matrices<Op, ShapeOf<X>>>, k?: number) => X
const triangle = <Op extends string>(op: Op, keep: (column: AnyTensor, row: AnyTensor) => AnyTensor): Triangle<Op> =>
  ((input: unknown, k = 0) => {
    const x = tensorOf(op, input)
    const { shape } = x.aval
    if (shape.length < 2) fail('shape', `${op}: expected rank >= 2, got ${showShape(shape)}`)
    const row = prim.iota(shape, shape.length - 2)
    const column = prim.iota(shape, shape.length - 1)
    return prim.select(keep(column, k ? prim.add(row, prim.like(row, k)) : row), x, prim.like(x, 0))
  }) as never
/**
 * The last two dims' elements on diagonal `k` and below it, 0 elsewhere.
 * Throws FoveaError 'shape' when the rank is below 2.
 *
 * @example
 * const lower = tril(ones([3, 3]))
 */
export const tril: Triangle<'tril'> = triangle('tril', prim.le)
/**
 * The last two dims' elements on diagonal `k` and above it, 0 elsewhere.
 * Throws FoveaError 'shape' when the rank is below 2.
 *
 * @example
 * const strict = triu(ones([3, 3]), 1)
 */
export const triu: Triangle<'triu'> = triangle('triu', prim.ge)
