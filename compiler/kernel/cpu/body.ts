import { wideOf } from '../../ir/dtype.js'
import type { Var } from '../../ir/types.js'
import { opOf } from '../../ops/op.js'
import { type Domain, type Group, type Grouping, inMemoryFor } from '../../pass/group.js'
import type { Buffers } from '../build.js'
import type { Combine } from '../combine.js'
import { emitter, type Held } from '../emit.js'
import { type Expr, type Exprs, linearIndex } from '../expr.js'
import { narrowedTotal } from '../narrow.js'
import { storeOf } from '../store.js'
import { eachExpr, rewriter } from './rewrite.js'

/** A reduction: what is combined at each element, and the variable that stands for the result in what follows. */
export interface Reduction {
  readonly combine: Combine
  readonly value: Expr
  readonly total: Expr & { readonly k: 'var' }
}

/** A value put in memory: once per element, or once per line along the reduced axes. */
export interface Write {
  readonly level: 'full' | 'outer'
  readonly buffer: number
  readonly at: Expr
  readonly value: Expr
}

/** A value per element that one stage computes and later ones take from scratch memory. */
export interface Kept {
  readonly stage: number
  readonly value: Expr
  /** What stands for it in later stages. */
  readonly variable: Expr & { readonly k: 'var' }
}

/** What a group computes as scalar expressions of one index variable per dim. */
export interface Body {
  /** Reductions that don't need each other's results stand together. */
  readonly stages: readonly (readonly Reduction[])[]
  readonly writes: readonly Write[]
  readonly kept: readonly Kept[]
}

/** The variable that stands for the result of a group's anchor. */
export const totalOf = (e: Exprs, g: Group, anchor: number): Reduction['total'] =>
  e.variable(`$total${anchor}`, wideOf[g.anchors[anchor].outputs[0].aval.dtype]) as Reduction['total']

/** The body of a group over index variables `index`, one per dim of its full shape. Results of its anchors are variables. */
export function bodyOf(e: Exprs, b: Buffers, grouping: Grouping, g: Group, index: readonly Expr[]): Body {
  const { graph, stored } = grouping
  const inMemory = inMemoryFor(grouping, g)
  const load = (v: Var, at: readonly Expr[]): Expr => b.load(e, v, at)
  const domain: Domain = { full: index, outer: index.filter((_, d) => !g.axes.includes(d)) }
  const held = new Map<Var, Held>()

  const stages: Reduction[][] = []
  const stageOf = new Map<Expr, number>()
  const writes: Write[] = []
  for (const [i, anchor] of g.anchors.entries()) {
    const [y] = anchor.outputs
    const total = totalOf(e, g, i)
    const { kernel } = opOf(anchor.op)
    if (kernel.kind === 'reduce') {
      const value = emitter({ e, graph, held, inMemory, load })(anchor.inputs[0], domain.full)
      const n = 1 + lastStage(value, stageOf)
      stageOf.set(total, n)
      stages[n] = [...(stages[n] ?? []), { combine: kernel.combine, value, total }]
    }
    const how = kernel.kind === 'reduce' || kernel.kind === 'scatter' ? kernel.combine : 'add'
    const result = narrowedTotal(e, how, y.aval.dtype, total)
    held.set(y, { index: domain.outer, value: result })
    if (stored.has(y))
      writes.push({
        level: 'outer',
        buffer: b.write(y),
        at: linearIndex(e, domain.outer, y.aval.shape),
        value: result,
      })
  }
  for (const v of g.stores.filter((s) => stored.has(s))) {
    const { level, index: at, value } = storeOf({ e, graph, held, inMemory, load }, g, v, domain)!
    writes.push({ level, buffer: b.write(v), at: linearIndex(e, at, v.aval.shape), value })
  }
  return { stages, writes, kept: [] }
}

function lastStage(x: Expr, stageOf: ReadonlyMap<Expr, number>): number {
  let last = -1
  eachExpr([x], (y) => {
    last = Math.max(last, stageOf.get(y) ?? -1)
  })
  return last
}

/** The body with other expressions in the place of some. */
export function rewriteBody(e: Exprs, body: Body, to: ReadonlyMap<Expr, Expr>): Body {
  const f = rewriter(e, to)
  return {
    stages: body.stages.map((stage) => stage.map((r) => ({ ...r, value: f(r.value) }))),
    writes: body.writes.map((w) => ({ ...w, at: f(w.at), value: f(w.value) })),
    kept: body.kept.map((k) => ({ ...k, value: f(k.value) })),
  }
}

/** All that a body evaluates, addresses included. */
export const rootsOf = ({ stages, writes }: Body): Expr[] => [
  ...stages.flat().map((r) => r.value),
  ...writes.flatMap((w) => [w.at, w.value]),
]
