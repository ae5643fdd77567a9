import type { Expr, Exprs } from '../expr.js'
import { basic, copySign } from './basic.js'

export function rsqrt(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  return b.div(b.f(1), b.sqrt(x))
}

/** ±1, and x itself where it is 0 or NaN. */
export function sign(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  if (x.t === 'i32' || x.t === 'i32x4') return b.max(b.min(x, b.i(1)), b.i(-1))
  const one = copySign(b, b.f(1), x)
  return b.select(b.lt(b.f(0), b.abs(x)), one, x)
}

/** x·y of four lanes: (x0·y0 + x2·y2) + (x1·y1 + x3·y3). */
export function dot4(e: Exprs, x: Expr, y: Expr): Expr {
  const products = e.call('mul', 'f32x4', [x, y])
  const pairs = e.call('add', 'f32x4', [products, e.call('shuffle2301', 'f32x4', [products, products])])
  const all = e.call('add', 'f32x4', [pairs, e.call('shuffle1032', 'f32x4', [pairs, pairs])])
  return e.call('lane0', 'f32', [all])
}
