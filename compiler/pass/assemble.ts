import { wideOf } from '../ir/dtype.js'
import type { Target } from '../ir/program.js'
import { type Eqn, sameShape, size, type Var } from '../ir/types.js'
import { emitter, type Held, NotAtHand } from '../kernel/emit.js'
import { type Expr, exprs } from '../kernel/expr.js'
import { storeOf } from '../kernel/store.js'
import { type Graph, hasOwnKernel, isAnchor, kindOf, takesMore, updateRule } from './graph.js'
import { domainOf, type Group, type Grouping, innerShape, members, outerShape, squeezed } from './group.js'
import { deepest, type Leaves, overwritten, subtreeCost } from './keep.js'
import { reachability } from './reach.js'
import { type Spelling, speller } from './spell.js'

/** A value that some group has to own: the result of a reduction or product, or a pointwise value that goes to memory. */
interface Item {
  readonly v: Var
  readonly eqn: Eqn
  readonly anchor: boolean
}

/** Each value, in order, joins the group that makes what it reads if it can, or one that reduces the same arrays, or begins its own. */
export function assemble(graph: Graph, leaves: Leaves, target: Target, { donated, carries }: Overwriting): Grouping {
  const items: Item[] = []
  for (const eqn of graph.fn.eqns)
    for (const [i, v] of eqn.outputs.entries()) {
      const anchor = isAnchor(eqn)
      // An anchor's first result stands for all.
      if (leaves.has(v) && (!anchor || i === 0)) items.push({ v, eqn, anchor })
    }
  // Values that read each leaf through what is inlined.
  const readers = new Map<Var, Set<Var>>()
  for (const item of items)
    for (const leaf of leaves.of(item.v)) {
      const set = readers.get(leaf)
      if (set) set.add(item.v)
      else readers.set(leaf, new Set([item.v]))
    }
  const owner = new Map<Var, Group>()
  /** How many values of its group an owned value is computed through, one into the next. */
  const depths = new Map<Var, number>()
  const steps = chains(graph, leaves)
  const depthIn = (v: Var, g: Group | undefined): number => {
    let below = 0
    for (const leaf of leaves.of(v)) if (g && owner.get(leaf) === g) below = Math.max(below, depths.get(leaf)!)
    return steps.get(v)! + below
  }
  const groups: Group[] = []
  /** A group's position among `groups`. */
  const place = new Map<Group, number>()
  const links = reachability()
  const admits = admission(graph, leaves)

  const needsMemory = (v: Var, inside: ReadonlySet<Var>): boolean => {
    if (graph.isOutput(v)) return true
    for (const r of readers.get(v) ?? []) if (!inside.has(r)) return true
    return false
  }
  /** Bindings a kernel of these values takes. */
  const bindings = (values: readonly Var[]): number => {
    const inside = new Set(values)
    const reads = new Set<Var>()
    for (const v of values) for (const leaf of leaves.of(v)) if (!inside.has(leaf)) reads.add(leaf)
    const writes = values.filter((v) => needsMemory(v, inside))
    return reads.size + writes.length - overwritten(graph, writes, reads, donated).size
  }
  const producersOf = (v: Var): Set<Group> => {
    const out = new Set<Group>()
    for (const leaf of leaves.of(v)) {
      const g = owner.get(leaf)
      if (g) out.add(g)
    }
    return out
  }
  const addDeps = (g: Group, deps: Iterable<Group>): void => {
    for (const d of deps) {
      g.deps.add(d)
      links.add(place.get(g)!, place.get(d)!)
    }
  }
  const put = (g: Group, at: number): void => {
    groups[at] = g
    place.set(g, at)
    for (const v of members(g)) owner.set(v, g)
  }

  const tryJoin = (item: Item, g: Group, producers: ReadonlySet<Group>): boolean => {
    if (item.anchor && (g.kind === 'own' || kindOf(item.eqn) !== 'reduce' || !canReduceIn(item.eqn, g))) return false
    if (!item.anchor && g.kind === 'own' && (!takesMore(g.anchors[0]) || subtreeCost(graph, item.v, leaves) > 60))
      return false
    if (crossesUpdate(item, g)) return false
    if (bindings([...members(g), item.v]) > target.maxStorageBuffersPerShaderStage) return false
    const at = place.get(g)!
    const deps = [...producers].filter((d) => d !== g)
    if (deps.some((d) => links.reaches(place.get(d)!, at))) return false
    const joined = item.anchor && !g.anchors.length ? withReduction(g, item.eqn) : g
    const depth = depthIn(item.v, g)
    if (depth > deepest || !admits(item, g, joined)) return false
    depths.set(item.v, depth)
    if (joined !== g) {
      place.delete(g)
      put(joined, at)
      for (const other of groups) if (other.deps.delete(g)) other.deps.add(joined)
    } else if (item.anchor) g.anchors.push(item.eqn)
    else g.stores.push(item.v)
    addDeps(joined, deps)
    owner.set(item.v, joined)
    return true
  }
  /** A kernel can't update what it makes itself, nor read what it updates. */
  const updates = new Set(items.flatMap(({ v, eqn }) => (updateRule(eqn) ? [v] : [])))
  const crossesUpdate = ({ v, eqn }: Item, g: Group): boolean =>
    updates.size > 0 &&
    ((updates.has(v) && owner.get(eqn.inputs[0]) === g) || g.stores.some((s) => updates.has(s) && leaves.of(v).has(s)))
  /** Groups that reduce the same lines and read one of the reduction's larger arrays. */
  const siblings = (item: Item): Set<Group> => {
    const out = new Set<Group>()
    if (!item.anchor || kindOf(item.eqn) !== 'reduce') return out
    const n = size(item.eqn.inputs[0].aval.shape)
    for (const leaf of leaves.of(item.v)) {
      if (size(leaf.aval.shape) * 2 < n) continue
      for (const reader of readers.get(leaf)!) {
        const g = owner.get(reader)
        if (g?.kind === 'loops' && g.anchors.length && canReduceIn(item.eqn, g)) out.add(g)
      }
    }
    return out
  }
  for (const item of items) {
    const producers = producersOf(item.v)
    const byPlace = (gs: Iterable<Group>): Group[] => [...gs].sort((a, b) => place.get(a)! - place.get(b)!)
    const join = (g: Group): boolean => tryJoin(item, g, producers)
    if (byPlace(producers).reverse().some(join) || byPlace(siblings(item)).some(join)) continue
    const g = newGroup(item)
    for (const v of members(g)) depths.set(v, depthIn(item.v, undefined))
    put(g, groups.length)
    addDeps(g, producers)
  }
  const stored = new Set<Var>()
  for (const g of groups) {
    const inside = new Set(members(g))
    for (const v of inside) if (needsMemory(v, inside)) stored.add(v)
  }
  // What overwrites a value's memory comes after everything else that reads it.
  const after = new Map<Group, Group[]>()
  for (const g of groups) {
    const inside = members(g)
    const reads = new Set(inside.flatMap((v) => [...leaves.of(v)]))
    const over = overwritten(graph, inside, reads, donated)
    for (const v of inside) {
      if (updates.has(v)) over.add(graph.def.get(v)!.inputs[0])
      const carried = carries.get(v)
      if (carried) over.add(carried)
    }
    const others = [...over].flatMap((x) => [...(readers.get(x) ?? [])].map((v) => owner.get(v)!))
    after.set(
      g,
      others.filter((r) => r !== g),
    )
  }
  return { graph, groups: ordered(groups, after), owner, stored }
}

