import type { Target } from '../ir/program.js'
import type { Eqn, Fn, Var } from '../ir/types.js'
import { size } from '../ir/types.js'
import { alignTo, emitter, type Held, NotAtHand } from '../kernel/emit.js'
import { delinearize, type Expr, type Exprs, exprs, reshapeIndex } from '../kernel/expr.js'
import { type Graph, graphOf, hasOwnKernel, kindOf, mapRule } from './graph.js'
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

const squeezed = (shape: readonly number[]): string => shape.filter((n) => n !== 1).join(',')

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
 * memory; whether it does is the plan's business.
 */
export function group(fn: Fn, target: Target, donated: ReadonlySet<Var> = new Set()): Grouping {
  const graph = graphOf(fn)
  const materialized = initial(graph)
  for (;;) {
    const grouping = assemble(graph, materialized, target, donated)
    const wide = tooWide(grouping, target, donated)
    const more = wide.length ? wide : sharedValues(grouping, materialized)
    if (!more.length) return grouping
    for (const v of more) materialized.add(v)
  }
}

/** Pointwise values that must be in memory whatever is fused: outputs, and what products read. */
function initial(graph: Graph): Set<Var> {
  const set = new Set<Var>()
  for (const v of graph.fn.outputs) if (graph.def.has(v) && mapRule(graph.def.get(v)!)) set.add(v)
  // Later equations first: a value that one product needs in memory may be a view's base for another.
  for (let changed = true; changed; ) {
    changed = false
    for (const eqn of graph.fn.eqns) {
      if (!hasOwnKernel(eqn)) continue
      for (const x of eqn.inputs) {
        const { base } = strided(graph, x, (v) => set.has(v))
        const def = graph.def.get(base)
        if (def && mapRule(def) && !set.has(base)) {
          set.add(base)
          changed = true
        }
      }
    }
  }
  return set
}

interface Item {
  readonly v: Var
  readonly eqn: Eqn
  readonly anchor: boolean
}

