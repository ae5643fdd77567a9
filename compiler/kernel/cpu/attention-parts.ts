import type { Var } from '../../ir/types.js'
import {
  type AttentionDims,
  type AttentionLinearParams,
  attentionDims,
  attentionParams,
  lastOperands,
  maskedScore,
} from '../../ops/attention-dims.js'
import { type Group, type Grouping, inMemoryFor } from '../../pass/group.js'
import { type Buffers, buffers } from '../build.js'
import { emitter } from '../emit.js'
import { type Expr, type Exprs, exprs } from '../expr.js'
import type { Scratch, Stmt } from '../ir.js'
import { copyPanels } from './matmul-copy.js'
import { fours } from './matmul-lanes.js'
import { axis, list, loop, scratchArrays, sizeAt } from './matmul-nest.js'
import { type Operand, operandOf } from './matmul-operand.js'
import { broadcastTile } from './matmul-registers.js'
import { lanesOf, widener } from './widen.js'

/** Rows and fours of columns of which sums are in registers. */
const tile = { rows: 4, quads: 2 }
const wide = 4 * tile.quads
/** Queries and keys of a block at most: what a thread has of both, and the scores between them, stays in its caches. */
const [mostQueries, mostKeys] = [64, 128]

/** Even parts of `n`, in multiples of `unit`, at most `most` each. */
const evenly = (n: number, most: number, unit: number): number =>
  unit * Math.ceil(Math.ceil(n / Math.ceil(n / most)) / unit)

/** What the parts of the kernels share. A block is some queries of a head, or some keys. */
export interface Parts {
  readonly e: Exprs
  readonly b: Buffers
  readonly params: AttentionLinearParams
  readonly d: AttentionDims
  readonly scratch: readonly Scratch[]
  allocate(size: number): number
  /** The results. */
  readonly outs: readonly Var[]
  /** Operand `i`, [batch, length, heads, width] or [batch, heads, length], at an index. */
  at(i: number, index: readonly Expr[]): Expr
  readonly queries: Blocks
  readonly keys: Blocks
  /** Elements between lines in scratch memory: the width, and what fills the last registers. */
  readonly width: number
  readonly batch: Expr
  readonly head: Expr
  readonly keyHead: Expr
  /** The query of row `r` of a block, and the first key of a four of columns. */
  readonly row: Expr
  readonly query: Expr
  readonly firstKey: Expr
}
export interface Blocks {
  readonly most: number
  readonly blocks: number
  readonly block: Expr
  /** The first of the block, and how many there are. */
  readonly start: Expr
  readonly count: Expr
}

export function partsOf(grouping: Grouping, g: Group): Parts {
  const e = exprs()
  const b = buffers()
  const [eqn] = g.anchors
  const params = attentionParams(eqn.params)
  const ins = eqn.inputs.map((v) => v.aval)
  const d = attentionDims(eqn.op, ins, params)
  const inMemory = inMemoryFor(grouping, g)
  const emit = emitter({
    e,
    graph: grouping.graph,
    held: new Map(),
    inMemory,
    load: (x, index) => b.load(e, x, index),
  })
  const { scratch, allocate } = scratchArrays()
  const blocksOf = (name: string, n: number, most: number, unit: number): Blocks => {
    const size = evenly(n, most, unit)
    const blocks = Math.ceil(n / size)
    const block = axis(e, `${name}Block`, blocks)
    return {
      most: size,
      blocks,
      block,
      start: e.imul(block, size),
      count: sizeAt(e, block, blocks, Math.min(n, size), n - (blocks - 1) * size),
    }
  }
  const head = axis(e, 'head', d.N)
  return {
    e,
    b,
    params,
    d,
    scratch,
    allocate,
    outs: eqn.outputs,
    at: (i, index) => emit(eqn.inputs[i], index),
    queries: blocksOf('query', d.T, mostQueries, tile.rows),
    keys: blocksOf('key', d.S, mostKeys, wide),
    width: wide * Math.ceil(d.H / wide),
    batch: axis(e, 'batch', d.B),
    head,
    keyHead: d.N === d.K ? head : axis(e, 'keyHead', d.K),
    row: e.variable('r', 'u32', evenly(d.T, mostQueries, tile.rows) - 1),
    query: e.variable('query', 'u32', d.T - 1),
    firstKey: e.variable('firstKey', 'u32', d.S - 1),
  }
}

/** Names a loop's variable where it has more than one value. */
export const named = (x: Expr, value: Expr): Stmt[] => (x.k === 'var' ? [{ k: 'let', name: x.name, value }] : [])

/** Operand `i` of the equation as lines of `width` numbers. */
export function linesOf(p: Parts, grouping: Grouping, g: Group, i: number): Operand {
  const dims = { batch: [0, 2], free: [1], contract: [3] }
  return operandOf(p.e, p.b, grouping.graph, `operand${i}`, g.anchors[0].inputs[i], dims, inMemoryFor(grouping, g))
}