/** Values that each is computed through, one inlined into the next, from what is in memory. */
function chains(graph: Graph, leaves: Leaves): Map<Var, number> {
  const steps = new Map<Var, number>()
  for (const eqn of graph.fn.eqns) {
    const below = eqn.inputs.reduce((most, x) => Math.max(most, leaves.has(x) ? 0 : steps.get(x)!), 0)
    for (const v of eqn.outputs) steps.set(v, below + 1)
  }
  return steps
}

/** The array that a store of `v` goes through: `v`, or the window of an update. */
const storedIn = (eqn: Eqn, v: Var): Var => (updateRule(eqn) ? eqn.inputs[1] : v)
const axesOf = (eqn: Eqn): readonly number[] => eqn.params.axes as number[]

/** What may be overwritten: donated inputs, by outputs that are not said; inputs of a loop's body, by what they are in the next turn. */
export interface Overwriting {
  readonly donated: ReadonlySet<Var>
  readonly carries: ReadonlyMap<Var, Var>
}

const newGroup = ({ v, eqn, anchor }: Item): Group => {
  const rest = { anchors: anchor ? [eqn] : [], stores: anchor ? [] : [v], deps: new Set<Group>() }
  if (!anchor || hasOwnKernel(eqn))
    return { kind: anchor ? 'own' : 'loops', full: storedIn(eqn, v).aval.shape, axes: [], ...rest }
  return { kind: 'loops', full: eqn.inputs[0].aval.shape, axes: axesOf(eqn), ...rest }
}
/** A pointwise group that takes in its first reduction: it is iterated by lines from then on. */
const withReduction = (g: Group, eqn: Eqn): Group => ({
  ...g,
  full: eqn.inputs[0].aval.shape,
  axes: axesOf(eqn),
  anchors: [eqn],
})
/** A reduction fits a group that iterates the same shape along the same axes, or a pointwise one of its operand's shape with lines enough to share out. */
const canReduceIn = (eqn: Eqn, g: Group): boolean => {
  const { shape } = eqn.inputs[0].aval
  const axes = axesOf(eqn)
  if (g.anchors.length) return sameShape(g.full, shape) && sameShape(g.axes, axes)
  return squeezed(shape) === squeezed(g.full) && size(shape.filter((_, d) => !axes.includes(d))) >= 32
}

