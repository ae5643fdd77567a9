import type { Target } from '../ir/program.js'
import type { Eqn, Fn, Var } from '../ir/types.js'
import { size } from '../ir/types.js'
import { alignTo } from '../kernel/emit.js'
import { delinearize, type Expr, type Exprs, reshapeIndex } from '../kernel/expr.js'
import { assemble, type Overwriting } from './assemble.js'
import { type Graph, graphOf, hasOwnKernel, inMemoryOperands, kindOf, mapRule } from './graph.js'
import { deepest, leavesIn, sharedValues, tooWide } from './keep.js'
import { strided } from './strided.js'

/**
 * Fusion: equations are gathered into groups, each of which becomes one kernel. A group is one equation with a kernel of its
 * own (a product, a scatter) or any number of reductions of one shape along the same axes (loops; none: pointwise), with the
 * pointwise values around them.
 */
export interface Group {
  readonly kind: 'own' | 'loops'
  /** loops: the shape iterated over and the axes reduced. own: the shape of the result, no axes. */
  readonly full: readonly number[]
  readonly axes: readonly number[]
  /** The equation with its own kernel, or the reductions in order. */
  readonly anchors: Eqn[]
  /** Pointwise values that this group puts in memory. */
  readonly stores: Var[]
  readonly deps: Set<Group>
}

export interface Grouping {
  readonly graph: Graph
  /** In an order in which each group comes after those it reads from. */
  readonly groups: readonly Group[]
  readonly owner: ReadonlyMap<Var, Group>
  /** Values with memory of their own: outputs, and what another group reads. */
  readonly stored: ReadonlySet<Var>
}

/** The values that a group computes as its own: results of its anchors, and its stores. */
export const members = (g: Group): Var[] => [...g.anchors.flatMap((a) => a.outputs), ...g.stores]
/** Which values a group's kernel finds in memory: inputs, and what other groups own. */
export function inMemoryFor({ graph, owner }: Grouping, g: Group): (v: Var) => boolean {
  const own = new Set(members(g))
  return (v) => !own.has(v) && (owner.has(v) || !graph.def.has(v))
}

/** Where a store of a group sits: once per element of the full shape, or once per line along the axes. */
export interface Placement {
  readonly level: 'full' | 'outer'
  readonly index: readonly Expr[]
  readonly moves?: ReadonlyMap<Var, { index: readonly Expr[]; from: readonly Expr[] }>
}
export interface Domain {
  readonly full: readonly Expr[]
  readonly outer: readonly Expr[]
}

export const outerShape = (g: { full: readonly number[]; axes: readonly number[] }): number[] =>
  g.full.filter((_, d) => !g.axes.includes(d))
export const innerShape = (g: { full: readonly number[]; axes: readonly number[] }): number[] =>
  g.full.filter((_, d) => g.axes.includes(d))

/** Index expressions of a loops group from the linear positions along its outer and inner dims. */
export function domainOf(
  e: Exprs,
  g: { full: readonly number[]; axes: readonly number[] },
  outer: Expr,
  inner: Expr,
): Domain {
  const o = delinearize(e, outer, outerShape(g))
  const i = delinearize(e, inner, innerShape(g))
  let [a, b] = [0, 0]
  return { outer: o, full: g.full.map((_, d) => (g.axes.includes(d) ? i[b++] : o[a++])) }
}

export const squeezed = (shape: readonly number[]): string => shape.filter((n) => n !== 1).join(',')

/** Where `v` can be stored by a group, or null. */
export function placeStore(
  e: Exprs,
  graph: Graph,
  g: Group,
  v: Var,
  domain: Domain,
  inMemory: (v: Var) => boolean,
): Placement | null {
  if (g.kind === 'own') {
    const at = alignTo(e, graph, v, g.anchors[0].outputs[0], domain.outer, inMemory)
    return at && { level: 'outer', ...at }
  }
  const { shape } = v.aval
  if (squeezed(shape) === squeezed(g.full)) return { level: 'full', index: reshapeIndex(e, domain.full, g.full, shape) }
  const outer = outerShape(g)
  if (g.axes.length && squeezed(shape) === squeezed(outer))
    return { level: 'outer', index: reshapeIndex(e, domain.outer, outer, shape) }
  if (!g.axes.length && size(shape) === size(g.full))
    return { level: 'full', index: reshapeIndex(e, domain.full, g.full, shape) }
  for (const anchor of g.anchors) {
    const at = alignTo(e, graph, v, anchor.outputs[0], domain.outer, inMemory)
    if (at) return { level: 'outer', ...at }
  }
  return null
}

