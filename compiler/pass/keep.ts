import type { Target } from '../ir/program.js'
import { type Eqn, sameShape, size, type Var } from '../ir/types.js'
import { opOf } from '../ops/op.js'
import { type Graph, kindOf, mapRule, takesMore } from './graph.js'
import type { Group, Grouping } from './group.js'

/** What is in memory for every kernel but the one that makes it: inputs, results of reductions and products, values chosen to be. */
export interface Leaves {
  has(v: Var): boolean
  /** Leaves that a value reads through what is inlined into it. */
  of(v: Var): ReadonlySet<Var>
  /** Puts more values in memory. */
  add(vs: Iterable<Var>): void
}

export function leavesIn(graph: Graph, materialized: Iterable<Var>): Leaves {
  const leaves = new Set(graph.fn.inputs)
  const read = new Map<Var, ReadonlySet<Var>>(graph.fn.inputs.map((v) => [v, new Set()]))
  const union = (vs: readonly Var[]): ReadonlySet<Var> => {
    // Chains of values share one set.
    if (vs.length === 1 && !leaves.has(vs[0])) return read.get(vs[0])!
    const all = new Set<Var>()
    for (const v of vs)
      if (leaves.has(v)) all.add(v)
      else for (const leaf of read.get(v)!) all.add(leaf)
    return all
  }
  /** Equations are in order, so operands' leaves are known before they are asked for. */
  const update = (changed: Set<Var>): void => {
    for (const eqn of graph.fn.eqns) {
      if (!eqn.inputs.some((x) => changed.has(x))) continue
      const own = union(eqn.inputs)
      for (const v of eqn.outputs) {
        read.set(v, own)
        if (!leaves.has(v)) changed.add(v)
      }
    }
  }
  for (const v of materialized) leaves.add(v)
  for (const eqn of graph.fn.eqns) {
    const own = union(eqn.inputs)
    const anchor = !mapRule(eqn)
    for (const v of eqn.outputs) {
      read.set(v, own)
      if (anchor) leaves.add(v)
    }
  }
  return {
    has: (v) => leaves.has(v),
    of: (v) => read.get(v)!,
    add: (vs) => {
      const changed = new Set(vs)
      for (const v of changed) leaves.add(v)
      update(changed)
    },
  }
}

/** Values computed one through the next in one kernel, at most: expressions are walked by recursion, and stacks end. */
export const deepest = 256

function subtree(graph: Graph, v: Var, leaves: Leaves): Set<Eqn> {
  const seen = new Set<Eqn>()
  const walk = (x: Var, top: boolean): void => {
    const eqn = graph.def.get(x)
    if (!eqn || seen.has(eqn) || (!top && leaves.has(x))) return
    seen.add(eqn)
    for (const y of eqn.inputs) walk(y, false)
  }
  walk(v, true)
  return seen
}
export const subtreeCost = (graph: Graph, v: Var, leaves: Leaves): number =>
  [...subtree(graph, v, leaves)].reduce((sum, eqn) => sum + (mapRule(eqn)?.cost ?? 0), 0)

/**
 * A value that reads more arrays than a kernel binds is computed in parts: of what is inlined into it, the widest part that
 * fits is put in memory first.
 */
export function tooWide(graph: Graph, leaves: Leaves, target: Target, donated: ReadonlySet<Var>): Var[] {
  const limit = target.maxStorageBuffersPerShaderStage
  const out = new Set<Var>()
  for (const v of graph.def.keys()) {
    const reads = leaves.of(v)
    const def = graph.def.get(v)!
    if (kindOf(def) === 'control') continue
    const writes = mapRule(def) ? 1 : def.outputs.length
    if (reads.size + writes <= limit || !leaves.has(v)) continue
    if (reads.size + writes - overwritten(graph, [v], reads, donated).size <= limit) continue
    let best: Var | undefined
    for (const eqn of subtree(graph, v, leaves))
      for (const part of eqn.outputs) {
        const n = leaves.of(part).size
        if (part !== v && !leaves.has(part) && n > 1 && n < limit && (!best || n > leaves.of(best).size)) best = part
      }
    if (!best)
      throw new Error(`internal: '${graph.def.get(v)!.op}' reads ${reads.size} arrays, and a kernel binds ${limit}`)
    out.add(best)
  }
  return [...out]
}

/**
 * Places of a value that one kernel reads, at most, before it is put in memory: each view on the way to a result has an index
 * of its own and repeats what is inlined, so that trees of slices, as in a scan by halves, would double at every level.
 */
const mostPlaces = 16