/** Copies the lines of a block, one after the other. */
export function copyLines(
  p: Parts,
  name: string,
  o: Operand,
  { most, start, count }: Blocks,
  head: Expr,
): { memory: number; copy: Stmt[] } {
  const { e, width, d } = p
  const memory = p.allocate(most * width)
  const line = axis(e, `${name}Line`, most)
  const source = e.variable(`${name}Source`, 'u32', o.lines - 1)
  const one = (h: Expr): Expr => o.element([p.batch, head], source, h)
  const put = (h: Expr, value: Expr): Stmt => ({
    k: 'store',
    buffer: memory,
    at: e.iadd(e.imul(line, width), h),
    value,
  })
  const four = axis(e, `${name}Four`, Math.floor(d.H / 4))
  const h = e.imul(four, 4)
  const whole = Math.floor(d.H / 4)
  const copy = loop(line, count, [
    { k: 'let', name: `${name}Source`, value: e.iadd(start, line) },
    ...(whole
      ? loop(four, e.index(whole), [put(h, fours(e).vector(list(4).map((j) => one(e.iadd(h, e.index(j))))))])
      : []),
    ...list(d.H % 4).map((j) => put(e.index(4 * whole + j), one(e.index(4 * whole + j)))),
  ])
  return { memory, copy }
}

/** Reads fours of lines that are side by side, as columns of a product over the lines. */
export const columnsOfLines =
  (p: Parts, memory: number) =>
  (panel: Expr, quad: number, step: Expr): Expr =>
    p.e.load(memory, 'f32x4', p.e.iadd(p.e.imul(step, p.width), p.e.iadd(p.e.imul(panel, wide), p.e.index(4 * quad))))

/** Copies the lines of a block turned, `wide` side by side for each number of theirs, as columns of a product over the width. */
export function copyTurned(
  p: Parts,
  name: string,
  o: Operand,
  { most, block, count }: Blocks,
): { copy: readonly Stmt[]; read: (panel: Expr, quad: number, step: Expr) => Expr } {
  const { e, d } = p
  const nest = {
    e,
    batch: [p.batch, p.keyHead],
    block: e.index(0),
    start: e.index(0),
    steps: e.index(d.H),
    tiling: { depth: d.H },
    allocate: p.allocate,
  }
  const { memory, copy } = copyPanels(nest, o, {
    name,
    width: tile.quads,
    most: most / wide,
    count: e.idiv(e.iadd(count, e.index(wide - 1)), wide),
    first: e.imul(block, most / 4),
  })
  const read = (panel: Expr, quad: number, step: Expr): Expr =>
    e.load(memory, 'f32x4', e.iadd(e.imul(panel, wide * d.H), e.iadd(e.imul(step, wide), e.index(4 * quad))))
  return { copy, read }
}

/** Sums of products in scratch memory: `rows` × `columns`, `stride` apart, each over `steps`. */
export function product(
  p: Parts,
  name: string,
  q: {
    readonly rows: { readonly most: number; readonly count: Expr }
    readonly columns: { readonly most: number; readonly count: Expr }
    readonly steps: { readonly most: number; readonly count: Expr }
    readonly row: (row: Expr, step: Expr) => Expr
    readonly column: (panel: Expr, quad: number, step: Expr) => Expr
    readonly sums: number
    readonly at: (row: Expr) => Expr
    /** Adds to what is there. */
    readonly adds: boolean
  },
): Stmt[] {
  const { e } = p
  const [i, j, k] = [
    axis(e, `${name}I`, Math.ceil(q.rows.most / tile.rows)),
    axis(e, `${name}J`, Math.ceil(q.columns.most / wide)),
    axis(e, `${name}K`, q.steps.most),
  ]
  const upTo = (n: Expr, unit: number): Expr => e.idiv(e.iadd(n, e.index(unit - 1)), unit)
  const rowAt = (r: number): Expr => e.iadd(e.imul(i, tile.rows), e.index(r))
  const at = (r: number, quad: number): Expr => e.iadd(q.at(rowAt(r)), e.iadd(e.imul(j, wide), e.index(4 * quad)))
  const sums = broadcastTile(
    { e, tiling: tile, steps: q.steps.count, k },
    { read: (r, step) => e.call('splat', 'f32x4', [q.row(rowAt(r), step)]) },
    { read: (quad, step) => q.column(j, quad, step) },
    q.adds ? (r, quad) => e.load(q.sums, 'f32x4', at(r, quad)) : undefined,
    (r, quad, value) => ({ k: 'store', buffer: q.sums, at: at(r, quad), value }),
  )
  return loop(i, upTo(q.rows.count, tile.rows), loop(j, upTo(q.columns.count, wide), sums))
}

