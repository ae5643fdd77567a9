import { wideOf } from '../ir/dtype.js'
import type { Target } from '../ir/program.js'
import { size } from '../ir/types.js'
import { type Group, type Grouping, inMemoryFor } from '../pass/group.js'
import { strided } from '../pass/strided.js'
import { buffers, finish, grid, groupIndex, type Lowered } from './build.js'
import { type Combine, combined, neutral } from './combine.js'
import { delinearize, type Expr, exprs, stridedIndex } from './expr.js'
import type { Stmt } from './ir.js'
import { narrowedTotal } from './narrow.js'
import { packer } from './pack.js'

/** Sums (or the like) of segments of sorted rows: an invocation goes through a segment, with up to four columns in registers. */
export function lowerSegments(grouping: Grouping, g: Group, target: Target): Lowered {
  const e = exprs()
  const b = buffers()
  const [anchor] = g.anchors
  const inMemory = inMemoryFor(grouping, g)
  const [starts, order, updates] = anchor.inputs.map((v) => ({
    dtype: wideOf[v.aval.dtype],
    ...strided(grouping.graph, v, inMemory),
  }))
  const read = (from: typeof starts, index: readonly Expr[]): Expr =>
    e.load(b.read(from.base), from.dtype, stridedIndex(e, index, from.strides, from.offset))
  const place = (x: Expr): Expr => e.call('cast', 'u32', [x])
  const [y] = anchor.outputs
  const [rows, ...rest] = y.aval.shape
  const how = anchor.params.combine as Combine
  const columns = target.class !== 'cpu' && size(rest) % 4 === 0 ? 4 : 1
  const strips = size(rest) / columns
  const dtype = wideOf[y.aval.dtype]
  const t = columns === 4 ? (`${dtype}x4` as const) : dtype

  const across = target.class === 'cpu' ? 1 : 64
  const workgroups = grid(rows * strips, across, target)
  const lane = across > 1 ? e.variable('lane_x', 'u32', across - 1) : e.index(0)
  const line = e.variable('line', 'u32', rows * strips - 1)
  const row = e.idiv(line, strips)
  const columnAt = (j: number): readonly Expr[] =>
    delinearize(e, e.iadd(e.imul(e.imod(line, strips), columns), e.index(j)), rest)
  const lanes = Array.from({ length: columns }, (_, j) => j)
  const packs = packer(e, b)
  const [next, total] = [e.variable('acc_next', 'u32'), e.variable('acc', t)]
  const number = e.variable('number', 'u32')
  const values = lanes.map((j) => read(updates, [number, ...columnAt(j)]))
  const result = e.variable('total', t)
  const body: Stmt[] = [
    { k: 'let', name: 'line', value: e.iadd(e.imul(groupIndex(e, workgroups), across), lane) },
    { k: 'exit', cond: e.call('ge', 'bool', [e.variable('line', 'u32'), e.index(rows * strips)]) },
    { k: 'let', name: 'end', value: place(read(starts, [e.iadd(row, e.index(1))])) },
    { k: 'mutable', name: 'acc_next', t: 'u32', value: place(read(starts, [row])) },
    { k: 'mutable', name: 'acc', t, value: neutral(e, how, t) },
    {
      k: 'while',
      cond: e.call('lt', 'bool', [next, e.variable('end', 'u32')]),
      body: [
        { k: 'let', name: 'number', value: place(read(order, [next])) },
        {
          k: 'set',
          name: 'acc',
          value: combined(e, how, total, columns === 4 ? packs.pack(values) : values[0]),
        },
        { k: 'set', name: 'acc_next', value: e.iadd(next, e.index(1)) },
      ],
    },
    { k: 'let', name: 'total', value: narrowedTotal(e, how, y.aval.dtype, total) },
    ...packs.store(
      y,
      lanes.map((j) => [row, ...columnAt(j)]),
      lanes.map((j) => (columns === 4 ? e.call(`lane${j}`, dtype, [result]) : result)),
    ),
  ]
  return finish('segments', b, { scratch: [], lanes: [across, 1], workgroups, body })
}
