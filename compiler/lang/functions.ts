import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { AnyTensor, Binary, BinaryShape, Common, Float, Operand } from '../types/operand.js'
import type { Param } from '../types/shape.js'
import { logAddExpOf } from './formulas.js'
import { FLOAT, pair } from './operand.js'
import { type BinaryFn, binary, type Unary, unary } from './signatures.js'

/**
 * eˣ - 1, f32, with its digits near 0.
 *
 * @example
 * const y = expm1(tensor([1e-6, 1]))
 */
export const expm1: Unary<'expm1', Float> = unary('expm1', FLOAT, prim.expm1)
/**
 * log(1 + x), f32, with its digits near 0. NaN below -1.
 *
 * @example
 * const y = log1p(tensor([1e-6, 1]))
 */
export const log1p: Unary<'log1p', Float> = unary('log1p', FLOAT, prim.log1p)
/**
 * 2ˣ, f32.
 *
 * @example
 * const y = exp2(tensor([0, 1, 10]))
 */
export const exp2: Unary<'exp2', Float> = unary('exp2', FLOAT, prim.exp2)
const logTo = (base: number) => (x: AnyTensor) => prim.div(prim.log(x), prim.like(x, Math.log(base)))
/**
 * Logarithm to base 2, f32.
 *
 * @example
 * const y = log2(tensor([1, 2, 1024]))
 */
export const log2: Unary<'log2', Float> = unary('log2', FLOAT, logTo(2))
/**
 * Logarithm to base 10, f32.
 *
 * @example
 * const y = log10(tensor([1, 10, 1000]))
 */
export const log10: Unary<'log10', Float> = unary('log10', FLOAT, logTo(10))
/**
 * Cube root, f32, of negative numbers too.
 *
 * @example
 * const y = cbrt(tensor([-8, 27]))
 */
export const cbrt: Unary<'cbrt', Float> = unary('cbrt', FLOAT, prim.cbrt)
/**
 * 1 / x, f32.
 *
 * @example
 * const y = reciprocal(tensor([2, 4]))
 */
export const reciprocal: Unary<'reciprocal', Float> = unary('reciprocal', FLOAT, (x) => prim.div(prim.like(x, 1), x))

/**
 * Tangent, in radians, f32.
 *
 * @example
 * const y = tan(tensor([0, 0.5]))
 */
export const tan: Unary<'tan', Float> = unary('tan', FLOAT, prim.tan)
/**
 * Inverse sine, -π/2 to π/2, f32. NaN outside -1 to 1.
 *
 * @example
 * const y = asin(tensor([0, 1]))
 */
export const asin: Unary<'asin', Float> = unary('asin', FLOAT, prim.asin)
/**
 * Inverse cosine, 0 to π, f32. NaN outside -1 to 1.
 *
 * @example
 * const y = acos(tensor([0, 1]))
 */
export const acos: Unary<'acos', Float> = unary('acos', FLOAT, prim.acos)
/**
 * Inverse tangent, -π/2 to π/2, f32.
 *
 * @example
 * const y = atan(tensor([0, 1]))
 */
export const atan: Unary<'atan', Float> = unary('atan', FLOAT, prim.atan)
/**
 * The angle of the point (b, a), -π to π, by the signs of both; f32, with broadcasting. See `add` for what it throws.
 *
 * @example
 * const angle = atan2(tensor([1, -1]), tensor([-1, -1]))
 */
export const atan2: BinaryFn<'atan2', Float> = binary('atan2', FLOAT, prim.atan2)
/**
 * Hyperbolic sine, f32.
 *
 * @example
 * const y = sinh(tensor([0, 1]))
 */
export const sinh: Unary<'sinh', Float> = unary('sinh', FLOAT, prim.sinh)
/**
 * Hyperbolic cosine, f32.
 *
 * @example
 * const y = cosh(tensor([0, 1]))
 */
export const cosh: Unary<'cosh', Float> = unary('cosh', FLOAT, prim.cosh)
/**
 * Inverse hyperbolic sine, f32.
 *
 * @example
 * const y = asinh(tensor([0, 1]))
 */
export const asinh: Unary<'asinh', Float> = unary('asinh', FLOAT, prim.asinh)
/**
 * Inverse hyperbolic cosine, f32. NaN below 1.
 *
 * @example
 * const y = acosh(tensor([1, 2]))
 */
export const acosh: Unary<'acosh', Float> = unary('acosh', FLOAT, prim.acosh)
/**
 * Inverse hyperbolic tangent, f32. NaN outside -1 to 1.
 *
 * @example
 * const y = atanh(tensor([0, 0.5]))
 */
export const atanh: Unary<'atanh', Float> = unary('atanh', FLOAT, prim.atanh)

/**
 * √(a² + b²), f32, without overflow: the larger is taken out of the root. See `add` for what it throws.
 *
 * @example
 * const length = hypot(tensor([3, 5]), tensor([4, 12]))
 */
export const hypot: BinaryFn<'hypot', Float> = binary('hypot', FLOAT, (a, b) => {
  const [x, y] = [prim.abs(a), prim.abs(b)]
  const more = prim.max(x, y)
  const one = prim.like(more, 1)
  const divisor = prim.select(prim.eq(more, prim.like(more, 0)), one, more)
  // Equal sizes may both be infinite.
  const ratio = prim.select(prim.eq(x, y), one, prim.div(prim.min(x, y), divisor))
  const length = prim.mul(more, prim.sqrt(prim.add(one, prim.mul(ratio, ratio))))
  // IEEE 754: infinite beside an infinity, though the other be NaN.
  const infinite = prim.like(x, Number.POSITIVE_INFINITY)
  return prim.select(prim.or(prim.eq(x, infinite), prim.eq(y, infinite)), infinite, length)
})

/**
 * log(eᵃ + eᵇ), f32, without overflow: the larger plus log1p of what the other adds. See `add` for what it throws.
 *
 * @example
 * const y = logAddExp(tensor([1000, 0]), tensor([1000, -1]))
 */
export const logAddExp: BinaryFn<'logAddExp', Float> = binary('logAddExp', FLOAT, logAddExpOf)

/**
 * a + t·(b - a), f32: `a` at t = 0 and `b` at t = 1; the three broadcast.
 * Throws FoveaError 'shape' when the shapes do not broadcast, 'dtype' when one is not f32.
 *
 * @example
 * const middle = lerp(tensor([0, 10]), tensor([10, 20]), 0.5)
 */
export function lerp<const A extends Operand, const B extends Operand, const T extends Operand>(
  a: A,
  b: Param<B, Binary<'lerp', A, B, Float>>,
  t: Param<T, Binary<'lerp', Tensor<BinaryShape<'lerp', A, B>, Common<A, B>>, T, Float>>,
): Tensor<
  BinaryShape<'lerp', Tensor<BinaryShape<'lerp', A, B>, Common<A, B>>, T>,
  Common<Tensor<[], Common<A, B>>, T>
> {
  const [x, y] = pair('lerp', a, b as Operand, FLOAT)
  const [span, by] = pair('lerp', prim.sub(y, x), t as Operand, FLOAT)
  return prim.add(...pair('lerp', x, prim.mul(by, span), FLOAT))
}