function assemble(graph: Graph, materialized: ReadonlySet<Var>, target: Target, donated: ReadonlySet<Var>): Grouping {
  const isAnchor = (v: Var): boolean => {
    const eqn = graph.def.get(v)
    return eqn !== undefined && !mapRule(eqn)
  }
  const isLeaf = (v: Var): boolean => !graph.def.has(v) || materialized.has(v) || isAnchor(v)
  const leavesOf = leafFinder(graph, isLeaf)
  const items: Item[] = []
  for (const eqn of graph.fn.eqns)
    for (const v of eqn.outputs) {
      if (isAnchor(v)) items.push({ v, eqn, anchor: true })
      else if (materialized.has(v)) items.push({ v, eqn, anchor: false })
    }
  // Values that read each leaf through what is inlined.
  const readers = new Map<Var, Set<Var>>()
  for (const item of items)
    for (const leaf of leavesOf(item.v)) {
      const set = readers.get(leaf)
      if (set) set.add(item.v)
      else readers.set(leaf, new Set([item.v]))
    }
  const owner = new Map<Var, Group>()
  const groups: Group[] = []

  const depends = (from: Group, on: Group): boolean => {
    const seen = new Set<Group>()
    const stack = [from]
    for (let g = stack.pop(); g; g = stack.pop()) {
      if (g === on) return true
      if (seen.has(g)) continue
      seen.add(g)
      stack.push(...g.deps)
    }
    return false
  }
  const needsMemory = (v: Var, inside: ReadonlySet<Var>): boolean =>
    graph.isOutput(v) || [...(readers.get(v) ?? [])].some((r) => !inside.has(r))
  /** Bindings a kernel of these values takes. */
  const bindings = (values: readonly Var[]): number => {
    const inside = new Set(values)
    const reads = new Set(values.flatMap((v) => [...leavesOf(v)]).filter((leaf) => !inside.has(leaf)))
    const writes = values.filter((v) => needsMemory(v, inside))
    return reads.size + writes.length - overwritten(graph, writes, reads, donated).size
  }
  const depsOf = (v: Var): Group[] => [...leavesOf(v)].map((leaf) => owner.get(leaf)).filter((g) => g !== undefined)

  const tryJoin = (item: Item, g: Group): boolean => {
    if (item.anchor && (g.kind === 'own' || kindOf(item.eqn) !== 'reduce' || !canReduceIn(item.eqn, g))) return false
    if (!item.anchor && g.kind === 'own' && subtreeCost(graph, item.v, isLeaf) > 60) return false
    if (bindings([...members(g), item.v]) > target.maxStorageBuffersPerShaderStage) return false
    const deps = depsOf(item.v).filter((d) => d !== g)
    if (deps.some((d) => depends(d, g))) return false
    if (!legal(graph, withItem(g, item), isLeaf)) return false
    // A pointwise group that takes in its first reduction is iterated by lines from then on.
    const joined = item.anchor && !g.anchors.length ? withItem(g, item) : g
    if (joined !== g) {
      groups[groups.indexOf(g)] = joined
      for (const v of members(g)) owner.set(v, joined)
      for (const other of groups) if (other.deps.delete(g)) other.deps.add(joined)
    } else if (item.anchor) g.anchors.push(item.eqn)
    else g.stores.push(item.v)
    for (const d of deps) joined.deps.add(d)
    owner.set(item.v, joined)
    return true
  }
  const siblings = (item: Item): Group[] => {
    if (!item.anchor || kindOf(item.eqn) !== 'reduce') return []
    const big = new Set(
      [...leavesOf(item.v)].filter((leaf) => size(leaf.aval.shape) * 2 >= size(item.eqn.inputs[0].aval.shape)),
    )
    return groups.filter(
      (g) =>
        g.anchors.length > 0 &&
        g.kind === 'loops' &&
        canReduceIn(item.eqn, g) &&
        members(g).some((v) => [...leavesOf(v)].some((leaf) => big.has(leaf))),
    )
  }
  for (const item of items) {
    const producers = [...new Set(depsOf(item.v))].sort((a, b) => groups.indexOf(b) - groups.indexOf(a))
    if ([...producers, ...siblings(item)].some((g) => tryJoin(item, g))) continue
    const g = newGroup(item)
    for (const d of depsOf(item.v)) g.deps.add(d)
    groups.push(g)
    owner.set(item.v, g)
  }
  const stored = new Set<Var>()
  for (const g of groups) {
    const inside = new Set(members(g))
    for (const v of inside) if (needsMemory(v, inside)) stored.add(v)
  }
  // What overwrites a donated input comes after everything that reads it.
  const after = new Map<Group, Group[]>()
  for (const g of groups) {
    const inside = new Set(members(g))
    const reads = new Set([...inside].flatMap((v) => [...leavesOf(v)]))
    for (const x of overwritten(graph, [...inside], reads, donated)) {
      const others = [...(readers.get(x) ?? [])].map((v) => owner.get(v)!).filter((r) => r !== g)
      after.set(g, [...(after.get(g) ?? []), ...others])
    }
  }
  return { graph, groups: ordered(groups, after), owner, stored }
}

/** Donated inputs among `reads` whose memory the outputs among `writes` can take: one each, of the same shape and dtype. */
function overwritten(
  graph: Graph,
  writes: readonly Var[],
  reads: ReadonlySet<Var>,
  donated: ReadonlySet<Var>,
): Set<Var> {
  const taken = new Set<Var>()
  for (const v of writes) {
    if (!graph.isOutput(v)) continue
    for (const x of reads)
      if (
        donated.has(x) &&
        !taken.has(x) &&
        x.aval.dtype === v.aval.dtype &&
        x.aval.shape.join() === v.aval.shape.join()
      ) {
        taken.add(x)
        break
      }
  }
  return taken
}

