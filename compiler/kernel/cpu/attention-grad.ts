import type { Differentiated } from '../../ops/attention-dims.js'
import { maskedScore } from '../../ops/attention-dims.js'
import type { Group, Grouping } from '../../pass/group.js'
import { finish, type Lowered } from '../build.js'
import { delinearize, type Expr, linearIndex } from '../expr.js'
import type { Stmt } from '../ir.js'
import { narrowed } from '../narrow.js'
import { lowerCpuBiasGrad } from './attention-bias.js'
import {
  type Blocks,
  columnsOfLines,
  copyLines,
  copyTurned,
  fill,
  linesOf,
  named,
  overKeys,
  overRows,
  type Parts,
  partsOf,
  product,
  scoreFours,
  whereSeen,
} from './attention-parts.js'
import { axis, list, loop } from './matmul-nest.js'
import { storeQuad } from './matmul-store.js'

/**
 * Gradients of attention as a CPU's kernel; scores are made again from the logs of their sums (Dao et al., FlashAttention, 2022,
 * appendix B). An item has all of its results to itself, so no two threads add to one number: the gradient of a block of queries
 * goes along the keys, that of a block of keys along the queries, and one item makes both for all that shares a head of keys.
 */
export function lowerCpuAttentionGrad(grouping: Grouping, g: Group): Lowered {
  const p = partsOf(grouping, g)
  const { of } = p.params
  if (of.includes('bias')) return lowerCpuBiasGrad(p, grouping, g)
  if (!of.includes('q')) return byKeys(p, grouping, g)
  return of.length === 1 ? byQueries(p, grouping, g) : byHeads(p, grouping, g)
}

/** Scores of a block of queries and a block of keys, as weights and as gradients. */
export interface ScoreBlock {
  /** Copies what the block of queries needs, and the block of keys. */
  readonly queries: Stmt[]
  readonly keys: Stmt[]
  readonly lines: { readonly q: number; readonly ct: number; readonly k: () => number }
  readonly weights: number
  readonly gradients: number
  /** `body` after the scores are made. */
  make(body: readonly Stmt[]): Stmt[]
}

/** `scaled`: gradients of products, not of scores. `also` gets the gradient's four at a place in a row. */
export function scoreBlock(
  p: Parts,
  grouping: Grouping,
  g: Group,
  { scaled, also }: { scaled: boolean; also?: (at: Expr, value: Expr) => Stmt[] },
): ScoreBlock {
  const { e, d, queries, keys, width, row, params } = p
  const wantsQueries = params.of.includes('q')
  const q = copyLines(p, 'query', linesOf(p, grouping, g, 0), queries, p.head)
  const ct = copyLines(p, 'cotangent', linesOf(p, grouping, g, 5), queries, p.head)
  const operandK = linesOf(p, grouping, g, 1)
  const k = copyTurned(p, 'key', operandK, keys)
  const v = copyTurned(p, 'value', linesOf(p, grouping, g, 2), keys)
  const kLines = wantsQueries ? copyLines(p, 'keyLines', operandK, keys, p.keyHead) : undefined
  const [weights, gradients] = [p.allocate(queries.most * keys.most), p.allocate(queries.most * keys.most)]
  const four = scoreFours(p, g)
  const of = (name: string, memory: number, read: typeof k.read, sums: number): Stmt[] =>
    product(p, name, {
      rows: queries,
      columns: keys,
      steps: { most: d.H, count: e.index(d.H) },
      row: (r, step) => e.load(memory, 'f32', e.iadd(e.imul(r, width), step)),
      column: read,
      sums,
      at: (r) => e.imul(r, keys.most),
      adds: false,
    })
  const x4 = (f: string, ...args: Expr[]): Expr => e.call(f, 'f32x4', args)
  const splat = (name: string): Expr => x4('splat', e.variable(name, 'f32'))
  const perRow = (i: number): Expr => p.at(i, [p.batch, p.head, p.query])
  const empty = e.call('le', 'bool', [perRow(3), e.lit('f32', maskedScore)])
  const canBeEmpty = params.mask || params.bias
  const weight = x4('exp', x4('sub', e.variable('score', 'f32x4'), splat('logSum')))
  const scoreAt = (at: Expr): Expr => e.iadd(e.imul(row, keys.most), at)
  const rows = overRows(p, [
    { k: 'let', name: 'logSum', value: perRow(3) },
    { k: 'let', name: 'delta', value: perRow(4) },
    ...(canBeEmpty
      ? [
          {
            k: 'let',
            name: 'share',
            value: e.call('select', 'f32', [empty, e.lit('f32', 1 / d.S), e.lit('f32', 1)]),
          } as const,
        ]
      : []),
    ...overKeys(p, 'weighed', (at, whole) => {
      const difference = x4('sub', e.load(gradients, 'f32x4', scoreAt(at)), splat('delta'))
      const change = x4('mul', e.variable('weight', 'f32x4'), difference)
      const value = scaled ? x4('mul', change, e.lit('f32x4', params.scale)) : change
      return [
        { k: 'let', name: 'score', value: four.score(e.load(weights, 'f32x4', scoreAt(at)), whole) },
        { k: 'let', name: 'weight', value: canBeEmpty ? x4('mul', weight, splat('share')) : weight },
        { k: 'store', buffer: weights, at: scoreAt(at), value: e.variable('weight', 'f32x4') },
        { k: 'let', name: 'change', value: four.seen(value, whole) },
        { k: 'store', buffer: gradients, at: scoreAt(at), value: e.variable('change', 'f32x4') },
        ...(also?.(scoreAt(at), e.variable('change', 'f32x4')) ?? []),
      ]
    }),
  ])
  return {
    queries: [...q.copy, ...ct.copy],
    keys: [...k.copy, ...v.copy, ...(kLines?.copy ?? [])],
    lines: { q: q.memory, ct: ct.memory, k: () => kLines!.memory },
    weights,
    gradients,
    make: (body) =>
      whereSeen(
        p,
        [...of('scores', q.memory, k.read, weights), ...of('changes', ct.memory, v.read, gradients), ...rows, ...body],
        empty,
      ),
  }
}

