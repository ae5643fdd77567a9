import type { Target } from '../ir/program.js'
import type { Eqn, Var } from '../ir/types.js'
import { size } from '../ir/types.js'
import { opOf } from '../ops/op.js'
import { extreme } from '../ops/reduce.js'
import { type Domain, domainOf, type Group, type Grouping, innerShape, outerShape, placeStore } from '../pass/group.js'
import { buffers, finish, grid, groupIndex, type Lowered } from './build.js'
import { emitter, type Held } from './emit.js'
import { type Expr, type Exprs, exprs, linearIndex } from './expr.js'
import { sharedBase, type Stmt } from './ir.js'

/** How the lines of a group are shared out: `across` lines side by side in a workgroup, `along` lanes for each. */
export interface LoopShape {
  readonly across: number
  readonly along: number
}

/** Rule of thumb per class of adapter; the figures behind it are in docs/performance.md. */
export function loopShape(g: Group, target: Target): LoopShape {
  const lines = size(outerShape(g))
  const length = size(innerShape(g))
  if (!g.anchors.length) return { across: 64, along: 1 }
  // Software adapters pay dearly for barriers, and have no lanes to fill.
  if (target.class === 'software') return lines >= 16 || length < 512 ? { across: 8, along: 1 } : { across: 1, along: 32 }
  if (length <= 32) return { across: 64, along: 1 }
  const rowwise = g.axes.includes(g.full.length - 1)
  const most = Math.min(256, target.maxComputeInvocationsPerWorkgroup)
  if (rowwise) {
    const along = Math.min(most, 2 ** Math.ceil(Math.log2(length / 4)))
    return { across: Math.max(1, Math.min(64 / along, lines)), along }
  }
  return { across: 32, along: length >= 256 ? Math.min(8, most / 32) : 1 }
}

/** A loops group as a kernel: reductions stage by stage, then what is stored per line, then what is stored per element. */
export function lowerLoops({ graph, stored, owner }: Grouping, g: Group, target: Target): Lowered {
  const e = exprs()
  const b = buffers()
  const [lines, length] = [size(outerShape(g)), size(innerShape(g))]
  const { across, along } = loopShape(g, target)
  const workgroups = grid(lines, across, target)
  const body: Stmt[] = []
  const shared: { t: Expr['t']; size: number }[] = []

  // The line of this invocation. Without barriers surplus invocations end; with them they repeat the last line and don't store.
  const exact = lines % across === 0 && lines === workgroups[0] * workgroups[1] * across
  const laneLine = across > 1 ? e.variable('lane_x', 'u32', across - 1) : e.index(0)
  const position = e.iadd(e.imul(groupIndex(e, workgroups), across), laneLine)
  body.push({ k: 'let', name: 'line', value: exact || along === 1 ? position : e.call('min', 'u32', [position, e.index(lines - 1)]) })
  const line = lines === 1 ? e.index(0) : e.variable('line', 'u32', lines - 1)
  if (!exact && along === 1) body.push({ k: 'exit', cond: e.call('ge', 'bool', [e.variable('line', 'u32'), e.index(lines)]) })
  const guarded = (stmts: Stmt[], extra?: Expr): Stmt[] => {
    let cond = !exact && along > 1 ? e.call('lt', 'bool', [position, e.index(lines)]) : undefined
    if (extra) cond = cond ? e.call('and', 'bool', [cond, extra]) : extra
    return cond ? [{ k: 'if', cond, body: stmts }] : stmts
  }

  const own = new Set<Var>([...g.stores, ...g.anchors.flatMap((a) => a.outputs)])
  const inMemory = (v: Var): boolean => !own.has(v) && (owner.has(v) || !graph.def.has(v))
  const held = new Map<Var, Held>()
  const load = (v: Var, index: readonly Expr[]): Expr => b.load(e, v, index)

  // Element r of the line: every lane takes each along-th.
  const steps = Math.ceil(length / along)
  const ragged = steps * along !== length
  let loops = 0
  const loopOver = (make: (domain: Domain, inRange: Expr | undefined) => Stmt[]): Stmt => {
    const index = `r${loops++}`
    const counter = e.variable(index, 'u32', steps - 1)
    const lane = e.variable('lane_y', 'u32', along - 1)
    let r = along === 1 ? counter : e.iadd(e.imul(counter, along), lane)
    let inRange: Expr | undefined
    if (ragged) {
      inRange = e.call('lt', 'bool', [r, e.index(length)])
      r = e.call('min', 'u32', [r, e.index(length - 1)], length - 1)
    }
    if (steps === 1 && along === 1) r = e.index(0)
    const stmts = make(domainOf(e, g, line, r), inRange)
    return { k: 'loop', index, count: steps, body: stmts }
  }
  const outerDomain = domainOf(e, g, line, e.index(0))

  for (const stage of stages(graph, g, inMemory)) {
    for (const [i, anchor] of stage.entries()) body.push({ k: 'mutable', name: `acc${held.size + i}`, t: anchor.outputs[0].aval.dtype, value: neutral(e, anchor) })
    const first = held.size
    body.push(
      loopOver((domain, inRange) => {
        const read = emitter({ e, graph, held, inMemory, load })
        return stage.map((anchor, i) => {
          const acc = e.variable(`acc${first + i}`, anchor.outputs[0].aval.dtype)
          const value = read(anchor.inputs[0], domain.full)
          return { k: 'set', name: `acc${first + i}`, value: combine(e, anchor, acc, inRange ? e.call('select', value.t, [inRange, value, neutral(e, anchor)]) : value) }
        })
      }),
    )
    for (const [i, anchor] of stage.entries()) {
      const t = anchor.outputs[0].aval.dtype
      let total: Expr = e.variable(`acc${first + i}`, t)
      if (along > 1) {
        const memory = sharedBase + shared.length
        shared.push({ t, size: across * along })
        body.push(...treeReduce(e, anchor, memory, total, laneLine, along))
        total = e.load(memory, t, e.imul(laneLine, along))
      }
      body.push({ k: 'let', name: `total${first + i}`, value: total })
      held.set(anchor.outputs[0], { index: outerDomain.outer, value: e.variable(`total${first + i}`, t) })
    }
  }

  const write = (v: Var, index: readonly Expr[], value: Expr): Stmt => ({ k: 'store', buffer: b.write(v), at: linearIndex(e, index, v.aval.shape), value })
  const perLine: Stmt[] = []
  for (const anchor of g.anchors) {
    const v = anchor.outputs[0]
    if (stored.has(v)) perLine.push(write(v, outerDomain.outer, held.get(v)!.value))
  }
  const placed = g.stores.filter((v) => stored.has(v)).map((v) => ({ v, place: placeStore(e, graph, g, v, outerDomain, inMemory)! }))
  for (const { v, place } of placed) {
    if (place.level === 'outer') perLine.push(write(v, place.index, emitter({ e, graph, held, inMemory, load, moves: place.moves })(v, place.index)))
  }
  if (perLine.length) body.push(...guarded(valuesFirst(perLine), along > 1 ? e.call('eq', 'bool', [e.variable('lane_y', 'u32'), e.index(0)]) : undefined))
  const perElement = placed.filter(({ place }) => place.level === 'full').map(({ v }) => v)
  if (perElement.length) {
    const stmtsAt = (domain: Domain): Stmt[] => {
      const read = emitter({ e, graph, held, inMemory, load })
      return valuesFirst(
        perElement.map((v) => {
          const place = placeStore(e, graph, g, v, domain, inMemory)!
          return write(v, place.index, read(v, place.index))
        }),
      )
    }
    if (g.anchors.length) body.push(loopOver((domain, inRange) => guarded(stmtsAt(domain), inRange)))
    else body.push(...stmtsAt(outerDomain))
  }
  return finish(g.anchors.length ? (perElement.length ? 'rows' : 'reduce') : 'pointwise', b, { shared, lanes: [across, along], workgroups, body })
}