const newGroup = (item: Item): Group => {
  if (item.anchor && hasOwnKernel(item.eqn))
    return { kind: 'own', full: item.v.aval.shape, axes: [], anchors: [item.eqn], stores: [], deps: new Set() }
  if (item.anchor)
    return {
      kind: 'loops',
      full: item.eqn.inputs[0].aval.shape,
      axes: item.eqn.params.axes as number[],
      anchors: [item.eqn],
      stores: [],
      deps: new Set(),
    }
  return { kind: 'loops', full: item.v.aval.shape, axes: [], anchors: [], stores: [item.v], deps: new Set() }
}
const withItem = (g: Group, item: Item): Group => {
  if (!item.anchor) return { ...g, stores: [...g.stores, item.v] }
  const anchors = [...g.anchors, item.eqn]
  return g.anchors.length
    ? { ...g, anchors }
    : { ...g, full: item.eqn.inputs[0].aval.shape, axes: item.eqn.params.axes as number[], anchors }
}
/** A reduction fits a group that iterates the same shape along the same axes, or a pointwise one of its operand's shape with lines enough to share out. */
const canReduceIn = (eqn: Eqn, g: Group): boolean => {
  const { shape } = eqn.inputs[0].aval
  const axes = eqn.params.axes as number[]
  if (g.anchors.length) return g.full.join() === shape.join() && g.axes.join() === axes.join()
  return squeezed(shape) === squeezed(g.full) && size(shape.filter((_, d) => !axes.includes(d))) >= 32
}

/** Tries the group's whole code symbolically: every reduction and product must be read where it is at hand. */
function legal(graph: Graph, g: Group, isLeaf: (v: Var) => boolean): boolean {
  const e = exprs()
  const outer = outerShape(g)
  const domain = domainOf(
    e,
    g,
    e.variable('o', 'u32', size(outer) - 1),
    e.variable('r', 'u32', size(innerShape(g)) - 1),
  )
  const held = new Map<Var, Held>()
  const own = new Set(g.stores)
  const inMemory = (v: Var): boolean => isLeaf(v) && !own.has(v)
  const load = (v: Var, index: readonly Expr[]): Expr => e.call(`load ${v.id}`, v.aval.dtype, index)
  try {
    for (const anchor of g.anchors) {
      const v = anchor.outputs[0]
      if (g.kind === 'loops') emitter({ e, graph, held, inMemory, load })(anchor.inputs[0], domain.full)
      held.set(v, { index: domain.outer, value: e.variable(`held ${v.id}`, v.aval.dtype) })
    }
    for (const v of g.stores) {
      const place = placeStore(e, graph, g, v, domain, inMemory)
      if (!place) return false
      emitter({ e, graph, held, inMemory, load, moves: place.moves })(v, place.index)
    }
    return true
  } catch (err) {
    if (err instanceof NotAtHand) return false
    throw err
  }
}

/** Leaves that a value reads through what is inlined into it. */
function leafFinder(graph: Graph, isLeaf: (v: Var) => boolean): (v: Var) => ReadonlySet<Var> {
  const memo = new Map<Var, Set<Var>>()
  // Equations are in order, so operands' leaves are known before they are asked for.
  for (const eqn of graph.fn.eqns) {
    const leaves = new Set<Var>()
    for (const x of eqn.inputs) {
      if (isLeaf(x)) leaves.add(x)
      else for (const leaf of memo.get(x) ?? []) leaves.add(leaf)
    }
    for (const v of eqn.outputs) memo.set(v, leaves)
  }
  return (v) => memo.get(v) ?? new Set()
}

function subtree(graph: Graph, v: Var, isLeaf: (v: Var) => boolean): Set<Eqn> {
  const seen = new Set<Eqn>()
  const walk = (x: Var, top: boolean): void => {
    const eqn = graph.def.get(x)
    if (!eqn || seen.has(eqn) || (!top && isLeaf(x))) return
    seen.add(eqn)
    for (const y of eqn.inputs) walk(y, false)
  }
  walk(v, true)
  return seen
}
const subtreeCost = (graph: Graph, v: Var, isLeaf: (v: Var) => boolean): number =>
  [...subtree(graph, v, isLeaf)].reduce((sum, eqn) => sum + (mapRule(eqn)?.cost ?? 0), 0)

/**
 * A value that reads more arrays than a kernel binds is computed in parts: of what is inlined into it, the widest part that
 * fits is put in memory first.
 */
function tooWide({ graph, groups, owner }: Grouping, target: Target, donated: ReadonlySet<Var>): Var[] {
  const isLeaf = (v: Var): boolean => !graph.def.has(v) || owner.has(v)
  const leavesOf = leafFinder(graph, isLeaf)
  const limit = target.maxStorageBuffersPerShaderStage
  const out = new Set<Var>()
  for (const g of groups)
    for (const v of members(g)) {
      const leaves = leavesOf(v)
      if (leaves.size + 1 - overwritten(graph, [v], leaves, donated).size <= limit) continue
      let best: Var | undefined
      for (const eqn of subtree(graph, v, isLeaf))
        for (const part of eqn.outputs) {
          const n = leavesOf(part).size
          if (part !== v && !isLeaf(part) && n > 1 && n < limit && (!best || n > leavesOf(best).size)) best = part
        }
      if (!best)
        throw new Error(`internal: '${graph.def.get(v)!.op}' reads ${leaves.size} arrays, and a kernel binds ${limit}`)
      out.add(best)
    }
  return [...out]
}

