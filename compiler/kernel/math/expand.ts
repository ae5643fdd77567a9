import { type Expr, type Exprs, scalarType } from '../expr.js'
import { acos, asin, atan, atan2 } from './arc.js'
import { cbrt } from './cbrt.js'
import { erf, erfc, erfInv } from './erf.js'
import { exp, expm1, logistic } from './exp.js'
import { digamma, logGamma } from './gamma.js'
import { acosh, asinh, atanh, cosh, sinh } from './hyperbolic.js'
import { log, log1p } from './log.js'
import * as narrow from './narrow.js'
import { exp2, pow } from './pow.js'
import { rem } from './rem.js'
import { dot4, rsqrt, sign } from './simple.js'
import { tanh } from './tanh.js'
import { cos, sin, tan } from './trig.js'

type Expansion = (e: Exprs, ...args: Expr[]) => Expr

/** Functions that no target has well: they are written out for all of them. */
const common: Record<string, Expansion> = {
  exp2,
  expm1,
  log1p,
  tan,
  asin,
  acos,
  atan,
  atan2,
  sinh,
  cosh,
  asinh,
  acosh,
  atanh,
  cbrt,
  erfc,
  erfInv,
  logGamma,
  digamma,
}

const expansions: Record<string, Expansion> = {
  ...common,
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
  ...narrow,
}

/** Functions that `expandMath` writes out. */
export const mathNames: ReadonlySet<string> = new Set(Object.keys(expansions))

/** What a function is in operations that a processor has; `x` itself when it is one, or is of integers and no sign. */
export function expandMath(e: Exprs, x: Expr & { k: 'op' }): Expr {
  const expand = expansions[x.f]
  if (!expand || (x.f === 'rem' && scalarType(x.t) !== 'f32')) return x
  return expand(e, ...x.args)
}

/** Functions that `expandCommon` writes out. */
export const commonNames: ReadonlySet<string> = new Set(Object.keys(common))

/** The same for a target that has exp, log, sin and the like of its own. */
export function expandCommon(e: Exprs, x: Expr & { k: 'op' }): Expr {
  return common[x.f]?.(e, ...x.args) ?? x
}
