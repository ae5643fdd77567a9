import { type Wide, wideOf } from '../ir/dtype.js'
import type { Target } from '../ir/program.js'
import type { Eqn, Var } from '../ir/types.js'
import { size } from '../ir/types.js'
import { opOf } from '../ops/op.js'
import { type Domain, domainOf, type Group, type Grouping, inMemoryFor, innerShape, outerShape } from '../pass/group.js'
import { buffers, finish, grid, groupIndex, type Lowered } from './build.js'
import { type Combine, combined, neutral } from './combine.js'
import { emitter, type Held } from './emit.js'
import { type Expr, type Exprs, type ExprType, exprs, scalarType, widthOf } from './expr.js'
import { type Scratch, type Stmt, scratchBase } from './ir.js'
import { narrowedTotal } from './narrow.js'
import { packer } from './pack.js'
import { levelOf, type Store, storeOf } from './store.js'

/** How a group is shared out over invocations. */
export interface LoopShape {
  /** Lines side by side in a workgroup. */
  readonly across: number
  /** Lanes for each line. */
  readonly along: number
  /** What an invocation handles four at a time: neighbouring lines, or neighbours along a line; 'none': one by one. */
  readonly four: 'lines' | 'along' | 'none'
  /** Steps of a loop over a line that are written out; `whole`: all of them, so that values stay in registers from stage to stage. */
  readonly unroll: number | 'whole'
}

/** Rule of thumb per class of adapter; the figures behind it are in docs/performance.md. */
export function loopShape(g: Group, target: Target): LoopShape {
  const [lines, length] = [size(outerShape(g)), size(innerShape(g))]
  const [last, rowwise] = [g.full[g.full.length - 1], g.axes.includes(g.full.length - 1)]
  if (!g.anchors.length) return { across: 64, along: 1, four: lines >= 4 ? 'lines' : 'none', unroll: 1 }
  const four = last % 4 !== 0 ? 'none' : rowwise ? 'along' : 'lines'
  const units = four === 'along' ? length / 4 : length
  const unroll = units <= wholeUpTo ? 'whole' : units % 4 === 0 ? 4 : 1
  // Software adapters pay dearly for barriers, and have no lanes to fill.
  if (target.class === 'software')
    return lines >= 16 || length < 512
      ? { across: 8, along: 1, four, unroll }
      : { across: 1, along: 32, four, unroll: 1 }
  if (length <= 32) return { across: 64, along: 1, four, unroll }
  const most = Math.min(256, target.maxComputeInvocationsPerWorkgroup)
  if (rowwise) {
    const along = Math.min(most, 2 ** Math.ceil(Math.log2(units)))
    return { across: Math.max(1, Math.min(64 / along, lines)), along, four, unroll: 1 }
  }
  return { across: 32, along: length >= 256 ? Math.min(8, most / 32) : 1, four: 'none', unroll: 1 }
}
/** Code grows with it, and compiling takes more than its share. */
const wholeUpTo = 20

