import { type Expr, type Exprs, scalarType } from '../expr.js'
import { erf } from './erf.js'
import { exp, logistic } from './exp.js'
import { log } from './log.js'
import { pow } from './pow.js'
import { rem } from './rem.js'
import { dot4, rsqrt, sign } from './simple.js'
import { tanh } from './tanh.js'
import { cos, sin } from './trig.js'

const expansions: Record<string, (e: Exprs, ...args: Expr[]) => Expr> = {
  exp,
  logistic,
  log,
  tanh,
  erf,
  sin,
  cos,
  pow,
  rem,
  rsqrt,
  sign,
  dot4,
}

/** Functions that `expandMath` writes out. */
export const mathNames: ReadonlySet<string> = new Set(Object.keys(expansions))

/** What a function is in operations that a processor has; `x` itself when it is one, or is of integers and no sign. */
export function expandMath(e: Exprs, x: Expr & { k: 'op' }): Expr {
  const expand = expansions[x.f]
  if (!expand || (x.f === 'rem' && scalarType(x.t) !== 'f32')) return x
  return expand(e, ...x.args)
}
