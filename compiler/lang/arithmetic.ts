import type { DType } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { AnyTensor, DTypeOf, Float, Numeric, Operand, ShapeOf, Signed, TakesTensor } from '../types/operand.js'
import type { Param } from '../types/shape.js'
import { dtypeOf } from './axes.js'
import { FLOAT, NUMERIC, pair, SIGNED, tensorOf } from './operand.js'
import { type BinaryFn, binary, type Unary, unary } from './signatures.js'

/**
 * Sum, elementwise with NumPy broadcasting. A number takes the other operand's dtype.
 * Throws FoveaError 'shape' when the shapes do not broadcast, 'dtype' when dtypes differ.
 *
 * @example
 * const y = add(tensor([1, 2, 3]), 1)
 */
export const add: BinaryFn<'add', Numeric> = binary('add', NUMERIC, prim.add)
/** Difference. See `add`. */
export const sub: BinaryFn<'sub', Numeric> = binary('sub', NUMERIC, prim.sub)
/** Product; integers wrap. See `add`. */
export const mul: BinaryFn<'mul', Numeric> = binary('mul', NUMERIC, prim.mul)
/** Quotient; integers truncate towards zero. See `add`. */
export const div: BinaryFn<'div', Numeric> = binary('div', NUMERIC, prim.div)
/** Larger of two; NaN when either is. See `add`. */
export const maximum: BinaryFn<'maximum', Numeric> = binary('maximum', NUMERIC, prim.max)
/** Smaller of two; NaN when either is. See `add`. */
export const minimum: BinaryFn<'minimum', Numeric> = binary('minimum', NUMERIC, prim.min)
/** Remainder with the sign of the dividend (C fmod, lax.rem). See `add`. */
export const rem: BinaryFn<'rem', Numeric> = binary('rem', NUMERIC, prim.rem)

/** `a` to the power `b`, f32. A negative base needs an integer exponent, else NaN. Small whole exponents are products. */
export const pow: BinaryFn<'pow', Float> = ((a: Operand, b: Operand) => {
  const [x, y] = pair('pow', a, b, FLOAT)
  if (b === 1) return x
  if (b === 2) return prim.mul(x, x)
  if (b === 3) return prim.mul(prim.mul(x, x), x)
  return prim.pow(x, y)
}) as never

/** Negation. */
export const neg: Unary<'neg', Signed> = unary('neg', SIGNED, prim.neg)
/** Exponential. */
export const exp: Unary<'exp', Float> = unary('exp', FLOAT, prim.exp)
/** Natural logarithm. */
export const log: Unary<'log', Float> = unary('log', FLOAT, prim.log)
/** Hyperbolic tangent. */
export const tanh: Unary<'tanh', Float> = unary('tanh', FLOAT, prim.tanh)
/** Error function. */
export const erf: Unary<'erf', Float> = unary('erf', FLOAT, prim.erf)
/** Square root. */
export const sqrt: Unary<'sqrt', Float> = unary('sqrt', FLOAT, prim.sqrt)
/** 1 / √x. */
export const rsqrt: Unary<'rsqrt', Float> = unary('rsqrt', FLOAT, prim.rsqrt)
/** Sine, in radians. */
export const sin: Unary<'sin', Float> = unary('sin', FLOAT, prim.sin)
/** Cosine, in radians. */
export const cos: Unary<'cos', Float> = unary('cos', FLOAT, prim.cos)
/** Absolute value; its derivative at 0 is 0. */
export const abs: Unary<'abs', Signed> = unary('abs', SIGNED, prim.abs)
/** -1, 0 or 1. */
export const sign: Unary<'sign', Signed> = unary('sign', SIGNED, prim.sign)
/** Largest integer not above. */
export const floor: Unary<'floor', Float> = unary('floor', FLOAT, prim.floor)
/** x². */
export const square: Unary<'square', Numeric> = unary('square', NUMERIC, (x) => prim.mul(x, x))
/** The same values, through which no gradient flows. */
export const stopGradient = <X extends AnyTensor>(x: X): X => prim.stopGradient(tensorOf('stopGradient', x)) as X

type Bound<X> = number | Tensor<[], DTypeOf<X>> | X | undefined
/**
 * `x` limited to low … high, each a number, a scalar tensor, a tensor of the shape of `x`, or undefined: no limit. NaN stays NaN.
 *
 * @example
 * const y = clip(tensor([-1, 0.5, 2]), 0, undefined)
 */
export const clip = <X extends AnyTensor>(
  x: Param<X, TakesTensor<'clip', X, Numeric>>,
  low: Bound<X>,
  high?: Bound<X>,
): X => {
  const t = tensorOf('clip', x, NUMERIC)
  const raised = low === undefined ? t : prim.max(...pair('clip', t, low as Operand, NUMERIC))
  return (high === undefined ? raised : prim.min(...pair('clip', raised, high as Operand, NUMERIC))) as X
}

/**
 * Converts to another dtype. f32 to integers truncates towards zero and saturates; to bool: not equal to 0.
 *
 * @example
 * const mask = cast(tensor([0, 1, 2]), 'bool')
 */
export const cast = <X extends AnyTensor, const D extends DType>(x: X, dtype: D): Tensor<ShapeOf<X>, D> =>
  prim.cast(tensorOf('cast', x), dtypeOf('cast', dtype))
