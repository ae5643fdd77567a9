import { integerRange } from '../ir/dtype.js'
import type { Accumulate } from '../ops/cumulative.js'
import type { KernelRule } from '../ops/op.js'
import { type Expr, type Exprs, type ExprType, scalarType } from './expr.js'

/** How a reduction puts two values together. */
export type Combine = (KernelRule & { kind: 'reduce' })['combine']

export const combined = (e: Exprs, how: Combine, a: Expr, b: Expr): Expr => e.call(how, a.t, [a, b])

/** What combining nothing gives. */
export function neutral(e: Exprs, how: Accumulate, t: ExprType): Expr {
  if (how === 'add' || how === 'mul') return e.lit(t, how === 'add' ? 0 : 1)
  const dtype = scalarType(t)
  if (dtype === 'i32' || dtype === 'u32') return e.lit(t, integerRange[dtype][how === 'min' ? 1 : 0])
  return e.lit(t, how === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY)
}
