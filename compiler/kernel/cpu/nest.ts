import type { Expr, Exprs } from '../expr.js'
import { type Body, rewriteBody, rootsOf } from './body.js'
import { eachExpr } from './rewrite.js'

/** A loop over a group's elements. */
export interface Axis {
  /** Its index variable. */
  readonly x: Expr
  readonly size: number
  readonly reduced: boolean
  /** Where its range is cut so that bounds tests (of padding, of concatenation) have one answer in each part. */
  readonly parts: readonly Part[]
}
export interface Part {
  readonly from: number
  readonly size: number
}
export interface Nest {
  /** Outermost first. */
  readonly axes: readonly Axis[]
  readonly body: Body
}

/** Parts of an axis worth code of their own. */
const mostParts = 6
/** Runs shorter than this aren't worth a loop: what divides by them is computed per element. */
const shortest = 8

/**
 * Chooses the loops of a body over index variables of these sizes: a dim that is read as several (heads · width) becomes
 * several loops, and dims that are neighbours in every array become one.
 */
export function nestOf(
  e: Exprs,
  body: Body,
  dims: readonly { readonly x: Expr; readonly size: number; readonly reduced: boolean }[],
): Nest {
  let axes: Omit<Axis, 'parts'>[] = dims.filter(({ size }) => size !== 1)
  let count = 0
  const variable = (size: number): Expr => e.variable(`$axis${count++}`, 'u32', Math.max(0, size - 1))
  for (;;) {
    const found = divided(body, axes)
    if (!found) break
    const { axis, by } = found
    const [q, r] = [axis.size / by, by].map((size) => ({ ...axis, x: variable(size), size }))
    body = rewriteBody(e, body, new Map([[axis.x, e.iadd(e.imul(q.x, by), r.x)]]))
    axes = axes.flatMap((a) => (a === axis ? [q, r] : [a]))
  }
  const sums = indices(body).map((x) => new Map(e.linear(x).of))
  for (const reduced of [false, true])
    for (let i = axes.length - 1, inner: (typeof axes)[number] | undefined; i >= 0; i--) {
      const outer = axes[i]
      if (outer.reduced !== reduced) continue
      const near = inner
      if (near && sums.every((of) => (of.get(outer.x) ?? 0) === (of.get(near.x) ?? 0) * near.size)) {
        const size = outer.size * near.size
        const both = { x: variable(size), size, reduced }
        body = rewriteBody(
          e,
          body,
          new Map([
            [outer.x, e.idiv(both.x, near.size)],
            [near.x, e.imod(both.x, near.size)],
          ]),
        )
        for (const of of sums) of.set(both.x, of.get(near.x) ?? 0)
        axes = axes.filter((a) => a !== outer).map((a) => (a === near ? both : a))
        inner = both
      } else inner = outer
    }
  const cuts = cutsOf(e, body)
  return { axes: axes.map((a) => ({ ...a, parts: partsOf(a.size, cuts.get(a.x)) })), body }
}

/** An axis that is divided by a factor of its size. */
function divided(
  body: Body,
  axes: readonly Omit<Axis, 'parts'>[],
): { axis: Omit<Axis, 'parts'>; by: number } | undefined {
  let found: { axis: Omit<Axis, 'parts'>; by: number } | undefined
  eachExpr(rootsOf(body), (x) => {
    if (x.k !== 'op' || (x.f !== 'idiv' && x.f !== 'imod') || x.args[1].k !== 'lit') return
    const by = x.args[1].value
    const axis = axes.find((a) => a.x === x.args[0])
    if (!axis || axis.size % by !== 0 || by >= axis.size) return
    if (by < shortest && axis === axes[axes.length - 1]) return
    if (!found || by > found.by) found = { axis, by }
  })
  return found
}

/** Every index that a body evaluates as a whole: addresses, and operands of what is not index arithmetic. */
export function indices(body: Body): Expr[] {
  const out = new Set<Expr>()
  for (const w of body.writes) out.add(w.at)
  for (const x of rootsOf(body)) if (x.t === 'u32') out.add(x)
  eachExpr(rootsOf(body), (x) => {
    if (x.k === 'load') out.add(x.at)
    else if (x.k === 'op' && x.f !== 'iadd' && x.f !== 'imul') for (const a of x.args) if (a.t === 'u32') out.add(a)
  })
  return [...out]
}

/** Where bounds tests of single index variables change their answer. */
function cutsOf(e: Exprs, body: Body): Map<Expr, Set<number>> {
  const cuts = new Map<Expr, Set<number>>()
  eachExpr(rootsOf(body), (x) => {
    if (x.k !== 'op' || x.f !== 'lt' || x.args[0].t !== 'u32' || x.args[1].k !== 'lit') return
    let [index, from] = [x.args[0], 0]
    if (index.k === 'op' && index.f === 'sub' && index.args[1].k === 'lit') {
      from = index.args[1].value
      index = index.args[0]
    }
    const { base, of } = e.linear(index)
    const [[atom, by]] = of.size === 1 ? [...of] : [[undefined, 0]]
    if (atom?.k !== 'var' || by !== 1) return
    const set = cuts.get(atom) ?? new Set()
    set.add(from - base).add(from + x.args[1].value - base)
    cuts.set(atom, set)
  })
  return cuts
}

function partsOf(size: number, cuts: ReadonlySet<number> = new Set()): Part[] {
  const at = [...new Set([0, ...cuts, size])].filter((n) => n >= 0 && n <= size).sort((a, b) => a - b)
  const parts = at.slice(1).map((end, i) => ({ from: at[i], size: end - at[i] }))
  return parts.length && parts.length <= mostParts ? parts : [{ from: 0, size }]
}