/** Sums for the gradient of a block: those of queries over keys, those of keys over queries. */
function summing(p: Parts, s: ScoreBlock, name: 'q' | 'k' | 'v', sums: number, offset: Expr): Stmt[] {
  const { e, d, queries, keys, width } = p
  const [rows, steps] = name === 'q' ? [queries, keys] : [keys, queries]
  const from = name === 'v' ? s.weights : s.gradients
  const columns = { q: s.lines.k, k: () => s.lines.q, v: () => s.lines.ct }[name]()
  return product(p, `${name}Sums`, {
    rows,
    columns: { most: d.H, count: e.index(d.H) },
    steps,
    row: (r, step) => {
      const [query, key] = name === 'q' ? [r, step] : [step, r]
      return e.load(from, 'f32', e.iadd(e.imul(query, keys.most), key))
    },
    column: columnsOfLines(p, columns),
    sums,
    at: (r) => e.iadd(offset, e.imul(r, width)),
    adds: true,
  })
}

/** Stores the lines of a block. */
function storing(p: Parts, name: Differentiated, sums: number, offset: Expr, { most, start, count }: Blocks): Stmt[] {
  const { e, b, d, width, params } = p
  const out = p.outs[params.of.indexOf(name)]
  const head = name === 'q' ? p.head : p.keyHead
  const line = axis(e, `${name}Stored`, most)
  const fourth = axis(e, 'fourth', Math.ceil(d.H / 4))
  const at = list(4).map((j) => [p.batch, e.iadd(start, line), head, e.iadd(e.imul(fourth, 4), e.index(j))])
  const value = e.load(sums, 'f32x4', e.iadd(offset, e.iadd(e.imul(line, width), e.imul(fourth, 4))))
  const ats = at.map((index) => linearIndex(e, index, out.aval.shape))
  const write = { v: out, ats, value: narrowed(e, out.aval.dtype, value) }
  return loop(line, count, loop(fourth, e.index(Math.ceil(d.H / 4)), storeQuad(e, b, [write], fourth, d.H)))
}

/** The item's place among `sizes`, named. */
export function itemOf(
  p: Parts,
  places: readonly (readonly [place: Expr, size: number])[],
): { items: number; lets: Stmt[] } {
  const items = places.reduce((n, [, size]) => n * size, 1)
  const index = delinearize(
    p.e,
    axis(p.e, 'group_x', items),
    places.map(([, size]) => size),
  )
  return { items, lets: places.flatMap(([place], i) => named(place, index[i])) }
}
export const keyHeadOf = (p: Parts): Stmt[] =>
  p.d.N === p.d.K ? [] : named(p.keyHead, p.e.idiv(p.head, p.d.N / p.d.K))

