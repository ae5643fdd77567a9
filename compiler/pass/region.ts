import type { Target } from '../ir/program.js'
import type { Eqn, Fn, Var } from '../ir/types.js'
import { lowerAll } from '../kernel/alike.js'
import type { Lowered } from '../kernel/build.js'
import { mapRule, updateRule } from './graph.js'
import { type Group, type Grouping, group } from './group.js'
import { scanTurn, type Turn, whileTurn } from './turns.js'
import { updates } from './updates.js'

/** A function as what is to be run: kernels in order, and control flow over regions of its own. */
export interface Region {
  readonly fn: Fn
  readonly steps: readonly RegionStep[]
}

export type RegionStep =
  | Work
  /** Turns of `body`, a region of (consts, what changes) → what changes: so many, or while `cond` of (condConsts, what changes) holds. */
  | { readonly kind: 'loop'; readonly count: number; readonly turn: Turn; readonly body: Region; readonly eqn: Eqn }
  | {
      readonly kind: 'while'
      readonly cond: Region
      readonly condConsts: readonly Var[]
      readonly turn: Turn
      readonly body: Region
      readonly eqn: Eqn
    }
  /** The branch that `index` names. */
  | {
      readonly kind: 'cond'
      readonly index: Var
      readonly operands: readonly Var[]
      readonly branches: readonly Region[]
      readonly outputs: readonly Var[]
    }
  /** Other names of values. */
  | { readonly kind: 'same'; readonly values: readonly Var[]; readonly names: readonly Var[] }

/** One kernel over values. */
export interface Work {
  readonly kind: 'work'
  readonly lowered: Lowered
  /** Values whose memory becomes that of others, which the kernel writes in part only. */
  readonly takes: readonly (readonly [from: Var, to: Var])[]
  /** What it computes; `main` is what it's there for. */
  readonly eqns: readonly Eqn[]
  readonly main: Eqn
}

export interface RegionContext {
  readonly target: Target
  /** The passes. */
  readonly prepare: (fn: Fn) => Fn
}

/**
 * Groups and lowers a function, and those that its equations run. `donated` inputs may be overwritten; `shared` ones are
 * counted as sharing a binding with an output.
 */
export function regionOf(
  traced: Fn,
  { target, prepare }: RegionContext,
  { donated, shared }: { donated: ReadonlySet<number>; shared: boolean },
): Region {
  const prepared = prepare(traced)
  const inputs = new Set(prepared.inputs.filter((_, i) => donated.has(i)))
  const fn = updates(prepared, inputs)
  return lowered(fn, group(fn, target, shared ? { donated: inputs } : {}), { target, prepare })
}

/** A loop's body: what it changes is overwritten, and comes last among its inputs. */
function turnRegion({ fn: traced, consts, changes }: Turn, context: RegionContext): Region {
  const prepared = context.prepare(traced)
  const own = prepared.inputs.slice(consts.length)
  const fn = updates(prepared, new Set(own))
  const changing = own.filter((_, i) => !changes[i].kept)
  const carries = new Map(fn.outputs.map((v, i) => [v, changing[i]]))
  return lowered(fn, group(fn, context.target, { carries }), context)
}

function lowered(fn: Fn, grouping: Grouping, context: RegionContext): Region {
  const kernels = lowerAll(grouping, context.target)
  const steps = grouping.groups.map((g, i): RegionStep => {
    const kernel = kernels[i]
    return kernel ? workOf(grouping, g, kernel) : controlOf(grouping, g.anchors[0], context)
  })
  return { fn, steps }
}

function workOf(grouping: Grouping, g: Group, kernel: Lowered): Work {
  const takes = g.stores.flatMap((v): [Var, Var][] => {
    const eqn = grouping.graph.def.get(v)!
    return updateRule(eqn) ? [[eqn.inputs[0], v]] : []
  })
  const eqns = eqnsOf(grouping, g)
  return { kind: 'work', lowered: kernel, takes, eqns, main: g.anchors[0] ?? eqns[eqns.length - 1] }
}

/** The ops that run functions are known by name here: what each means is the order of its kernels, not a kernel. */
function controlOf({ graph }: Grouping, eqn: Eqn, context: RegionContext): RegionStep {
  const plain = { donated: new Set<number>(), shared: false }
  switch (eqn.op) {
    case 'barrier':
      return { kind: 'same', values: eqn.inputs, names: eqn.outputs }
    case 'cond': {
      const [index, ...operands] = eqn.inputs
      const branches = eqn.fns!.map((fn) => regionOf(fn, guarded(context), plain))
      return { kind: 'cond', index, operands, branches, outputs: eqn.outputs }
    }
    case 'scan': {
      const turn = scanTurn(eqn, (v) => graph.isOutput(v) || graph.uses.has(v))
      return { kind: 'loop', count: eqn.params.length as number, turn, body: turnRegion(turn, context), eqn }
    }
    case 'while': {
      const { cond, condConsts, body: turn } = whileTurn(eqn)
      const body = turnRegion(turn, guarded(context))
      return { kind: 'while', cond: regionOf(cond, context, plain), condConsts, turn, body, eqn }
    }
    default:
      throw new Error(`internal: '${eqn.op}' has no kernel`)
  }
}

/** Where kernels read one more buffer, which says whether they run. */
const guarded = ({ target, prepare }: RegionContext): RegionContext => ({
  target:
    target.class === 'cpu'
      ? target
      : { ...target, maxStorageBuffersPerShaderStage: target.maxStorageBuffersPerShaderStage - 1 },
  prepare,
})

/** Equations a group computes, inlined ones included. */
function eqnsOf({ graph, owner }: Grouping, g: Group): Eqn[] {
  const seen = new Set<Eqn>()
  // Stores first: ops then stand in the order in which their values are made.
  const own = new Set<Var>([...g.stores, ...g.anchors.flatMap((a) => a.outputs)])
  const walk = (v: Var): void => {
    const eqn = graph.def.get(v)
    if (!eqn || seen.has(eqn) || (!own.has(v) && (owner.has(v) || !mapRule(eqn)))) return
    for (const x of eqn.inputs) walk(x)
    seen.add(eqn)
  }
  for (const v of own) walk(v)
  return [...seen]
}
