import * as prim from '../ops/prim.js'
import type { AnyTensor } from '../types/operand.js'

/** Compositions that several families share, of operands of one shape and dtype. */

/** log(eᵃ + eᵇ) without overflow. */
export function logAddExpOf(a: AnyTensor, b: AnyTensor): AnyTensor {
  // Equal infinities have no difference.
  const alike = prim.eq(a, b)
  const zero = prim.like(a, 0)
  const gap = prim.sub(prim.select(alike, zero, a), prim.select(alike, zero, b))
  return prim.add(prim.max(a, b), prim.log1p(prim.exp(prim.neg(prim.abs(gap)))))
}
