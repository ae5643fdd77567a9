import type { Expr, Exprs } from '../expr.js'

/** Smallest value of an index: what its atoms add is not negative. */
const least = (e: Exprs, x: Expr): number => (x.t === 'u32' ? e.linear(x).base : 0)
type Lit = Expr & { readonly k: 'lit' }

/**
 * Expressions that decide bounds tests of indices where the ranges of the index variables decide them: a loop over a part of a
 * padding or concatenation then reads one operand without asking.
 */
export function folding(e: Exprs): Exprs {
  const bool = (value: boolean): Expr => e.lit('bool', Number(value))
  const call: Exprs['call'] = (f, t, args, max) => {
    const [a, b] = args
    if (t === 'bool' && f === 'and') {
      if (a.k === 'lit') return a.value ? b : a
      if (b.k === 'lit') return b.value ? a : b
    }
    if (a?.t === 'u32' && b?.k === 'lit') {
      if (f === 'sub' && least(e, a) >= b.value) return e.iadd(a, e.index(-b.value))
      if (f === 'min' && a.max <= b.value) return a
      if (f === 'min' && least(e, a) >= b.value) return b
      if (f === 'lt') return lessThan(a, b)
      if (f === 'eq' && a.k === 'lit') return bool(a.value === b.value)
      if (f === 'idiv') return e.idiv(a, b.value)
      if (f === 'imod') return e.imod(a, b.value)
    }
    return e.call(f, t, args, max)
  }
  const lessThan = (a: Expr, n: Lit): Expr => {
    if (a.max < n.value) return bool(true)
    if (least(e, a) >= n.value) return bool(false)
    const keep = e.call('lt', 'bool', [a, n])
    if (a.k === 'op' && a.f === 'sub' && a.args[1].k === 'lit') {
      const [x, from] = a.args as [Expr, Lit]
      // Below zero is beyond every bound.
      if (x.max < from.value) return n.value <= 2 ** 32 - from.value ? bool(false) : keep
      const by = commonFactor(e, x, [from.value, n.value])
      if (by === 1) return keep
      const q = e.call('sub', 'u32', [e.idiv(x, by), e.index(from.value / by)])
      return lessThan(q, e.index(n.value / by) as Lit)
    }
    // x < c·n if and only if x / c < n
    const by = commonFactor(e, a, [n.value])
    return by === 1 ? keep : lessThan(e.idiv(a, by), e.index(n.value / by) as Lit)
  }
  return { ...e, call }
}

/** The largest of an index's factors that divides all of `ns` and leaves nothing to divide at run time. */
function commonFactor(e: Exprs, x: Expr, ns: readonly number[]): number {
  let best = 1
  for (const by of e.linear(x).of.values())
    if (by > best && ns.every((n) => n % by === 0) && isPlain(e.idiv(x, by))) best = by
  return best
}
const isPlain = (x: Expr): boolean => x.k !== 'op' || (x.f !== 'idiv' && x.f !== 'imod')