/**
 * Whether a group's code can be written with an item in it, `joined` being the group as it would then be iterated. What is
 * found out for one group holds for all that compute alike: a network's layers, and the same groups assembled again.
 */
function admission(graph: Graph, leaves: Leaves): (item: Item, g: Group, joined: Group) => boolean {
  /** A group's code so far. `state` numbers it: equal for groups that compute alike. */
  interface Code {
    readonly spelling: Spelling
    state: number
  }
  const codes = new Map<Group, Code>()
  /** States by the state before and what is added; -1: impossible. */
  const states = new Map<string, number>()
  const after = (key: string, possible: () => boolean): number => {
    const state = states.get(key) ?? (possible() ? states.size : -1)
    states.set(key, state)
    return state
  }
  let joining: Var | undefined
  const begin = (g: Group): Code => {
    const own = new Set(g.stores)
    const spelling = speller(graph, (v) => leaves.has(v) && v !== joining && !own.has(v))
    joining = g.anchors[0].outputs[0]
    const numbers = members(g).map(spelling.number)
    const key = `${g.kind} [${g.full}] [${g.axes}] ${numbers}:${spelling.take()}`
    return { spelling, state: after(key, () => g.stores.every(probeOf(graph, leaves, g).store)) }
  }
  return (item, g, joined) => {
    if (!joined.anchors.length) return size(storedIn(item.eqn, item.v).aval.shape) === size(g.full)
    const code = codes.get(joined) ?? begin(joined)
    if (joined === g) {
      joining = item.v
      const known = code.spelling.values.length
      const key = `${code.state}${item.anchor ? 'a' : 'v'}${code.spelling.number(item.v)}:${code.spelling.take()}`
      const state = after(key, () => {
        const probe = probeOf(graph, leaves, g)
        return item.anchor ? probe.reduction(item.eqn) : probe.store(item.v)
      })
      if (state < 0) code.spelling.cut(known)
      else code.state = state
      codes.set(joined, code)
      return state >= 0
    }
    if (code.state >= 0) codes.set(joined, code)
    return code.state >= 0
  }
}

interface Probe {
  reduction(eqn: Eqn): boolean
  store(v: Var): boolean
}

/**
 * Tries a group's code symbolically: every reduction and product must be read where it is at hand. What the group has is
 * known to be possible, and what joins it comes later, so that only what joins is tried.
 */
function probeOf(graph: Graph, leaves: Leaves, g: Group): Probe {
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
  const inMemory = (v: Var): boolean => leaves.has(v) && !own.has(v)
  const load = (v: Var, index: readonly Expr[]): Expr => e.call(`load ${v.id}`, wideOf[v.aval.dtype], index)
  const hold = (v: Var): void => {
    held.set(v, { index: domain.outer, value: e.variable(`held ${v.id}`, wideOf[v.aval.dtype]) })
  }
  const possible = (make: () => boolean): boolean => {
    try {
      return make()
    } catch (err) {
      if (err instanceof NotAtHand) return false
      throw err
    }
  }
  for (const anchor of g.anchors) hold(anchor.outputs[0])
  return {
    reduction: (eqn) => {
      const ok = possible(() => Boolean(emitter({ e, graph, held, inMemory, load })(eqn.inputs[0], domain.full)))
      if (ok) hold(eqn.outputs[0])
      return ok
    },
    store: (v) => {
      own.add(v)
      const ok = possible(() => storeOf({ e, graph, held, inMemory, load }, g, v, domain) !== null)
      if (!ok) own.delete(v)
      return ok
    },
  }
}

/**
 * Groups sorted so that each follows its dependencies, keeping program order where free, and follows `after` where that
 * makes no cycle.
 */
function ordered(groups: readonly Group[], after: ReadonlyMap<Group, readonly Group[]>): Group[] {
  const out: Group[] = []
  const state = new Map<Group, 'open' | 'done'>()
  /** It depends on a group that is being placed, or is one. */
  const waits = (from: Group): boolean => {
    const seen = new Set<Group>()
    const stack = [from]
    for (let g = stack.pop(); g; g = stack.pop()) {
      if (state.get(g) === 'open') return true
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
    for (const d of after.get(g) ?? []) if (!state.has(d) && !waits(d)) visit(d)
    state.set(g, 'done')
    out.push(g)
  }
  for (const g of groups) visit(g)
  return out
}
