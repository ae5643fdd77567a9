import { isFloat } from '../ir/dtype.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { AnyTensor, Binary, BinaryShape, Common, Float, Numeric, Operand } from '../types/operand.js'
import type { Param } from '../types/shape.js'
import { FLOAT, NUMERIC, pair } from './operand.js'
import { type BinaryFn, binary, type Unary, unary } from './signatures.js'

/**
 * Smallest integer not below, f32.
 *
 * @example
 * const y = ceil(tensor([1.2, -1.2]))
 */
export const ceil: Unary<'ceil', Float> = unary('ceil', FLOAT, prim.ceil)
/**
 * Nearest integer, halves to the even one; f32.
 *
 * @example
 * const y = round(tensor([0.5, 1.5, 2.5]))
 */
export const round: Unary<'round', Float> = unary('round', FLOAT, prim.round)
/**
 * The integer part: rounded towards 0; f32.
 *
 * @example
 * const y = trunc(tensor([1.7, -1.7]))
 */
export const trunc: Unary<'trunc', Float> = unary('trunc', FLOAT, prim.trunc)
/**
 * x - floor(x), f32: what is behind the point, never negative.
 *
 * @example
 * const y = fract(tensor([1.25, -1.25]))
 */
export const fract: Unary<'fract', Float> = unary('fract', FLOAT, (x) => prim.sub(x, prim.floor(x)))

/** Quotient and remainder with the divisor's sign, from those that truncate. */
function floored(a: AnyTensor, b: AnyTensor): [AnyTensor, AnyTensor] {
  const zero = prim.like(a, 0)
  const rest = prim.rem(a, b)
  const unlike = prim.xor(prim.lt(rest, zero), prim.lt(b, zero))
  const off = prim.and(prim.ne(rest, zero), unlike)
  const mod = prim.select(off, prim.add(rest, b), rest)
  const float = isFloat(a.dtype)
  const whole = float ? prim.round(prim.div(prim.sub(a, rest), b)) : prim.div(a, b)
  const quotient = prim.select(off, prim.sub(whole, prim.like(a, 1)), whole)
  // A float by 0 has no remainder, but its quotient is infinite.
  return [float ? prim.select(prim.eq(b, zero), prim.div(a, b), quotient) : quotient, mod]
}
/**
 * Quotient rounded down, with broadcasting, as Python's `//`. Integers by 0 give 0 or -1.
 * Throws FoveaError 'shape' when the shapes do not broadcast, 'dtype' when dtypes differ.
 *
 * @example
 * const y = floorDivide(tensor([7, -7]), 2)
 */
export const floorDivide: BinaryFn<'floorDivide', Numeric> = binary('floorDivide', NUMERIC, (a, b) => floored(a, b)[0])
/**
 * Remainder with the sign of the divisor, with broadcasting, as Python's `%`. See `floorDivide`.
 *
 * @example
 * const y = mod(tensor([7, -7]), 3)
 */
export const mod: BinaryFn<'mod', Numeric> = binary('mod', NUMERIC, (a, b) => floored(a, b)[1])
/**
 * Remainder with the sign of the dividend, with broadcasting: the same as `rem`. See `floorDivide`.
 *
 * @example
 * const y = fmod(tensor([7, -7]), 3)
 */
export const fmod: BinaryFn<'fmod', Numeric> = binary('fmod', NUMERIC, prim.rem)

/**
 * [floorDivide(a, b), mod(a, b)], of one remainder. See `floorDivide`.
 *
 * @example
 * const [hours, minutes] = divmod(tensor([90, 130]), 60)
 */
export function divmod<const L extends Operand, const R extends Operand>(
  a: L,
  b: Param<R, Binary<'divmod', L, R, Numeric>>,
): [
  quotient: Tensor<BinaryShape<'divmod', L, R>, Common<L, R>>,
  remainder: Tensor<BinaryShape<'divmod', L, R>, Common<L, R>>,
] {
  return floored(...pair('divmod', a, b as Operand, NUMERIC))
}
