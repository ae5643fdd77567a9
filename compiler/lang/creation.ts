import type { DType } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { Dims } from '../types/dim.js'
import type { RangeDType, RangeSize } from '../types/grids.js'
import type { AnyTensor } from '../types/operand.js'
import type { AlongAxis } from '../types/reduce.js'
import type { Param } from '../types/shape.js'
import { axisOf, sizesOf } from './axes.js'
import { fail } from './fail.js'
import { constant, tensorOf } from './operand.js'

/**
 * `value` everywhere.
 *
 * @example
 * const y = full([2, 3], 0.5)
 */
export const full = <const N extends readonly number[], const D extends DType = 'f32'>(
  shape: N,
  value: number,
  dtype: D = 'f32' as D,
): Tensor<Dims<N>, D> => constant('full', value, sizesOf('full', shape), dtype)
/** 0 everywhere (bool: false). */
export const zeros = <const N extends readonly number[], const D extends DType = 'f32'>(
  shape: N,
  dtype: D = 'f32' as D,
): Tensor<Dims<N>, D> => constant('zeros', 0, sizesOf('zeros', shape), dtype)
/** 1 everywhere (bool: true). */
export const ones = <const N extends readonly number[], const D extends DType = 'f32'>(
  shape: N,
  dtype: D = 'f32' as D,
): Tensor<Dims<N>, D> => constant('ones', 1, sizesOf('ones', shape), dtype)
/** Zeros of the shape and dtype of `x`. */
export const zerosLike = <X extends AnyTensor>(x: X): X => prim.like(tensorOf('zerosLike', x), 0) as X
/**
 * `value` everywhere, in the shape and dtype of `x`.
 *
 * @example
 * const y = fullLike(ones([2, 3]), 0.5)
 */
export const fullLike = <X extends AnyTensor>(x: X, value: number): X => {
  const { shape, dtype } = tensorOf('fullLike', x).aval
  return constant('fullLike', value, shape, dtype) as X
}
/** Ones of the shape and dtype of `x`. */
export const onesLike = <X extends AnyTensor>(x: X): X => prim.like(tensorOf('onesLike', x), 1) as X

/**
 * 0, 1, …, n - 1, or start, start + step, … up to but without stop (step 1 when absent); i32 when these are whole, else f32.
 * Throws FoveaError 'shape' when `n` is not a size or `step` is 0.
 *
 * @example
 * const positions = arange(8)
 * const halves = arange(0, 2, 0.5)
 */
export function arange<const N extends number, const D extends DType = 'i32'>(n: N, dtype?: D): Tensor<Dims<[N]>, D>
export function arange<
  const A extends number,
  const B extends number,
  const T extends number = 1,
  const D extends DType = RangeDType<A, B, T>,
>(start: A, stop: B, step?: T, dtype?: D): Tensor<[RangeSize<A, B, T>], D>
export function arange(first: number, second?: number | DType, step = 1, dtype?: DType): AnyTensor {
  if (typeof second !== 'number') return prim.iota(sizesOf('arange', [first]), 0, second ?? 'i32')
  if (!(step < 0 || step > 0)) fail('shape', `arange: expected a step that is not 0, got ${step}`)
  const whole = [first, second, step].every(Number.isInteger)
  const into = dtype ?? (whole ? 'i32' : 'f32')
  const n = Math.max(Math.ceil((second - first) / step), 0)
  // Fractions are counted in f32, whole numbers exactly.
  const count = prim.iota([n], 0, whole ? 'i32' : 'f32')
  const scaled = step === 1 ? count : prim.mul(count, prim.like(count, step))
  return prim.cast(first === 0 ? scaled : prim.add(scaled, prim.like(scaled, first)), into)
}

/** Each element is its index along `axis`. */
export const iota = <const N extends readonly number[], const A extends number, const D extends DType = 'i32'>(
  shape: N,
  axis: Param<A, AlongAxis<'iota', Dims<N>, A>>,
  dtype: D = 'i32' as D,
): Tensor<Dims<N>, D> => prim.iota(sizesOf('iota', shape), axisOf('iota', axis as number, shape), dtype)

/** The identity matrix. */
export const eye = <const N extends number, const D extends DType = 'f32'>(
  n: N,
  dtype: D = 'f32' as D,
): Tensor<Dims<[N, N]>, D> => {
  const shape = sizesOf('eye', [n, n])
  return prim.cast(prim.eq(prim.iota(shape, 0), prim.iota(shape, 1)), dtype)
}

/**
 * The identity matrix: the same as `eye`.
 *
 * @example
 * const same = identity(3)
 */
export const identity: typeof eye = eye

/**
 * Lower triangle as a bool mask: true where column ≤ row + k. `tri(n, n)` is the causal mask of attention.
 *
 * @example
 * const masked = where(tri(4, 4), ones([4, 4]), -1e9)
 */
export const tri = <const N extends number, const M extends number>(
  n: N,
  m: M,
  k = 0,
): Tensor<Dims<[N, M]>, 'bool'> => {
  const shape = sizesOf('tri', [n, m])
  const row = prim.iota(shape, 0)
  return prim.le(prim.iota(shape, 1), k ? prim.add(row, prim.like(row, k)) : row)
}
