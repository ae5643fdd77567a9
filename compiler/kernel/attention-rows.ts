import type { Target } from '../ir/program.js'
import type { Var } from '../ir/types.js'
import { size } from '../ir/types.js'
import {
  type AttentionDims,
  type AttentionLinearParams,
  attentionDims,
  attentionParams,
  lastOperands,
  maskedScore,
} from '../ops/attention-dims.js'
import { type Group, type Grouping, inMemoryFor } from '../pass/group.js'
import { strided } from '../pass/strided.js'
import { type Buffers, buffers, finish, grid, groupIndex, type Lowered } from './build.js'
import { emitter } from './emit.js'
import { delinearize, type Expr, type Exprs, exprs, linearIndex, stridedIndex } from './expr.js'
import type { Stmt } from './ir.js'
import { narrowed } from './narrow.js'

/** Invocations of a workgroup: neighbours along the rows. Software adapters fill their lanes with few. */
const lanesFor = (rows: number, target: Target): number =>
  target.class === 'software' ? 8 : Math.min(64, Math.max(8, 2 ** Math.ceil(Math.log2(rows))))

/** Where the lines of queries or keys are: [batch, length, heads, width], read in fours along the width. */
export type Lines = (line: Expr, head: Expr, four: number) => Expr

/**
 * What attention's kernels for adapters share. An invocation has one row, a query or a key, in registers; those of a workgroup are
 * neighbours and belong to one head, so that the lines which they go along are read at addresses that all of them share.
 */
export interface Rows {
  readonly e: Exprs
  readonly b: Buffers
  readonly d: AttentionDims
  readonly params: AttentionLinearParams
  readonly outs: readonly Var[]
  readonly batch: Expr
  readonly head: Expr
  readonly row: Expr
  /** The first row of the workgroup. */
  readonly firstRow: Expr
  readonly lanes: number
  /** Fours of the width. */
  readonly fours: readonly number[]
  lines(operand: number): Lines
  /** Operand `i` at an index. */
  at(i: number, index: readonly Expr[]): Expr
  finish(name: string, body: readonly Stmt[]): Lowered
  /** Stores one number for the row. */
  storeOne(v: Var, at: Expr, value: Expr): Stmt[]
  /** Stores fours of a row's line of result `v`. */
  store(v: Var, head: Expr, value: (four: number) => Expr): Stmt[]
}

/** `rows` of each of `heads` of the batch. */
export function rowsOf(grouping: Grouping, g: Group, target: Target, of: 'queries' | 'keys'): Rows {
  const e = exprs()
  const b = buffers()
  const [eqn] = g.anchors
  const params = attentionParams(eqn.params)
  const d = attentionDims(
    eqn.op,
    eqn.inputs.map((v) => v.aval),
    params,
  )
  const inMemory = inMemoryFor(grouping, g)
  const emit = emitter({
    e,
    graph: grouping.graph,
    held: new Map(),
    inMemory,
    load: (x, index) => b.load(e, x, index),
  })
  const [rows, heads] = of === 'queries' ? [d.T, d.N] : [d.S, d.K]
  const lanes = lanesFor(rows, target)
  const groups = Math.ceil(rows / lanes)
  const items = d.B * heads * groups
  const workgroups = grid(items, 1, target)
  const axis = (name: string, n: number): Expr => (n === 1 ? e.index(0) : e.variable(name, 'u32', n - 1))
  const [batch, head, group] = [axis('batch', d.B), axis('head', heads), axis('block', groups)]
  const at = delinearize(e, groupIndex(e, workgroups), [d.B, heads, groups])
  const place = e.iadd(e.imul(group, lanes), e.variable('lane_x', 'u32', lanes - 1))
  const row = e.variable('row', 'u32', rows - 1)
  const ragged = rows % lanes !== 0
  const lets: Stmt[] = [
    ...(workgroups[1] > 1
      ? [{ k: 'exit', cond: e.call('ge', 'bool', [groupIndex(e, workgroups), e.index(items)]) } as const]
      : []),
    ...[batch, head, group].flatMap((x, i): Stmt[] =>
      x.k === 'var' ? [{ k: 'let', name: x.name, value: at[i] }] : [],
    ),
    // Beyond the last row it is the last again, which is not stored.
    { k: 'let', name: 'row', value: ragged ? e.call('min', 'u32', [place, e.index(rows - 1)], rows - 1) : place },
  ]
  const whereOwn = (body: readonly Stmt[]): Stmt[] =>
    ragged ? [{ k: 'if', cond: e.call('lt', 'bool', [place, e.index(rows)]), body }] : [...body]
  const four = (v: Var, address: Expr): Expr => {
    const { base, of } = e.linear(address)
    const aligned = size(v.aval.shape) % 4 === 0 && base % 4 === 0 && [...of.values()].every((by) => by % 4 === 0)
    if (aligned) return e.load(b.read(v, 4), 'f32x4', e.idiv(address, 4))
    const one = (j: number): Expr => e.load(b.read(v), 'f32', e.iadd(address, e.index(j)))
    return e.call('vec4', 'f32x4', [0, 1, 2, 3].map(one))
  }
  return {
    e,
    b,
    d,
    params,
    outs: eqn.outputs,
    batch,
    head,
    row,
    firstRow: e.imul(group, lanes),
    lanes,
    fours: Array.from({ length: d.H / 4 }, (_, h) => h),
    lines: (operand) => {
      const { base, offset, strides } = strided(grouping.graph, eqn.inputs[operand], inMemory)
      if (strides[3] === 1)
        return (line, h, q) => four(base, stridedIndex(e, [batch, line, h, e.index(4 * q)], strides, offset))
      return (line, h, q) =>
        e.call(
          'vec4',
          'f32x4',
          [0, 1, 2, 3].map((j) =>
            e.load(b.read(base), 'f32', stridedIndex(e, [batch, line, h, e.index(4 * q + j)], strides, offset)),
          ),
        )
    },
    at: (i, index) => emit(eqn.inputs[i], index),
    finish: (name, body) => finish(name, b, { scratch: [], lanes: [lanes, 1], workgroups, body: [...lets, ...body] }),
    storeOne: (v, address, value) => whereOwn([{ k: 'store', buffer: b.write(v), at: address, value }]),
    store: (v, h, value) => {
      const body = Array.from({ length: d.H / 4 }, (_, q): Stmt => {
        const address = linearIndex(e, [batch, row, h, e.index(4 * q)], v.aval.shape)
        return { k: 'store', buffer: b.write(v, 4), at: e.idiv(address, 4), value: narrowed(e, v.aval.dtype, value(q)) }
      })
      return whereOwn(body)
    },
  }
}

