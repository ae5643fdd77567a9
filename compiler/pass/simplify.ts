import { type Builder, builder } from '../ir/build.js'
import { type Eqn, type Fn, showAval, type Var } from '../ir/types.js'
import { sameAval } from '../ir/verify.js'
import { arithmetic } from './simplify/arithmetic.js'
import { empty } from './simplify/empty.js'
import { fold } from './simplify/fold.js'
import type { Context, Rule } from './simplify/rule.js'
import { views } from './simplify/views.js'

/** In this order: 1 · c is the constant c itself, not a new one. */
const rules: readonly Rule[] = [empty, arithmetic, fold, views]

/**
 * Algebraic simplification and constant folding, in one walk: an equation is rewritten until no rule applies, and by then
 * its operands are already as simple as they get, so a second walk would find nothing. What is no longer read stays for `dce`.
 *
 * Rewrites are exact but for two liberties: the sign of a zero (x + 0 is x), and constants rounded to f32.
 * x * 0 stays, since x may be NaN or infinite.
 */
export function simplify(fn: Fn): Fn {
  const b = builder(fn)
  for (const original of fn.eqns) {
    const eqn = b.update(original)
    const by = rewrite(eqn, b)
    if (by) b.replace(eqn.outputs[0], by)
    else b.push(eqn)
  }
  return b.finish()
}

/** What the single result of `eqn` is instead, with the equations that this takes; undefined when no rule applies. */
function rewrite(eqn: Eqn, b: Builder): Var | undefined {
  if (eqn.outputs.length !== 1) return undefined
  const context: Context = {
    definition: b.definition,
    make: (op, inputs, params = {}) => {
      const made = b.make(op, inputs, params, eqn)
      const simpler = rewrite(made, b)
      if (simpler) return simpler
      b.push(made)
      return made.outputs[0]
    },
  }
  for (const rule of rules) {
    const by = rule(eqn, context)
    if (!by) continue
    if (!sameAval(by.aval, eqn.outputs[0].aval))
      throw new Error(`simplify made ${showAval(by.aval)} of ${eqn.op}, which gives ${showAval(eqn.outputs[0].aval)}`)
    return by
  }
  return undefined
}