const finished = (p: Parts, { items, lets }: { items: number; lets: Stmt[] }, body: readonly Stmt[]): Lowered =>
  finish('attentionGrad', p.b, {
    scratch: p.scratch,
    lanes: [1, 1],
    workgroups: [items, 1, 1],
    body: [...lets, ...body],
  })

function byQueries(p: Parts, grouping: Grouping, g: Group): Lowered {
  const { e, d, queries, keys, width } = p
  const s = scoreBlock(p, grouping, g, { scaled: true })
  const sums = p.allocate(queries.most * width)
  const item = itemOf(p, [
    [p.batch, d.B],
    [p.head, d.N],
    [queries.block, queries.blocks],
  ])
  return finished(p, item, [
    ...keyHeadOf(p),
    ...s.queries,
    ...fill(p, 'sums', sums, queries.most * width, 0),
    ...loop(keys.block, e.index(keys.blocks), [...s.keys, ...s.make(summing(p, s, 'q', sums, e.index(0)))]),
    ...storing(p, 'q', sums, e.index(0), queries),
  ])
}

/** The gradients of a block of keys, and with `sums` of all queries that see it. */
function alongQueries(p: Parts, s: ScoreBlock, querySums?: number): Stmt[] {
  const { e, d, queries, keys, width, params } = p
  const [group, all] = [d.N / d.K, keys.most * width]
  const inGroup = axis(e, 'inGroup', group)
  const names = (['k', 'v'] as const).filter((name) => params.of.includes(name))
  const sums = new Map(names.map((name) => [name, p.allocate(all)]))
  const tile = s.make([
    ...names.flatMap((name) => summing(p, s, name, sums.get(name)!, e.index(0))),
    ...(querySums === undefined ? [] : summing(p, s, 'q', querySums, queryOffset(p))),
  ])
  const heads =
    group === 1
      ? loop(queries.block, e.index(queries.blocks), [...s.queries, ...tile])
      : loop(inGroup, e.index(group), [
          ...named(p.head, e.iadd(e.imul(p.keyHead, group), inGroup)),
          ...loop(queries.block, e.index(queries.blocks), [...s.queries, ...tile]),
        ])
  return [
    ...s.keys,
    ...names.flatMap((name) => fill(p, `${name}Sums`, sums.get(name)!, all, 0)),
    ...heads,
    ...names.flatMap((name) => storing(p, name, sums.get(name)!, e.index(0), keys)),
  ]
}
/** Where the sums of a block of queries are among those of all heads that share keys. */
function queryOffset({ e, d, queries, width }: Parts): Expr {
  const group = d.N / d.K
  const inGroup = axis(e, 'inGroup', group)
  const block = e.iadd(e.imul(inGroup, queries.blocks), queries.block)
  return e.imul(block, queries.most * width)
}

function byKeys(p: Parts, grouping: Grouping, g: Group): Lowered {
  const s = scoreBlock(p, grouping, g, { scaled: true })
  const item = itemOf(p, [
    [p.batch, p.d.B],
    [p.keyHead, p.d.K],
    [p.keys.block, p.keys.blocks],
  ])
  return finished(p, item, alongQueries(p, s))
}

function byHeads(p: Parts, grouping: Grouping, g: Group): Lowered {
  const { e, d, queries, keys, width } = p
  const s = scoreBlock(p, grouping, g, { scaled: true })
  const group = d.N / d.K
  const all = group * queries.blocks * queries.most * width
  const sums = p.allocate(all)
  const item = itemOf(p, [
    [p.batch, d.B],
    [p.keyHead, d.K],
  ])
  const store = loop(queries.block, e.index(queries.blocks), storing(p, 'q', sums, queryOffset(p), queries))
  const inGroup = axis(e, 'inGroup', group)
  return finished(p, item, [
    ...fill(p, 'sums', sums, all, 0),
    ...loop(keys.block, e.index(keys.blocks), alongQueries(p, s, sums)),
    ...(group === 1
      ? store
      : loop(inGroup, e.index(group), [...named(p.head, e.iadd(e.imul(p.keyHead, group), inGroup)), ...store])),
  ])
}