/** All values are computed before the first is stored: a store may overwrite the memory of an operand. */
export function valuesFirst(stores: readonly Stmt[]): Stmt[] {
  if (stores.length === 1) return [...stores]
  const out: Stmt[] = []
  const later: Stmt[] = []
  for (const s of stores) {
    if (s.k !== 'store') throw new Error('internal: expected stores')
    const name = `w${s.buffer}_${s.at.id}`
    out.push({ k: 'let', name, value: s.value })
    later.push({ ...s, value: { k: 'var', t: s.value.t, id: -1, max: s.value.max, name } })
  }
  return [...out, ...later]
}

/** Reductions that don't need each other's results share a loop. */
function stages(graph: Grouping['graph'], g: Group, inMemory: (v: Var) => boolean): Eqn[][] {
  const stageOf = new Map<Var, number>()
  const memo = new Map<Var, number>()
  /** The last stage whose results `v` takes; -1: none. */
  const after = (v: Var): number => {
    const known = stageOf.get(v) ?? memo.get(v)
    if (known !== undefined) return known
    const eqn = graph.def.get(v)
    const n = !eqn || inMemory(v) ? -1 : Math.max(-1, ...eqn.inputs.map(after))
    memo.set(v, n)
    return n
  }
  const out: Eqn[][] = []
  for (const anchor of g.anchors) {
    const n = after(anchor.inputs[0]) + 1
    stageOf.set(anchor.outputs[0], n)
    ;(out[n] ??= []).push(anchor)
  }
  return out
}

const combineOf = (eqn: Eqn): 'add' | 'max' | 'min' | 'mul' => {
  const { kernel } = opOf(eqn.op)
  if (kernel.kind !== 'reduce') throw new Error(`internal: ${eqn.op} is not a reduction`)
  return kernel.combine
}
const combine = (e: Exprs, eqn: Eqn, a: Expr, b: Expr): Expr => e.call(combineOf(eqn), a.t, [a, b])

/** What combining nothing gives. */
function neutral(e: Exprs, eqn: Eqn): Expr {
  const { dtype } = eqn.outputs[0].aval
  const how = combineOf(eqn)
  if (how === 'add') return e.lit(dtype, 0)
  if (how === 'mul') return e.lit(dtype, 1)
  if (dtype === 'i32' || dtype === 'u32') return e.lit(dtype, extreme(dtype, how === 'min'))
  return e.lit(dtype, how === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY)
}

function treeReduce(e: Exprs, eqn: Eqn, memory: number, mine: Expr, laneLine: Expr, along: number): Stmt[] {
  const lane = e.variable('lane_y', 'u32', along - 1)
  const at = e.iadd(e.imul(laneLine, along), lane)
  const out: Stmt[] = [{ k: 'store', buffer: memory, at, value: mine }, { k: 'barrier' }]
  for (let half = along / 2; half >= 1; half /= 2) {
    const value = combine(e, eqn, e.load(memory, mine.t, at), e.load(memory, mine.t, e.iadd(at, e.index(half))))
    out.push({ k: 'if', cond: e.call('lt', 'bool', [lane, e.index(half)]), body: [{ k: 'store', buffer: memory, at, value }] }, { k: 'barrier' })
  }
  return out
}
