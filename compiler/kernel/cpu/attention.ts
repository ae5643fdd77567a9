import { maskedScore } from '../../ops/attention-dims.js'
import type { Group, Grouping } from '../../pass/group.js'
import { finish, type Lowered } from '../build.js'
import { delinearize, type Expr, linearIndex } from '../expr.js'
import type { Stmt } from '../ir.js'
import { narrowed } from '../narrow.js'
import { lowerCpuAttentionGrad } from './attention-grad.js'
import {
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

const lowest = -3.4028234663852886e38

/**
 * Attention as a CPU's kernel: an item is a block of queries of one head, which goes along the keys block by block. The scores of a
 * block are in the thread's scratch memory; their exponentials are of differences to the largest so far, and what was summed up is
 * rescaled when there is a larger one (Milakov & Gimelshein, Online normalizer calculation for softmax, 2018; Dao et al.,
 * FlashAttention, 2022).
 */
export function lowerCpuAttention(grouping: Grouping, g: Group): Lowered {
  if (g.anchors[0].op === 'attentionGrad') return lowerCpuAttentionGrad(grouping, g)
  const p = partsOf(grouping, g)
  const { e, b, d, queries, keys, width, row } = p
  const [o, l] = p.outs
  const { value } = scoreStats(p)
  const q = copyLines(p, 'query', linesOf(p, grouping, g, 0), queries, p.head)
  const k = copyTurned(p, 'key', linesOf(p, grouping, g, 1), keys)
  const v = copyLines(p, 'value', linesOf(p, grouping, g, 2), keys, p.keyHead)
  const [scores, sums] = [p.allocate(queries.most * keys.most), p.allocate(queries.most * width)]
  const [tops, totals] = [p.allocate(queries.most), p.allocate(queries.most)]
  const more = keys.blocks > 1
  const four = scoreFours(p, g)
  const scoreAt = (at: Expr): Expr => e.iadd(e.imul(row, keys.most), at)
  const scalar = (memory: number): Expr => e.load(memory, 'f32', row)
  const put = (memory: number, x: Expr): Stmt => ({ k: 'store', buffer: memory, at: row, value: x })
  const f32 = (f: string, ...args: Expr[]): Expr => e.call(f, 'f32', args)
  const x4 = (f: string, ...args: Expr[]): Expr => e.call(f, 'f32x4', args)

  const largest = e.variable('accTop', 'f32x4')
  const total = e.variable('accTotal', 'f32x4')
  const [top, share] = [e.variable('top', 'f32'), e.variable('share', 'f32')]
  const h = axis(e, 'rescaled', width / 4)
  const sumAt = e.iadd(e.imul(row, width), e.imul(h, 4))
  const weights = overRows(p, [
    { k: 'mutable', name: 'accTop', t: 'f32x4', value: e.lit('f32x4', lowest) },
    ...overKeys(p, 'scored', (at, whole) => [
      { k: 'let', name: 'score', value: four.score(e.load(scores, 'f32x4', scoreAt(at)), whole) },
      { k: 'store', buffer: scores, at: scoreAt(at), value: e.variable('score', 'f32x4') },
      { k: 'set', name: 'accTop', value: value.larger(largest, e.variable('score', 'f32x4')) },
    ]),
    {
      k: 'let',
      name: 'top',
      value: more ? f32('max', scalar(tops), value.across('max', largest)) : value.across('max', largest),
    },
    { k: 'mutable', name: 'accTotal', t: 'f32x4', value: e.lit('f32x4', 0) },
    ...overKeys(p, 'weighed', (at) => [
      { k: 'let', name: 'weight', value: x4('exp', x4('sub', e.load(scores, 'f32x4', scoreAt(at)), x4('splat', top))) },
      { k: 'store', buffer: scores, at: scoreAt(at), value: e.variable('weight', 'f32x4') },
      { k: 'set', name: 'accTotal', value: x4('add', total, e.variable('weight', 'f32x4')) },
    ]),
    ...(more
      ? [
          { k: 'let', name: 'share', value: f32('exp', f32('sub', scalar(tops), top)) } as const,
          put(totals, f32('add', f32('mul', scalar(totals), share), value.across('add', total))),
          ...loop(h, e.index(width / 4), [
            { k: 'store', buffer: sums, at: sumAt, value: x4('mul', e.load(sums, 'f32x4', sumAt), x4('splat', share)) },
          ]),
        ]
      : [put(totals, value.across('add', total))]),
    put(tops, top),
  ])
  const block: Stmt[] = [
    ...k.copy,
    ...v.copy,
    ...product(p, 'scores', {
      rows: queries,
      columns: keys,
      steps: { most: d.H, count: e.index(d.H) },
      row: (r, step) => e.load(q.memory, 'f32', e.iadd(e.imul(r, width), step)),
      column: k.read,
      sums: scores,
      at: (r) => e.imul(r, keys.most),
      adds: false,
    }),
    ...weights,
    ...product(p, 'sums', {
      rows: queries,
      columns: { most: d.H, count: e.index(d.H) },
      steps: keys,
      row: (r, step) => e.load(scores, 'f32', e.iadd(e.imul(r, keys.most), step)),
      column: columnsOfLines(p, v.memory),
      sums,
      at: (r) => e.imul(r, width),
      adds: more,
    }),
  ]
  const fourth = axis(e, 'fourth', Math.ceil(d.H / 4))
  const index = list(4).map((j) => [p.batch, p.query, p.head, e.iadd(e.imul(fourth, 4), e.index(j))])
  const result = {
    v: o,
    ats: index.map((at) => linearIndex(e, at, o.aval.shape)),
    value: narrowed(
      e,
      o.aval.dtype,
      x4('mul', e.load(sums, 'f32x4', e.iadd(e.imul(row, width), e.imul(fourth, 4))), x4('splat', share)),
    ),
  }
  const store = overRows(p, [
    { k: 'let', name: 'share', value: f32('div', e.lit('f32', 1), scalar(totals)) },
    ...(grouping.stored.has(o)
      ? loop(fourth, e.index(Math.ceil(d.H / 4)), storeQuad(e, b, [result], fourth, d.H))
      : []),
    ...(grouping.stored.has(l)
      ? [
          {
            k: 'store',
            buffer: b.write(l),
            at: linearIndex(e, [p.batch, p.head, p.query], l.aval.shape),
            value: f32('add', scalar(tops), f32('log', scalar(totals))),
          } as const,
        ]
      : []),
  ])
  const [batch, head, queryBlock] = delinearize(e, axis(e, 'group_x', d.B * d.N * queries.blocks), [
    d.B,
    d.N,
    queries.blocks,
  ])
  const empty = e.call('le', 'bool', [scalar(tops), e.lit('f32', maskedScore)])
  return finish('attention', b, {
    scratch: p.scratch,
    lanes: [1, 1],
    workgroups: [d.B * d.N * queries.blocks, 1, 1],
    body: [
      ...named(p.batch, batch),
      ...named(p.head, head),
      ...(d.N === d.K ? [] : named(p.keyHead, e.idiv(p.head, d.N / d.K))),
      ...named(queries.block, queryBlock),
      ...q.copy,
      ...(more
        ? [
            ...fill(p, 'sums', sums, queries.most * width, 0),
            ...fill(p, 'tops', tops, queries.most, lowest),
            ...fill(p, 'totals', totals, queries.most, 0),
          ]
        : []),
      ...loop(keys.block, e.index(keys.blocks), whereSeen(p, block, empty)),
      ...store,
    ],
  })
}

/** Extremes and sums of vectors. */
function scoreStats({ e }: Parts): {
  value: { larger(a: Expr, b: Expr): Expr; across(f: 'add' | 'max', x: Expr): Expr }
} {
  const larger = (a: Expr, b: Expr): Expr => e.call('select', a.t, [e.call('lt', 'boolx4', [a, b]), b, a])
  const across = (f: 'add' | 'max', x: Expr): Expr => {
    const lane = list(4).map((j) => e.call(`lane${j}`, 'f32', [x]))
    const two = [e.call(f, 'f32', [lane[0], lane[1]]), e.call(f, 'f32', [lane[2], lane[3]])]
    return e.call(f, 'f32', two)
  }
  return { value: { larger, across } }
}