/** Sum over the width of two lines' products: four sums, put together at the end. */
export function dot(
  { e, fours }: Pick<Rows, 'e' | 'fours'>,
  a: (four: number) => Expr,
  b: (four: number) => Expr,
): Expr {
  const sums = fours.reduce<Expr | undefined>(
    (x, h) => (x ? e.call('fma', 'f32x4', [a(h), b(h), x]) : e.call('mul', 'f32x4', [a(h), b(h)])),
    undefined,
  )!
  return e.call('dot4', 'f32', [sums, e.lit('f32x4', 1)])
}

/** The score of a query and a key as it counts, and what is zero where the pair is masked. */
export function scoreOf(
  r: Pick<Rows, 'e' | 'params' | 'at' | 'batch'>,
  g: Group,
  head: Expr,
  query: Expr,
  key: Expr,
): { score: (product: Expr) => Expr; seen: (x: Expr) => Expr } {
  const { e, params } = r
  const { bias, mask } = lastOperands(
    g.anchors[0].inputs.map((_, i) => i),
    params,
  )
  const index = [r.batch, head, query, key]
  const sees = [
    ...(params.isCausal ? [e.call('le', 'bool', [key, query])] : []),
    ...(mask === undefined ? [] : [r.at(mask, index)]),
  ].reduce<Expr | undefined>((a, x) => (a ? e.call('and', 'bool', [a, x]) : x), undefined)
  const select = (x: Expr, other: number): Expr => (sees ? e.call('select', 'f32', [sees, x, e.lit('f32', other)]) : x)
  return {
    score: (product) => {
      const scaled = e.call('mul', 'f32', [product, e.lit('f32', params.scale)])
      return select(bias === undefined ? scaled : e.call('add', 'f32', [scaled, r.at(bias, index)]), maskedScore)
    },
    seen: (x) => select(x, 0),
  }
}

/** Whether pairs that are later than their query may be left out: not where a row may see nothing at all, which then needs every key. */
export const skips = ({ isCausal, bias, mask }: AttentionLinearParams): boolean => isCausal && !bias && !mask

/** The registers of a line: `sets` gives each four its next value. */
export const registers = ({ e, fours }: Pick<Rows, 'e' | 'fours'>, name: string) => {
  const at = (h: number): Expr => e.variable(`acc_${name}${h}`, 'f32x4')
  return {
    at,
    declare: fours.map((h): Stmt => ({ k: 'mutable', name: `acc_${name}${h}`, t: 'f32x4', value: e.lit('f32x4', 0) })),
    set: (value: (four: number) => Expr): Stmt[] =>
      fours.map((h): Stmt => ({ k: 'set', name: `acc_${name}${h}`, value: value(h) })),
  }
}

/** Names the fours of the invocation's own line. */
export function ownLine(r: Rows, name: string, lines: Lines, head: Expr): { lets: Stmt[]; at: (four: number) => Expr } {
  return {
    lets: r.fours.map((h): Stmt => ({ k: 'let', name: `${name}${h}`, value: lines(r.row, head, h) })),
    at: (h) => r.e.variable(`${name}${h}`, 'f32x4'),
  }
}