/** Work per element, in additions, from which a value that two kernels need is kept instead of computed twice. */
const keepFrom = 12

/** Values inlined into more than one group that are better kept in memory. */
function sharedValues({ graph, owner }: Grouping, materialized: ReadonlySet<Var>): Var[] {
  const isLeaf = (v: Var): boolean => !graph.def.has(v) || materialized.has(v) || !mapRule(graph.def.get(v)!)
  const sinks = new Map<Var, Set<Group | Var>>()
  const picked = new Set<Var>()
  for (const eqn of [...graph.fn.eqns].reverse())
    for (const v of eqn.outputs) {
      if (isLeaf(v)) continue
      const mine = new Set<Group | Var>()
      for (const use of graph.uses.get(v) ?? [])
        for (const out of use.outputs) {
          if (isLeaf(out)) mine.add(owner.get(out)!)
          else if (picked.has(out)) mine.add(out)
          else for (const s of sinks.get(out) ?? []) mine.add(s)
        }
      sinks.set(v, mine)
      if (v.aval.dtype !== 'bool' && (repeated(graph, v, isLeaf) || (mine.size > 1 && worthKeeping(graph, v, isLeaf))))
        picked.add(v)
    }
  return [...picked]
}

/** A reader repeats each element of `v`, so that inlined work would be repeated too. */
const repeated = (graph: Graph, v: Var, isLeaf: (v: Var) => boolean): boolean =>
  size(v.aval.shape) > 1 &&
  (graph.uses.get(v) ?? []).some((use) =>
    use.outputs.every((out) => !isLeaf(out) && size(out.aval.shape) >= 4 * size(v.aval.shape)),
  ) &&
  subtreeCost(graph, v, isLeaf) >= 2

function worthKeeping(graph: Graph, v: Var, isLeaf: (v: Var) => boolean): boolean {
  if (mapRule(graph.def.get(v)!)!.cost === 0) return false
  const n = size(v.aval.shape)
  // Few elements: a kernel of its own costs more than computing them again, unless they are long to compute.
  if (n < 64) return subtreeCost(graph, v, isLeaf) >= 20
  const eqns = subtree(graph, v, isLeaf)
  let cost = 0
  const large = new Set<Var>()
  let product = false
  for (const eqn of eqns) {
    cost += mapRule(eqn)?.cost ?? 0
    for (const x of eqn.inputs)
      if (isLeaf(x) && size(x.aval.shape) * 2 > n) {
        large.add(x)
        // What a product ends in is stored by its kernel anyway: store the end of the chain instead of the bare product.
        const def = graph.def.get(x)
        if (def && hasOwnKernel(def)) product = true
      }
  }
  return product || cost >= keepFrom || large.size >= 3
}

/**
 * Groups sorted so that each follows its dependencies, keeping program order where free, and follows `after` where that
 * makes no cycle.
 */
function ordered(groups: readonly Group[], after: ReadonlyMap<Group, readonly Group[]>): Group[] {
  const out: Group[] = []
  const state = new Map<Group, 'open' | 'done'>()
  const reaches = (from: Group, to: Group): boolean => {
    const seen = new Set<Group>()
    const stack = [from]
    for (let g = stack.pop(); g; g = stack.pop()) {
      if (g === to) return true
      if (seen.has(g) || state.get(g) === 'done') continue
      seen.add(g)
      stack.push(...g.deps)
    }
    return false
  }
  const visit = (g: Group): void => {
    if (state.has(g)) return
    state.set(g, 'open')
    for (const d of g.deps) visit(d)
    for (const d of after.get(g) ?? []) if (!state.has(d) && !reaches(d, g)) visit(d)
    state.set(g, 'done')
    out.push(g)
  }
  for (const g of groups) visit(g)
  return out
}
