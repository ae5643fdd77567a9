import { wideOf } from '../ir/dtype.js'
import type { Target } from '../ir/program.js'
import type { Var } from '../ir/types.js'
import { size } from '../ir/types.js'
import { opOf } from '../ops/op.js'
import { type Group, type Grouping, inMemoryFor } from '../pass/group.js'
import { type Strided, strided } from '../pass/strided.js'
import { buffers, finish, grid, groupIndex, type Lowered } from './build.js'
import { combined, neutral } from './combine.js'
import { storeTile } from './epilogue.js'
import { delinearize, type Expr, exprs, stridedIndex } from './expr.js'
import { type Stmt, scratchBase } from './ir.js'
import { narrowedTotal } from './narrow.js'
import { packer } from './pack.js'

/** Columns of a row that one invocation sums: each looks through all ids, so few invocations do less work. */
const columnsOf = (width: number, target: Target): number => {
  const most = target.class === 'software' ? 64 : 16
  return width % 4 === 0 ? 4 * largestDivisor(width / 4, most / 4) : largestDivisor(width, most / 4)
}
const largestDivisor = (n: number, most: number): number => {
  for (let d = Math.max(1, Math.min(n, most)); ; d--) if (n % d === 0) return d
}

/**
 * scatterAdd as a kernel without atomics: an invocation owns part of a row of the result, and looks for the row's number among
 * the ids in order, so that additions have one order. It searches in an inner loop and adds in the outer one, because
 * software adapters run both arms of every branch: what is seldom done has to be a loop that is seldom turned.
 */
export function lowerScatter(grouping: Grouping, g: Group, target: Target): Lowered {
  const { graph } = grouping
  const e = exprs()
  const b = buffers()
  const eqn = g.anchors[0]
  const [ids, updates] = eqn.inputs
  const [y] = eqn.outputs
  const inMemory = inMemoryFor(grouping, g)
  const window = (v: Var): Strided => strided(graph, v, inMemory)
  const addressIn = ({ offset, strides }: Strided, index: readonly Expr[]): Expr =>
    stridedIndex(e, index, strides, offset)
  const [idWindow, updateWindow] = [window(ids), window(updates)]
  const [rows, ...rest] = y.aval.shape
  const [count, width] = [size(ids.aval.shape), size(rest)]
  const columns = columnsOf(width, target)
  const strips = width / columns

  const across = 8
  const workgroups = grid(rows * strips, across, target)
  const item = e.iadd(e.imul(groupIndex(e, workgroups), across), e.variable('lane_x', 'u32', across - 1))
  const line = e.variable('line', 'u32', rows * strips - 1)
  const row = e.idiv(line, strips)
  const columnAt = (j: number): Expr => e.iadd(e.imul(e.imod(line, strips), columns), e.index(j))

  const dtype = wideOf[y.aval.dtype]
  const vector = columns % 4 === 0
  const t = vector ? (`${dtype}x4` as const) : dtype
  const { kernel } = opOf(eqn.op)
  const combine = kernel.kind === 'scatter' ? kernel.combine : 'add'
  const registers = Array.from({ length: vector ? columns / 4 : columns }, (_, c) => `acc${c}`)
  const next = e.variable('acc_next', 'u32')
  const n = e.variable('n', 'u32', count - 1)
  const packs = packer(e, b)
  const idAt = (k: Expr): Expr =>
    e.load(b.read(idWindow.base), 'i32', addressIn(idWindow, delinearize(e, k, ids.aval.shape)))
  const updateAt = (j: number): Expr =>
    e.load(
      b.read(updateWindow.base),
      dtype,
      addressIn(updateWindow, [...delinearize(e, n, ids.aval.shape), ...delinearize(e, columnAt(j), rest)]),
    )
  const inRange = e.call('lt', 'bool', [next, e.index(count)])
  const last = e.call('min', 'u32', [next, e.index(Math.max(0, count - 1))], Math.max(0, count - 1))
  const advance: Stmt = { k: 'set', name: 'acc_next', value: e.iadd(next, e.index(1)) }
  const other = e.call('ne', 'bool', [idAt(last), e.variable('row', 'i32')])
  const body: Stmt[] = [
    { k: 'let', name: 'line', value: item },
    { k: 'exit', cond: e.call('ge', 'bool', [e.variable('line', 'u32'), e.index(rows * strips)]) },
    { k: 'let', name: 'row', value: e.call('cast', 'i32', [row]) },
    ...registers.map((name): Stmt => ({ k: 'mutable', name, t, value: neutral(e, combine, t) })),
    { k: 'mutable', name: 'acc_next', t: 'u32', value: e.index(0) },
    {
      k: 'while',
      cond: inRange,
      body: [
        { k: 'while', cond: e.call('and', 'bool', [inRange, other]), body: [advance] },
        { k: 'let', name: 'n', value: last },
        {
          k: 'if',
          cond: inRange,
          body: registers.map((name, c) => {
            const value = vector ? packs.pack([0, 1, 2, 3].map((j) => updateAt(4 * c + j))) : updateAt(c)
            return { k: 'set', name, value: combined(e, combine, e.variable(name, t), value) }
          }),
        },
        advance,
      ],
    },
    ...registers.map(
      (name, c): Stmt => ({
        k: 'let',
        name: `sum${c}`,
        value: narrowedTotal(e, combine, y.aval.dtype, e.variable(name, t)),
      }),
    ),
  ]
  const value = (j: number): Expr =>
    vector ? e.call(`lane${j % 4}`, dtype, [e.variable(`sum${j >> 2}`, t)]) : e.variable(`sum${j}`, t)
  const stores = storeTile(e, b, grouping, g, {
    rows: 1,
    columns,
    fours: vector,
    index: (_, j) => [row, ...delinearize(e, columnAt(j), rest)],
    value: (_, j) => value(j),
    inside: () => undefined,
    scratch: scratchBase,
  })
  body.push(...stores.body)
  return finish('scatter', b, { scratch: stores.scratch, lanes: [across, 1], workgroups, body })
}
