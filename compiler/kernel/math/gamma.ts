import type { Expr, Exprs } from '../expr.js'
import { type Basic, basic, flip, polynomial, signOf } from './basic.js'
import { log } from './log.js'

/** From here on every f32 is an integer. */
const whole = 2 ** 23

/** sin πr for 0 ≤ r ≤ ½, relative error 3e-8. */
function sinPi(b: Basic, r: Expr): Expr {
  return b.mul(r, polynomial(b, b.mul(r, r), [Math.PI, -5.167721, 2.5502698, -0.59943736, 0.079835765]))
}

/**
 * log |Γ(x)|. From 3.5 on Stirling's series (Abramowitz & Stegun 6.1.41), fitted: absolute error 1e-9. Below, Γ(x + 1) = x·Γ(x) leads
 * to y between 1.5 and 2.5, where log Γ(y) = (y - 2)·p(y - 2), relative error 2e-8; one logarithm does for both. Negative x by
 * Γ(x)·Γ(-x) = -π / (x·sin πx), 6.1.17.
 */
export function logGamma(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const size = b.abs(x)
  const below = (limit: number): Expr => b.lt(size, b.f(limit))
  const less = (n: number): Expr => b.sub(size, b.f(n))
  const byPart = (zero: Expr, one: Expr, two: Expr, three: Expr, more: Expr): Expr =>
    b.select(below(1.5), b.select(below(0.5), zero, one), b.select(below(2.5), two, b.select(below(3.5), three, more)))
  const u = byPart(size, less(1), less(2), less(3), b.f(0))
  const argument = byPart(b.mul(size, b.add(size, b.f(1))), size, b.f(1), less(1), size)
  const logarithm = log(e, argument)
  const p = polynomial(
    b,
    u,
    [
      0.42278433, 0.32246703, -0.067351475, 0.020581344, -0.0074018333, 0.0028804967, -0.0010884578, 0.00056791067,
      -0.00044326927,
    ],
  )
  const near = b.fma(u, p, b.select(below(1.5), b.sub(b.f(0), logarithm), logarithm))
  const inverse = b.div(b.f(1), size)
  const series = polynomial(b, b.mul(inverse, inverse), [0.083333306, -0.0027749373, 0.00071975106])
  const rest = b.fma(inverse, series, b.f(0.5 * Math.log(2 * Math.PI) - 0.5))
  const stirling = b.fma(less(0.5), b.sub(logarithm, b.f(1)), rest)
  const positive = b.select(below(3.5), near, stirling)

  const part = b.sub(size, b.floor(size))
  const sine = sinPi(b, b.min(part, b.sub(b.f(1), part)))
  const reflected = b.sub(log(e, b.div(b.f(Math.PI), b.mul(size, sine))), positive)
  const left = b.select(below(whole), reflected, b.f(Number.POSITIVE_INFINITY))
  return b.select(b.and(b.lt(x, b.f(0)), b.lt(b.f(2 ** -30), size)), left, positive)
}

/** Terms of ψ(z) = ψ(z + 6) - Σ 1/(z + i). */
const shift = 6

/**
 * ψ = (log Γ)'. From 6 on log z - 1/(2z) - 1/(12z²) + 1/(120z⁴) - 1/(252z⁶) + 1/(240z⁸) (Abramowitz & Stegun 6.3.18), to 1e-10; negative x by
 * ψ(x) = ψ(1 - x) - π / tan πx, 6.3.7. NaN at the poles -1, -2, …; of -0 and 0 the sign says which infinity.
 */
export function digamma(e: Exprs, x: Expr): Expr {
  const b = basic(e, x)
  const zero = b.f(0)
  const negative = b.lt(x, zero)
  const z = b.select(negative, b.sub(b.f(1), x), x)
  const small = b.lt(z, b.f(shift))
  const w = b.select(small, b.add(z, b.f(shift)), z)
  let terms = b.div(b.f(1), z)
  for (let i = 1; i < shift; i++) terms = b.add(terms, b.div(b.f(1), b.add(z, b.f(i))))
  const inverse = b.div(b.f(1), w)
  const square = b.mul(inverse, inverse)
  const series = polynomial(b, square, [1 / 12, -1 / 120, 1 / 252, -1 / 240])
  const correction = b.fma(inverse, b.f(0.5), b.mul(square, series))
  const positive = b.sub(b.sub(log(e, w), correction), b.select(small, terms, zero))

  const r = b.sub(x, b.floor(b.add(x, b.f(0.5))))
  const size = b.abs(r)
  const pole = b.or(b.eq(r, zero), b.lt(x, b.f(-whole)))
  const cotangent = b.div(sinPi(b, b.sub(b.f(0.5), size)), sinPi(b, size))
  const reflected = b.sub(positive, b.mul(b.f(Math.PI), flip(b, cotangent, signOf(b, r))))
  return b.select(negative, b.select(pole, b.f(Number.NaN), reflected), positive)
}