/** Sets `n` numbers, a multiple of four, to one value. */
export function fill(p: Parts, name: string, memory: number, n: number, value: number): Stmt[] {
  const { e } = p
  const at = axis(e, `${name}Fill`, n / 4)
  return loop(at, e.index(n / 4), [{ k: 'store', buffer: memory, at: e.imul(at, 4), value: e.lit('f32x4', value) }])
}

/** What is made of the score of `query` and each of four keys from `firstKey` on, as vectors. */
export interface ScoreFours {
  /** The score, scaled, with its bias, or that of a masked pair; `whole`: all four keys exist, others have -∞. */
  score(raw: Expr, whole: boolean): Expr
  /** Zero where the pair is masked, or the key doesn't exist. */
  seen(value: Expr, whole: boolean): Expr
}
export function scoreFours(p: Parts, g: Group): ScoreFours {
  const { e, params, d, query, firstKey } = p
  const lanes = lanesOf(e)
  const key = e.iadd(firstKey, lanes.lane)
  const { inputs } = g.anchors[0]
  const { bias, mask } = lastOperands(
    inputs.map((_, i) => i),
    params,
  )
  const index = [p.batch, p.head, query, key]
  const sees = [
    ...(params.isCausal ? [e.call('le', 'bool', [key, query])] : []),
    ...(mask === undefined ? [] : [p.at(mask, index)]),
  ].reduce<Expr | undefined>((a, x) => (a ? e.call('and', 'bool', [a, x]) : x), undefined)
  const raw = e.variable('$score', 'f32')
  const select = (x: Expr, other: number): Expr => (sees ? e.call('select', 'f32', [sees, x, e.lit('f32', other)]) : x)
  const scaled = e.call('mul', 'f32', [raw, e.lit('f32', params.scale)])
  const score = select(bias === undefined ? scaled : e.call('add', 'f32', [scaled, p.at(bias, index)]), maskedScore)
  const exists = e.call('lt', 'bool', [key, e.index(d.S)])
  const existing = e.call('select', 'f32', [exists, score, e.lit('f32', Number.NEGATIVE_INFINITY)])
  const widened = (x: Expr, value: Expr): Expr => widener(e, lanes, new Map([[raw, value]]))(x)
  return {
    score: (value, whole) => widened(whole ? score : existing, value),
    seen: (value, whole) => {
      const seen = select(raw, 0)
      return widened(whole ? seen : e.call('select', 'f32', [exists, seen, e.lit('f32', 0)]), value)
    },
  }
}

/** The fours of keys of a block, those that are whole and then one that isn't. `body` gets the place in the block. */
export function overKeys(p: Parts, name: string, body: (at: Expr, whole: boolean) => Stmt[]): Stmt[] {
  const { e, d, keys } = p
  const quad = axis(e, name, keys.most / 4)
  const at = e.imul(quad, 4)
  const key: Stmt = { k: 'let', name: 'firstKey', value: e.iadd(keys.start, at) }
  const whole = e.idiv(keys.count, 4)
  const all = loop(quad, whole, [key, ...body(at, true)])
  if (d.S % 4 === 0) return all
  const last = e.idiv(e.iadd(keys.count, e.index(3)), 4)
  return [...all, ...loop(quad, last, [key, ...body(at, false)], whole)]
}

/** The rows of a block of queries, each with its number in the batch's. */
export function overRows(p: Parts, body: readonly Stmt[]): Stmt[] {
  const { e, queries, row } = p
  return loop(row, queries.count, [{ k: 'let', name: 'query', value: e.iadd(queries.start, row) }, ...body])
}

/**
 * Runs `body` for this block of queries and this block of keys unless no query sees a key in it. A row of which nothing is seen at
 * all has equal scores, so it needs every key: `emptyRow` says whether row `r` is one as far as is known.
 */
export function whereSeen(p: Parts, body: readonly Stmt[], emptyRow: Expr): Stmt[] {
  const { e, params, queries, keys, row } = p
  if (!params.isCausal || keys.blocks === 1) return [...body]
  const end = e.iadd(queries.start, e.index(queries.most))
  const live = e.call('lt', 'bool', [keys.start, end])
  if (!params.mask && !params.bias) return [{ k: 'if', cond: live, body }]
  const needed = e.variable('accNeeded', 'u32')
  const choose = (cond: Expr, other: Expr): Expr => e.call('select', 'u32', [cond, e.index(1), other])
  return [
    { k: 'mutable', name: 'accNeeded', t: 'u32', value: choose(live, e.index(0)) },
    {
      k: 'if',
      cond: e.call('eq', 'bool', [needed, e.index(0)]),
      body: loop(row, queries.count, [
        { k: 'let', name: 'query', value: e.iadd(queries.start, row) },
        { k: 'set', name: 'accNeeded', value: choose(emptyRow, needed) },
      ]),
    },
    { k: 'if', cond: e.call('ne', 'bool', [needed, e.index(0)]), body },
  ]
}
