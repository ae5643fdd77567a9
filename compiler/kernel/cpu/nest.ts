import type { Expr, Exprs } from '../expr.js'
import { type Body, rewriteBody, rootsOf } from './body.js'
import { eachExpr } from './rewrite.js'

/** A loop over a group's elements. */
export interface Axis {
  /** Its index variable. */
  readonly x: Expr
  readonly size: number
  readonly reduced: boolean
  /** It is made of short rows of so many elements, and blocks should be whole rows. */
  readonly period?: number
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
const mostParts = 24
/** Runs shorter than this aren't worth a loop: what divides by them is computed per element. */
const shortest = 8

type Loop = Omit<Axis, 'parts'>
interface Loops {
  readonly axes: readonly Loop[]
  readonly body: Body
}

/**
 * Chooses the loops of a body over index variables of these sizes: a dim that is read as several (heads · width) becomes
 * several loops, and dims that are neighbours in every array become one.
 */
export function nestOf(e: Exprs, body: Body, dims: readonly Loop[]): Nest {
  let count = 0
  const variable = (size: number): Expr => e.variable(`$axis${count++}`, 'u32', Math.max(0, size - 1))
  const start = { axes: dims.filter(({ size }) => size !== 1), body }
  const split = splitAxes(e, start, variable)
  const joined = [false, true].reduce((loops, reduced) => joinAxes(e, loops, reduced, variable), split)
  const { axes, body: done } = joinShort(e, joined, variable)
  const cuts = cutsOf(e, done)
  return { axes: axes.map((a) => ({ ...a, parts: partsOf(a.size, cuts.get(a.x)) })), body: done }
}

function splitAxes(e: Exprs, { axes, body }: Loops, variable: (size: number) => Expr): Loops {
  const found = divided(body, axes)
  if (!found) return { axes, body }
  const { axis, by } = found
  const [q, r] = [axis.size / by, by].map((size) => ({ ...axis, x: variable(size), size }))
  const to = new Map([[axis.x, e.iadd(e.imul(q.x, by), r.x)]])
  return splitAxes(
    e,
    { axes: axes.flatMap((a) => (a === axis ? [q, r] : [a])), body: rewriteBody(e, body, to) },
    variable,
  )
}

/** Joins neighbours among the axes that are reduced, or those that aren't, wherever each index steps through both as through one. */
function joinAxes(e: Exprs, loops: Loops, reduced: boolean, variable: (size: number) => Expr): Loops {
  const sums = indices(loops.body).map((x) => e.linear(x).of)
  const mine = loops.axes.filter((a) => a.reduced === reduced)
  for (const [i, near] of mine.entries()) {
    const outer = mine[i - 1]
    if (outer && sums.every((of) => (of.get(outer.x) ?? 0) === (of.get(near.x) ?? 0) * near.size))
      return joinAxes(e, join(e, loops, outer, near, variable), reduced, variable)
  }
  return loops
}

function join(e: Exprs, { axes, body }: Loops, outer: Loop, near: Loop, variable: (size: number) => Expr): Loops {
  const size = outer.size * near.size
  const both = { ...near, x: variable(size), size }
  const to = new Map([
    [outer.x, e.idiv(both.x, near.size)],
    [near.x, e.imod(both.x, near.size)],
  ])
  return {
    axes: axes.filter((a) => a !== outer).map((a) => (a === near ? both : a)),
    body: rewriteBody(e, body, to),
  }
}

/** Rows of a few elements (colours) are gone along as one: in blocks of whole rows each lane's place in its row is known. */
function joinShort(e: Exprs, loops: Loops, variable: (size: number) => Expr): Loops {
  const [outer, near] = loops.axes.slice(-2)
  const fits = near && near.size < shortest && near.size % 4 !== 0 && outer.size >= 4
  if (!fits || loops.body.stages.length) return loops
  const writes = loops.body.writes.map((w) => e.linear(w.at).of)
  if (!writes.every((of) => of.get(near.x) === 1 && of.get(outer.x) === near.size)) return loops
  const { axes, body } = join(e, loops, outer, near, variable)
  return { axes: axes.map((a, i) => (i === axes.length - 1 ? { ...a, period: near.size } : a)), body }
}

/** An axis that is divided by a factor of its size. */
function divided(body: Body, axes: readonly Loop[]): { axis: Loop; by: number } | undefined {
  let found: { axis: Loop; by: number } | undefined
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
