import type { Wide } from '../../ir/dtype.js'
import { type Expr, type Exprs, type ExprType, widthOf } from '../expr.js'

/** The operations that math functions are made of, on values as wide as `like`: one element or four. */
export interface Basic {
  readonly f: (value: number) => Expr
  readonly i: (value: number) => Expr
  readonly u: (value: number) => Expr
  readonly add: (a: Expr, b: Expr) => Expr
  readonly sub: (a: Expr, b: Expr) => Expr
  readonly mul: (a: Expr, b: Expr) => Expr
  readonly div: (a: Expr, b: Expr) => Expr
  /** a·b + c, rounded once or twice: nothing may depend on which. */
  readonly fma: (a: Expr, b: Expr, c: Expr) => Expr
  readonly max: (a: Expr, b: Expr) => Expr
  readonly min: (a: Expr, b: Expr) => Expr
  readonly and: (a: Expr, b: Expr) => Expr
  readonly or: (a: Expr, b: Expr) => Expr
  readonly xor: (a: Expr, b: Expr) => Expr
  readonly not: (a: Expr) => Expr
  readonly abs: (a: Expr) => Expr
  readonly sqrt: (a: Expr) => Expr
  readonly floor: (a: Expr) => Expr
  readonly trunc: (a: Expr) => Expr
  readonly eq: (a: Expr, b: Expr) => Expr
  readonly ne: (a: Expr, b: Expr) => Expr
  readonly lt: (a: Expr, b: Expr) => Expr
  readonly gt: (a: Expr, b: Expr) => Expr
  readonly select: (cond: Expr, a: Expr, b: Expr) => Expr
  readonly shiftLeft: (a: Expr, by: number) => Expr
  /** Copies the sign down, of an i32; zeros, of a u32. */
  readonly shiftRight: (a: Expr, by: number) => Expr
  readonly cast: (dtype: Wide, a: Expr) => Expr
  /** The bits of an f32 as i32. */
  readonly bits: (a: Expr) => Expr
  /** The f32 that has the bits of an i32. */
  readonly float: (a: Expr) => Expr
}

export function basic(e: Exprs, like: Expr): Basic {
  const wide = (t: Wide): ExprType => (widthOf(like.t) === 4 ? `${t}x4` : t)
  const same =
    (f: string) =>
    (...args: Expr[]): Expr =>
      e.call(f, args[0].t, args)
  const compare = (f: string) => (a: Expr, b: Expr) => e.call(f, wide('bool'), [a, b])
  return {
    f: (value) => e.lit(wide('f32'), Math.fround(value)),
    i: (value) => e.lit(wide('i32'), value | 0),
    u: (value) => e.lit(wide('u32'), value >>> 0),
    add: same('add'),
    sub: same('sub'),
    mul: same('mul'),
    div: same('div'),
    fma: same('fma'),
    max: same('max'),
    min: same('min'),
    and: same('and'),
    or: same('or'),
    xor: same('xor'),
    not: same('not'),
    abs: same('abs'),
    sqrt: same('sqrt'),
    floor: same('floor'),
    trunc: same('trunc'),
    eq: compare('eq'),
    ne: compare('ne'),
    lt: compare('lt'),
    gt: compare('gt'),
    select: (cond, a, b) => e.call('select', a.t, [cond, a, b]),
    shiftLeft: (a, by) => e.call('shiftLeft', a.t, [a, e.lit(a.t, by)]),
    shiftRight: (a, by) => e.call('shiftRight', a.t, [a, e.lit(a.t, by)]),
    cast: (dtype, a) => e.call('cast', wide(dtype), [a]),
    bits: (a) => e.call('bits', wide('i32'), [a]),
    float: (a) => e.call('float', wide('f32'), [a]),
  }
}

/**
 * c₀ + c₁x + c₂x² + …, by Horner's rule. The coefficients in this folder are minimax: by Remez' exchange, or by linear programming on
 * 1500 points where the fit is on both sides of 0 or its weight varies much. They are rounded to f32 one after another, the lowest
 * first, and those left fitted anew each time. Errors stated are of the polynomial with the rounded coefficients.
 */
export const polynomial = (b: Basic, x: Expr, c: readonly number[]): Expr =>
  c.slice(0, -1).reduceRight((sum, k) => b.fma(sum, x, b.f(k)), b.f(c[c.length - 1]))

/** x, or `low` where x is below. NaN stays. (`max` would do it with more instructions.) */
export const atLeast = (b: Basic, x: Expr, low: number): Expr => b.select(b.lt(x, b.f(low)), b.f(low), x)
export const atMost = (b: Basic, x: Expr, high: number): Expr => b.select(b.lt(b.f(high), x), b.f(high), x)

export const signOf = (b: Basic, x: Expr): Expr => b.and(b.bits(x), b.i(0x80000000))
/** `x` with its sign flipped where the highest bit of `bits` is set; the other bits are 0. */
export const flip = (b: Basic, x: Expr, bits: Expr): Expr => b.float(b.xor(b.bits(x), bits))
/** A `size` that is not negative, with the sign of `x`. */
export const copySign = (b: Basic, size: Expr, x: Expr): Expr => flip(b, size, signOf(b, x))
