import { lastOperands } from '../../ops/attention-dims.js'
import type { Group, Grouping } from '../../pass/group.js'
import { finish, type Lowered } from '../build.js'
import { type Expr, linearIndex } from '../expr.js'
import type { Stmt } from '../ir.js'
import { itemOf, keyHeadOf, scoreBlock } from './attention-grad.js'
import { fill, type Parts } from './attention-parts.js'
import { axis, list, loop } from './matmul-nest.js'
import { storeQuad } from './matmul-store.js'

/**
 * The gradient of the bias: an item is a block of it, and goes along the dims that the bias repeats. The block's sums are in scratch
 * memory, those of a repeated dim of queries or keys side by side until the end.
 */
export function lowerCpuBiasGrad(p: Parts, grouping: Grouping, g: Group): Lowered {
  const { e, b, d, queries, keys, row } = p
  const [out] = p.outs
  const bias = lastOperands(g.anchors[0].inputs, p.params).bias!
  const [ofBatch, ofHeads, ofQueries, ofKeys] = bias.aval.shape.map((n, i) => n === [d.B, d.N, d.T, d.S][i])
  const all = queries.most * keys.most
  const sums = p.allocate(all)
  const x4 = (f: string, ...args: Expr[]): Expr => e.call(f, 'f32x4', args)
  const at = (r: Expr, quad: Expr): Expr => e.iadd(e.imul(r, keys.most), e.imul(quad, 4))
  const sumAt = (r: Expr, quad: Expr): Expr => e.load(sums, 'f32x4', at(r, quad))
  const s = scoreBlock(p, grouping, g, {
    scaled: false,
    also: (place, value) => [
      { k: 'store', buffer: sums, at: place, value: x4('add', e.load(sums, 'f32x4', place), value) },
    ],
  })
  const dims = [
    { own: ofBatch, place: p.batch, size: d.B, lets: [] },
    { own: ofHeads, place: p.head, size: d.N, lets: keyHeadOf(p) },
    { own: ofQueries, place: queries.block, size: queries.blocks, lets: [] },
    { own: ofKeys, place: keys.block, size: keys.blocks, lets: [] },
  ]
  let along: Stmt[] = [...s.queries, ...s.keys, ...s.make([])]
  for (const { own, place, size, lets } of [...dims].reverse())
    if (!own) along = loop(place, e.index(size), lets.concat(along))
  const item = itemOf(
    p,
    dims.filter((x) => x.own).map(({ place, size }) => [place, size] as const),
  )
  const quads = keys.most / 4
  const quad = axis(e, 'quad', quads)
  const together = loop(
    row,
    e.index(queries.most),
    loop(quad, e.index(quads), [
      {
        k: 'store',
        buffer: sums,
        at: at(e.index(0), quad),
        value: x4('add', sumAt(e.index(0), quad), sumAt(row, quad)),
      },
    ]),
    e.index(1),
  )
  const line = ofQueries ? row : e.index(0)
  const query = ofQueries ? p.query : e.index(0)
  const total = e.variable('accTotal', 'f32x4')
  const place = (key: Expr): Expr => linearIndex(e, [p.batch, p.head, query, key], out.aval.shape)
  const lanes = list(4).map((j) => e.call(`lane${j}`, 'f32', [total]))
  const sum = (x: Expr, y: Expr): Expr => e.call('add', 'f32', [x, y])
  const keyQuad = e.variable('keyQuad', 'u32', Math.ceil(d.S / 4) - 1)
  const write = {
    v: out,
    ats: list(4).map((j) => place(e.iadd(e.imul(keyQuad, 4), e.index(j)))),
    value: sumAt(line, quad),
  }
  const count = e.idiv(e.iadd(keys.count, e.index(3)), 4)
  const storeLine: Stmt[] = ofKeys
    ? loop(quad, count, [
        { k: 'let', name: 'keyQuad', value: e.iadd(e.imul(keys.block, quads), quad) },
        ...storeQuad(e, b, [write], keyQuad, d.S),
      ])
    : [
        { k: 'mutable', name: 'accTotal', t: 'f32x4', value: e.lit('f32x4', 0) },
        ...loop(quad, e.index(quads), [{ k: 'set', name: 'accTotal', value: x4('add', total, sumAt(line, quad)) }]),
        {
          k: 'store',
          buffer: b.write(out),
          at: place(e.index(0)),
          value: sum(sum(lanes[0], lanes[1]), sum(lanes[2], lanes[3])),
        },
      ]
  const stores = ofQueries
    ? loop(row, queries.count, [{ k: 'let', name: 'query', value: e.iadd(queries.start, row) }, ...storeLine])
    : [...together, ...storeLine]
  return finish('attentionGrad', b, {
    scratch: p.scratch,
    lanes: [1, 1],
    workgroups: [item.items, 1, 1],
    body: [...item.lets, ...(ofHeads ? keyHeadOf(p) : []), ...fill(p, 'biasSums', sums, all, 0), ...along, ...stores],
  })
}
