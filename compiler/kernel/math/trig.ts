import type { Expr, Exprs } from '../expr.js'
import { type Basic, basic, flip, polynomial, signOf } from './basic.js'
import { reduce } from './reduce.js'

/**
 * On |r| ≤ 1, with z = r²: sin r = r + r·z·s(z), relative error 2.7e-8, and cos r = 1 - z/2 + z²·c(z), 1.5e-9.
 */
const sine = (b: Basic, r: Expr, z: Expr): Expr =>
  b.fma(b.mul(r, z), polynomial(b, z, [-0.16666615, 0.008330249, -0.00019313698]), r)
const cosine = (b: Basic, z: Expr): Expr => polynomial(b, z, [1, -0.5, 0.041666575, -0.0013884697, 2.4201614e-5])

/** sin(|x| + turn·π/2), without the sign, and the bits of its sign. */
function quarter(b: Basic, x: Expr, turn: number): { size: Expr; sign: Expr } {
  const { n, r } = reduce(b, x)
  const quadrant = turn === 0 ? n : b.add(n, b.i(turn))
  const z = b.mul(r, r)
  const odd = b.ne(b.and(quadrant, b.i(1)), b.i(0))
  return {
    size: b.select(odd, cosine(b, z), sine(b, r, z)),
    sign: b.shiftLeft(b.and(quadrant, b.i(2)), 30),
  }
}

export function sin(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const { size, sign } = quarter(b, x, 0)
  return flip(b, size, b.xor(sign, signOf(b, x)))
}

export function cos(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const { size, sign } = quarter(b, x, 1)
  return flip(b, size, sign)
}

/** sin / cos, and -cos / sin in odd quadrants. */
export function tan(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const { n, r } = reduce(b, x)
  const z = b.mul(r, r)
  const odd = b.ne(b.and(n, b.i(1)), b.i(0))
  const [s, c] = [sine(b, r, z), cosine(b, z)]
  const size = b.div(b.select(odd, c, s), b.select(odd, s, c))
  return flip(b, size, b.xor(b.shiftLeft(b.and(n, b.i(1)), 31), signOf(b, x)))
}
