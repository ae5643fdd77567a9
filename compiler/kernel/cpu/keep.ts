import { instructions } from '../cost.js'
import type { Expr, Exprs } from '../expr.js'
import { type Body, type Kept, rewriteBody } from './body.js'
import { dependence, eachExpr } from './rewrite.js'

export const costOf = (x: Expr): number => (x.k === 'load' ? 2 : x.k === 'op' ? (instructions[x.f] ?? 1) : 0)

/** Work from which a value is kept: storing and loading it costs less. */
const keepFrom = 8

/** Finds values that depend on an element's place and that more than one stage computes, and takes them out of the later ones. */
export function keepValues(e: Exprs, body: Body, places: ReadonlySet<Expr>): Body {
  const kept: Kept[] = []
  const isOfElement = dependence(places)
  const worth = (x: Expr): boolean => {
    let cost = 0
    eachExpr([x], (y) => {
      if (isOfElement(y)) cost += costOf(y)
    })
    return cost >= keepFrom
  }
  let now = body
  for (let stage = 0; stage < now.stages.length; stage++) {
    const here = new Set<Expr>()
    eachExpr(
      now.stages[stage].map((r) => r.value),
      (x) => here.add(x),
    )
    const later = [
      ...now.stages.slice(stage + 1).flatMap((s) => s.map((r) => r.value)),
      ...now.writes.filter((w) => w.level === 'full').map((w) => w.value),
    ]
    const replaced = new Map<Expr, Expr>()
    const seen = new Set<Expr>()
    const visit = (x: Expr): void => {
      if (seen.has(x)) return
      seen.add(x)
      if (x.k === 'op' && x.t === 'f32' && here.has(x) && isOfElement(x) && worth(x)) {
        const variable = e.variable(`$kept${kept.length}`, x.t) as Kept['variable']
        kept.push({ stage, value: x, variable })
        replaced.set(x, variable)
      } else if (x.k === 'load') visit(x.at)
      else if (x.k === 'op') x.args.forEach(visit)
    }
    later.forEach(visit)
    const without = rewriteBody(e, now, replaced)
    now = { ...without, stages: now.stages.map((s, i) => (i > stage ? without.stages[i] : s)) }
  }
  return { ...now, kept }
}
