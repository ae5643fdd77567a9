import type { Expr, Exprs } from '../expr.js'
import { type Basic, basic, copySign, flip, polynomial, signOf } from './basic.js'

/** What π/2 and π lose as f32. */
const halfLow = Math.PI / 2 - Math.fround(Math.PI / 2)
const piLow = Math.PI - Math.fround(Math.PI)

/** atan t on [0, 1], relative error 3e-9. */
function arc(b: Basic, t: Expr): Expr {
  const z = b.mul(t, t)
  const q = polynomial(
    b,
    z,
    [-0.333333, 0.1999853, -0.14264016, 0.10950881, -0.083993144, 0.057881717, -0.0310976, 0.010869233, -0.0017830074],
  )
  return b.fma(b.mul(t, z), q, t)
}

/** Above 1, π/2 - atan(1/x). */
export function atan(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const size = b.abs(x)
  const above = b.lt(b.f(1), size)
  const y = arc(b, b.select(above, b.div(b.f(1), size), size))
  return copySign(b, b.select(above, b.sub(b.f(Math.PI / 2), b.sub(y, b.f(halfLow))), y), x)
}

/** The angle of (x, y): that of the lesser size over the greater, then turned by the octant. */
export function atan2(e: Exprs, y: Expr, x: Expr): Expr {
  const b = basic(e, y)
  const [ay, ax] = [b.abs(y), b.abs(x)]
  const steep = b.lt(ax, ay)
  const [less, more] = [b.select(steep, ax, ay), b.select(steep, ay, ax)]
  // Zeros have no quotient, and neither have infinities.
  const alike = b.select(b.eq(more, b.f(0)), b.f(0), b.f(1))
  const angle = arc(b, b.select(b.eq(less, more), alike, b.div(less, more)))
  const sign = signOf(b, x)
  const left = b.lt(sign, b.i(0))
  const pick = (half: number, whole: number): Expr => b.select(steep, b.f(half), b.select(left, b.f(whole), b.f(0)))
  const turned = flip(b, angle, b.xor(sign, b.select(steep, b.i(0x80000000), b.i(0))))
  return copySign(b, b.add(pick(Math.PI / 2, Math.PI), b.add(turned, pick(halfLow, piLow))), y)
}

/** asin s for s ≤ 1/2, relative error 5e-9; beyond, asin x = π/2 - 2·asin √((1-x)/2), whose argument is at most 1/2. */
function half(b: Basic, size: Expr): { small: Expr; p: Expr } {
  const small = b.lt(size, b.f(0.5))
  const z = b.select(small, b.mul(size, size), b.mul(b.sub(b.f(1), size), b.f(0.5)))
  const s = b.select(small, size, b.sqrt(z))
  const q = polynomial(b, z, [0.16666752, 0.074953094, 0.045469154, 0.024184743, 0.042158388])
  return { small, p: b.fma(b.mul(s, z), q, s) }
}

export function asin(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const { small, p } = half(b, b.abs(x))
  const large = b.sub(b.f(Math.PI / 2), b.sub(b.add(p, p), b.f(halfLow)))
  return copySign(b, b.select(small, p, large), x)
}

export function acos(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const { small, p } = half(b, b.abs(x))
  const twice = b.add(p, p)
  const middle = b.sub(b.f(Math.PI / 2), b.sub(flip(b, p, signOf(b, x)), b.f(halfLow)))
  const left = b.sub(b.f(Math.PI), b.sub(twice, b.f(piLow)))
  return b.select(small, middle, b.select(b.lt(x, b.f(0)), left, twice))
}