/** A loops group as a kernel: reductions stage by stage, then what is stored per line, then what is stored per element. */
export function lowerLoops(
  grouping: Grouping,
  g: Group,
  target: Target,
  { across, along, four, unroll }: LoopShape,
): Lowered {
  const { graph, stored } = grouping
  const e = exprs()
  const b = buffers()
  const packs = packer(e, b)
  const [perLines, perAlong] = [four === 'lines' ? 4 : 1, four === 'along' ? 4 : 1]
  /** Lines are handled `perLines` at a time; a last few that are too many end in the padding of buffers. */
  const lines = Math.ceil(size(outerShape(g)) / perLines)
  const length = size(innerShape(g)) / perAlong
  const quad = four === 'none' ? [0] : [0, 1, 2, 3]
  const packed = (xs: readonly Expr[]): Expr => (xs.length === 1 ? xs[0] : packs.pack(xs))
  const wide = (t: Wide): ExprType => (four === 'none' ? t : `${t}x4`)
  const workgroups = grid(lines, across, target)
  const body: Stmt[] = []
  const scratch: Scratch[] = []

  // The line of this invocation. Without barriers surplus invocations end; with them they repeat the last line and don't store.
  const exact = lines % across === 0 && lines === workgroups[0] * workgroups[1] * across
  const laneLine = across > 1 ? e.variable('lane_x', 'u32', across - 1) : e.index(0)
  const position = e.iadd(e.imul(groupIndex(e, workgroups), across), laneLine)
  body.push({
    k: 'let',
    name: 'line',
    value: exact || along === 1 ? position : e.call('min', 'u32', [position, e.index(lines - 1)]),
  })
  const line = lines === 1 ? e.index(0) : e.variable('line', 'u32', lines - 1)
  if (!exact && along === 1)
    body.push({ k: 'exit', cond: e.call('ge', 'bool', [e.variable('line', 'u32'), e.index(lines)]) })
  const guarded = (stmts: Stmt[], extra?: Expr): Stmt[] => {
    let cond = !exact && along > 1 ? e.call('lt', 'bool', [position, e.index(lines)]) : undefined
    if (extra) cond = cond ? e.call('and', 'bool', [cond, extra]) : extra
    return cond ? [{ k: 'if', cond, body: stmts }] : stmts
  }

  const inMemory = inMemoryFor(grouping, g)
  const load = (v: Var, index: readonly Expr[]): Expr => b.load(e, v, index)
  /** Results of the reductions so far, for each element of a four. */
  const held = quad.map(() => new Map<Var, Held>())
  /** The indices of each element of a four, at step r of a line. */
  const domains = (r: Expr): Domain[] =>
    quad.map((j) =>
      domainOf(
        e,
        g,
        perLines === 4 ? e.iadd(e.imul(line, 4), e.index(j)) : line,
        perAlong === 4 ? e.iadd(e.imul(r, 4), e.index(j)) : r,
      ),
    )
  const outer = domains(e.index(0)).map((d) => d.outer)

  // Step r of the line: every lane takes each along-th.
  const steps = Math.ceil(length / along)
  const ragged = steps * along !== length
  let loops = 0
  const loopOver = (make: (r: Expr, inRange: Expr | undefined) => Stmt[]): Stmt[] => {
    if (unroll === 'whole' && along === 1)
      return valuesFirst(Array.from({ length: steps }, (_, r) => make(e.index(r), undefined)).flat())
    const times = unroll === 'whole' || steps % unroll ? 1 : unroll
    const index = `r${loops++}`
    const counter = e.variable(index, 'u32', steps / times - 1)
    const lane = e.variable('lane_y', 'u32', along - 1)
    const stmts: Stmt[] = []
    for (let i = 0; i < times; i++) {
      const step = e.iadd(e.imul(counter, times), e.index(i))
      const r = along === 1 ? step : e.iadd(e.imul(step, along), lane)
      if (ragged)
        stmts.push(
          ...make(
            e.call('min', 'u32', [r, e.index(length - 1)], length - 1),
            e.call('lt', 'bool', [r, e.index(length)]),
          ),
        )
      else stmts.push(...make(r, undefined))
    }
    return [{ k: 'loop', index, count: steps / times, body: valuesFirst(stmts) }]
  }

  for (const stage of stages(graph, g, inMemory)) {
    const first = held[0].size
    const register = (i: number): string => `acc${first + i}`
    for (const [i, anchor] of stage.entries()) {
      const t = wide(wideOf[anchor.outputs[0].aval.dtype])
      body.push({ k: 'mutable', name: register(i), t, value: neutral(e, combineOf(anchor), t) })
    }
    body.push(
      ...loopOver((r, inRange) => {
        const at = domains(r)
        const reads = quad.map((j) => emitter({ e, graph, held: held[j], inMemory, load }))
        return stage.map((anchor, i) => {
          const value = packed(quad.map((j) => reads[j](anchor.inputs[0], at[j].full)))
          const acc = e.variable(register(i), value.t)
          return {
            k: 'set',
            name: register(i),
            value: combine(
              e,
              anchor,
              acc,
              inRange ? e.call('select', value.t, [inRange, value, neutral(e, combineOf(anchor), value.t)]) : value,
            ),
          }
        })
      }),
    )
    for (const [i, anchor] of stage.entries()) {
      const t = wide(wideOf[anchor.outputs[0].aval.dtype])
      let total: Expr = e.variable(register(i), t)
      if (four === 'along') {
        const [x, y, z, w] = quad.map((j) => element(e, total, j))
        total = combine(e, anchor, combine(e, anchor, x, y), combine(e, anchor, z, w))
      }
      if (along > 1) {
        const memory = scratchBase + scratch.length
        scratch.push({ t: total.t, size: across * along, per: 'workgroup' })
        body.push(...treeReduce(e, anchor, memory, total, laneLine, along))
        total = e.load(memory, total.t, e.imul(laneLine, along))
      }
      const name = `total${first + i}`
      body.push({ k: 'let', name, value: narrowedTotal(e, combineOf(anchor), anchor.outputs[0].aval.dtype, total) })
      const value = e.variable(name, total.t)
      for (const j of quad)
        held[j].set(anchor.outputs[0], { index: outer[j], value: four === 'lines' ? element(e, value, j) : value })
    }
  }

  const store = (v: Var, at: readonly Domain[]): Stmt[] => {
    const stores = at.map((d, j) => storeOf({ e, graph, held: held[j], inMemory, load }, g, v, d)!)
    return packs.store(
      v,
      stores.map((x) => x.index),
      stores.map((x) => x.value),
    )
  }
  const lineDomains = four === 'lines' ? domains(e.index(0)) : domains(e.index(0)).slice(0, 1)
  const perLine: Stmt[] = []
  for (const anchor of g.anchors) {
    const v = anchor.outputs[0]
    if (stored.has(v))
      perLine.push(
        ...packs.store(
          v,
          lineDomains.map((d) => d.outer),
          held.map((h) => h.get(v)!.value),
        ),
      )
  }
  const level = (v: Var): Store['level'] => levelOf({ e, graph, held: held[0], inMemory, load }, g, v, lineDomains[0])
  const mine = g.stores.filter((v) => stored.has(v))
  const [perElement, rest] = [mine.filter((v) => level(v) === 'full'), mine.filter((v) => level(v) === 'outer')]
  perLine.push(...rest.flatMap((v) => store(v, lineDomains)))
  if (perLine.length)
    body.push(
      ...guarded(
        valuesFirst(perLine),
        along > 1 ? e.call('eq', 'bool', [e.variable('lane_y', 'u32'), e.index(0)]) : undefined,
      ),
    )
  if (perElement.length) {
    const storeAll = (r: Expr): Stmt[] => perElement.flatMap((v) => store(v, domains(r)))
    body.push(
      ...(g.anchors.length
        ? loopOver((r, inRange) => guarded(storeAll(r), inRange))
        : valuesFirst(storeAll(e.index(0)))),
    )
  }
  return finish(g.anchors.length ? (perElement.length ? 'rows' : 'reduce') : 'pointwise', b, {
    scratch,
    lanes: [across, along],
    workgroups,
    body,
  })
}