/**
 * Groups a function's equations. `donated` inputs are counted as sharing a binding with the output that can take their
 * memory; whether it does is the plan's business. `carries` says which input a loop's body gives its output as in the next turn.
 */
export function group(
  fn: Fn,
  target: Target,
  { donated = new Set(), carries = new Map() }: Partial<Overwriting> = {},
): Grouping {
  const graph = graphOf(fn)
  const leaves = leavesIn(graph, initial(graph, target))
  for (;;) {
    for (
      let wide = tooWide(graph, leaves, target, donated);
      wide.length;
      wide = tooWide(graph, leaves, target, donated)
    )
      leaves.add(wide)
    const grouping = assemble(graph, leaves, target, { donated, carries })
    const shared = sharedValues(grouping, leaves)
    if (!shared.length) return grouping
    leaves.add(shared)
  }
}

/** Puts links of chains that are too long in memory. */
function breakChains(graph: Graph, set: Set<Var>): void {
  const depth = new Map<Var, number>()
  for (const eqn of graph.fn.eqns) {
    if (!mapRule(eqn)) continue
    const below = eqn.inputs.reduce((most, x) => Math.max(most, set.has(x) ? 0 : (depth.get(x) ?? 0)), 0)
    for (const v of eqn.outputs) {
      depth.set(v, below + 1)
      if (below + 1 === deepest) set.add(v)
    }
  }
}

/**
 * Pointwise values that must be in memory whatever is fused: outputs, links of chains that are too long, and what products
 * read, unless they compute it as they pack it.
 */
function initial(graph: Graph, target: Target): Set<Var> {
  const set = new Set<Var>()
  breakChains(graph, set)
  for (const v of graph.fn.outputs) if (graph.def.has(v) && mapRule(graph.def.get(v)!)) set.add(v)
  // Later equations first: a value that one product needs in memory may be a view's base for another.
  for (let changed = true; changed; ) {
    changed = false
    for (const eqn of graph.fn.eqns) {
      if (!hasOwnKernel(eqn)) continue
      for (const x of inMemoryOperands(eqn)) {
        const base = kindOf(eqn) === 'control' ? x : strided(graph, x, (v) => set.has(v)).base
        const def = graph.def.get(base)
        if (!def || !mapRule(def) || set.has(base)) continue
        if (target.class === 'cpu' && kindOf(eqn) === 'dot' && isCheap(graph, base, set)) continue
        set.add(base)
        changed = true
      }
    }
  }
  return set
}

/** Additions per element that a CPU's product does while it packs an operand: more for a value that nothing else reads. */
const [cheap, cheapAlone] = [1, 8]

/** Little work on one array: computing it again for each product costs less than a trip to memory. */
function isCheap(graph: Graph, v: Var, stored: ReadonlySet<Var>): boolean {
  const n = size(v.aval.shape)
  const large = new Set<Var>()
  const seen = new Set<Var>()
  let cost = 0
  const walk = (x: Var): void => {
    if (seen.has(x)) return
    seen.add(x)
    const def = graph.def.get(x)
    const rule = def && mapRule(def)
    if (!rule || (x !== v && stored.has(x))) {
      if (size(x.aval.shape) * 4 > n) large.add(x)
      return
    }
    cost += rule.cost
    def.inputs.forEach(walk)
  }
  walk(v)
  return large.size <= 1 && cost <= ((graph.uses.get(v)?.length ?? 0) > 1 ? cheap : cheapAlone)
}
