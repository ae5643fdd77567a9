// biome-ignore-all lint/suspicious/noShadowRestrictedNames: isNaN and isFinite are the names that the field has
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { AnyTensor, Binary, BinaryShape, Float, Operand, ShapeOf, TakesTensor } from '../types/operand.js'
import type { Param } from '../types/shape.js'
import { FLOAT, pair, tensorOf } from './operand.js'
import { type BinaryFn, binary } from './signatures.js'

/** What kind of number an element is, by its bits: comparisons with NaN are not to be relied on in every shader compiler. */

type Predicate<Op extends string> = <X extends AnyTensor>(
  x: Param<X, TakesTensor<Op, X, Float>>,
) => Tensor<ShapeOf<X>, 'bool'>

const INFINITE = 0x7f800000
const bits = (x: AnyTensor): AnyTensor => prim.bitcast(prim.cast(x, 'f32'), 'i32')
/** Bits without the sign: their order is that of sizes, and NaNs are above infinity. */
const sizeBits = (x: AnyTensor): AnyTensor => {
  const all = bits(x)
  return prim.and(all, prim.like(all, 0x7fffffff))
}
const predicate = <Op extends string>(op: Op, compare: (a: AnyTensor, b: AnyTensor) => AnyTensor): Predicate<Op> =>
  ((x: unknown) => {
    const size = sizeBits(tensorOf(op, x, FLOAT))
    return compare(size, prim.like(size, INFINITE))
  }) as never

/**
 * Whether an element is not a number; f32 in, bool out.
 *
 * @example
 * const bad = isNaN(tensor([1, 0 / 0]))
 */
export const isNaN: Predicate<'isNaN'> = predicate('isNaN', prim.gt)
/**
 * Whether an element is infinite, of either sign; f32 in, bool out.
 *
 * @example
 * const far = isInf(tensor([1, -1 / 0]))
 */
export const isInf: Predicate<'isInf'> = predicate('isInf', prim.eq)
/**
 * Whether an element is neither infinite nor NaN; f32 in, bool out.
 *
 * @example
 * const fine = isFinite(tensor([1, 1 / 0, 0 / 0]))
 */
export const isFinite: Predicate<'isFinite'> = predicate('isFinite', prim.lt)
/**
 * Whether the sign is set, of -0 too; f32 in, bool out.
 *
 * @example
 * const below = signbit(tensor([-1, 0, 1]))
 */
export const signbit: Predicate<'signbit'> = ((x: unknown) => {
  const all = bits(tensorOf('signbit', x, FLOAT))
  return prim.lt(all, prim.like(all, 0))
}) as never

/**
 * The size of `a` with the sign of `b`, with broadcasting; f32. No gradient flows to `b`.
 * Throws FoveaError 'shape' when the shapes do not broadcast, 'dtype' when one is not f32.
 *
 * @example
 * const y = copysign(tensor([1, 2]), tensor([-1, 1]))
 */
export const copysign: BinaryFn<'copysign', Float> = binary('copysign', FLOAT, (a, b) => {
  const differ = prim.xor(bits(a), bits(b))
  return prim.select(prim.lt(differ, prim.like(differ, 0)), prim.neg(a), a)
})

const LARGEST = 3.4028234663852886e38
/**
 * `x` with NaN replaced by `nan`, and infinities by the largest f32 or by what is given. f32.
 *
 * @example
 * const y = nanToNum(tensor([1, 0 / 0, 1 / 0]), { posInf: 100 })
 */
export function nanToNum<X extends AnyTensor>(
  x: Param<X, TakesTensor<'nanToNum', X, Float>>,
  options: { readonly nan?: number; readonly posInf?: number; readonly negInf?: number } = {},
): X {
  const t = tensorOf('nanToNum', x, FLOAT)
  const { nan = 0, posInf = LARGEST, negInf = -LARGEST } = options
  const size = sizeBits(t)
  const limit = prim.like(size, INFINITE)
  const ends = prim.select(prim.lt(bits(t), prim.like(size, 0)), prim.like(t, negInf), prim.like(t, posInf))
  return prim.select(prim.gt(size, limit), prim.like(t, nan), prim.select(prim.eq(size, limit), ends, t)) as X
}

type Closeness = { readonly rtol?: number; readonly atol?: number; readonly equalNan?: boolean }
function close(op: string, a: Operand, b: Operand, options: Closeness): AnyTensor {
  const [x, y] = pair(op, a, b, FLOAT)
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options
  const [limit, left, right] = [INFINITE, sizeBits(x), sizeBits(y)]
  const both = (compare: typeof prim.lt): AnyTensor =>
    prim.and(compare(left, prim.like(left, limit)), compare(right, prim.like(right, limit)))
  const bound = prim.add(prim.like(y, atol), prim.mul(prim.like(y, rtol), prim.abs(y)))
  const near = prim.and(both(prim.lt), prim.le(prim.abs(prim.sub(x, y)), bound))
  const same = prim.and(prim.eq(bits(x), bits(y)), both(prim.eq))
  const found = prim.or(near, same)
  return equalNan ? prim.or(found, both(prim.gt)) : found
}

/**
 * |a - b| ≤ atol + rtol·|b|, elementwise with broadcasting (NumPy: rtol 1e-5, atol 1e-8); equal infinities are close, NaNs are when
 * `equalNan` says so. f32 in, bool out.
 * Throws FoveaError 'shape' when the shapes do not broadcast, 'dtype' when one is not f32.
 *
 * @example
 * const near = isClose(tensor([1, 2]), tensor([1.000001, 2.1]))
 */
export function isClose<const L extends Operand, const R extends Operand>(
  a: L,
  b: Param<R, Binary<'isClose', L, R, Float>>,
  options: Closeness = {},
): Tensor<BinaryShape<'isClose', L, R>, 'bool'> {
  return close('isClose', a, b as Operand, options)
}

/**
 * Whether all pairs of elements are close, a bool scalar. See `isClose`.
 *
 * @example
 * const same = allClose(tensor([1, 2]), tensor([1.000001, 2]))
 */
export function allClose<const L extends Operand, const R extends Operand>(
  a: L,
  b: Param<R, Binary<'allClose', L, R, Float>>,
  options: Closeness = {},
): Tensor<[], 'bool'> {
  const found = prim.cast(close('allClose', a, b as Operand, options), 'i32')
  const least = prim.reduceMin(
    found,
    found.aval.shape.map((_, i) => i),
  )
  return prim.ne(least, prim.like(least, 0))
}