const element = (e: Exprs, x: Expr, j: number): Expr => e.call(`lane${j}`, scalarType(x.t), [x])

/** Computes the values of stores that stand together before the first is stored: a store may overwrite an operand's memory. */
export function valuesFirst(stmts: readonly Stmt[]): Stmt[] {
  if (stmts.filter((s) => s.k === 'store').length < 2) return [...stmts]
  const lets: Stmt[] = []
  const rest = stmts.map((s): Stmt => {
    if (s.k === 'if') return { ...s, body: valuesFirst(s.body) }
    if (s.k !== 'store') return s
    // Pieces that overlap store at one address, in fours and one by one.
    const name = `w${s.buffer}_${s.at.id}${widthOf(s.value.t) > 1 ? 's' : ''}`
    lets.push({ k: 'let', name, value: s.value })
    return { ...s, value: { k: 'var', t: s.value.t, id: -1, max: s.value.max, name } }
  })
  return [...lets, ...rest]
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

const combineOf = (eqn: Eqn): Combine => {
  const { kernel } = opOf(eqn.op)
  if (kernel.kind !== 'reduce') throw new Error(`internal: ${eqn.op} is not a reduction`)
  return kernel.combine
}
const combine = (e: Exprs, eqn: Eqn, a: Expr, b: Expr): Expr => combined(e, combineOf(eqn), a, b)

function treeReduce(e: Exprs, eqn: Eqn, memory: number, mine: Expr, laneLine: Expr, along: number): Stmt[] {
  const lane = e.variable('lane_y', 'u32', along - 1)
  const at = e.iadd(e.imul(laneLine, along), lane)
  const out: Stmt[] = [{ k: 'store', buffer: memory, at, value: mine }, { k: 'barrier' }]
  for (let half = along / 2; half >= 1; half /= 2) {
    const value = combine(e, eqn, e.load(memory, mine.t, at), e.load(memory, mine.t, e.iadd(at, e.index(half))))
    out.push(
      { k: 'if', cond: e.call('lt', 'bool', [lane, e.index(half)]), body: [{ k: 'store', buffer: memory, at, value }] },
      { k: 'barrier' },
    )
  }
  return out
}