/** Work per element, in additions, from which a value that two kernels need is kept instead of computed twice. */
const keepFrom = 12

/** Values inlined into more than one group that are better kept in memory. */
export function sharedValues({ graph, owner }: Grouping, leaves: Leaves): Var[] {
  /** Where each value ends up: in one group, in one picked value, or in more than one of these. */
  const sinks = new Map<Var, Group | Var | 'many' | undefined>()
  const picked = new Set<Var>()
  const places = placesIn(graph, mostPlaces)
  for (const eqn of [...graph.fn.eqns].reverse())
    for (const v of eqn.outputs) {
      if (leaves.has(v)) continue
      const reads = places(v, (out) => leaves.has(out) || picked.has(out))
      let mine: Group | Var | 'many' | undefined
      for (const use of graph.uses.get(v) ?? [])
        for (const out of use.outputs) {
          const sink = leaves.has(out) ? owner.get(out)! : picked.has(out) ? out : sinks.get(out)
          if (sink && mine !== sink) mine = mine ? 'many' : sink
        }
      sinks.set(v, mine)
      if (
        v.aval.dtype !== 'bool' &&
        (repeated(graph, v, leaves) ||
          (reads > mostPlaces && size(v.aval.shape) > 1 && subtreeCost(graph, v, leaves) >= 2) ||
          (mine === 'many' && worthKeeping(graph, v, leaves)))
      )
        picked.add(v)
    }
  return [...picked]
}

/**
 * Where a value is read in the kernels it is inlined into: an elementwise reader reads it where that is read itself, a view
 * somewhere of its own. Counted up to one more than `most`.
 */
function placesIn(graph: Graph, most: number): (v: Var, ends: (out: Var) => boolean) => number {
  const here: ReadonlySet<number> = new Set([0])
  const known = new Map<Var, ReadonlySet<number>>()
  const names = new Map<string, number>()
  const numberOf = <T>(xs: Map<T, number>, x: T): number => {
    if (!xs.has(x)) xs.set(x, xs.size + 1)
    return xs.get(x)!
  }
  const views = new Map<Eqn, number>()
  return (v, ends) => {
    const all = new Set<number>()
    for (const use of graph.uses.get(v) ?? [])
      for (const out of use.outputs)
        for (const place of ends(out) ? here : (known.get(out) ?? here)) {
          if (all.size > most) break
          const same = opOf(use.op).batch === 'elementwise'
          all.add(same ? place : numberOf(names, `${numberOf(views, use)} ${place}`))
        }
    known.set(v, all)
    return all.size
  }
}

/** A reader repeats each element of `v`, so that inlined work would be repeated too. */
const repeated = (graph: Graph, v: Var, leaves: Leaves): boolean =>
  size(v.aval.shape) > 1 &&
  (graph.uses.get(v) ?? []).some((use) =>
    use.outputs.every((out) => !leaves.has(out) && size(out.aval.shape) >= 4 * size(v.aval.shape)),
  ) &&
  subtreeCost(graph, v, leaves) >= 2

function worthKeeping(graph: Graph, v: Var, leaves: Leaves): boolean {
  if (mapRule(graph.def.get(v)!)!.cost === 0) return false
  const n = size(v.aval.shape)
  // Few elements: a kernel of its own costs more than computing them again, unless they are long to compute.
  if (n < 64) return subtreeCost(graph, v, leaves) >= 20
  const eqns = subtree(graph, v, leaves)
  let cost = 0
  const large = new Set<Var>()
  let product = false
  for (const eqn of eqns) {
    cost += mapRule(eqn)?.cost ?? 0
    for (const x of eqn.inputs)
      if (leaves.has(x) && size(x.aval.shape) * 2 > n) {
        large.add(x)
        // What a product ends in is stored by its kernel anyway: store the end of the chain instead of the bare product.
        const def = graph.def.get(x)
        if (def && takesMore(def)) product = true
      }
  }
  return product || cost >= keepFrom || large.size >= 3
}

/** Donated inputs among `reads` whose memory the outputs among `writes` can take: one each, of the same shape and dtype. */
export function overwritten(
  graph: Graph,
  writes: readonly Var[],
  reads: ReadonlySet<Var>,
  donated: ReadonlySet<Var>,
): Set<Var> {
  const taken = new Set<Var>()
  for (const v of writes) {
    if (!graph.isOutput(v)) continue
    for (const x of reads)
      if (donated.has(x) && !taken.has(x) && x.aval.dtype === v.aval.dtype && sameShape(x.aval.shape, v.aval.shape)) {
        taken.add(x)
        break
      }
  }
  return taken
}
