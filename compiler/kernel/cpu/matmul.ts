import type { Target } from '../../ir/program.js'
import { size } from '../../ir/types.js'
import { dotGroups } from '../../ops/contract.js'
import type { DotDims } from '../../ops/prim.js'
import { type Group, type Grouping, inMemoryFor } from '../../pass/group.js'
import { buffers, finish, type Lowered } from '../build.js'
import { costOf } from '../cost.js'
import { delinearize, type Expr, exprs } from '../expr.js'
import type { Stmt } from '../ir.js'
import { axis, list, loop, type Nest, scratchArrays, sizeAt } from './matmul-nest.js'
import { operandOf } from './matmul-operand.js'
import { registerTile } from './matmul-registers.js'
import { columnSource, firstRow, rowSource } from './matmul-source.js'
import { storeQuad, type Write, writesAt } from './matmul-store.js'
import { tilingOf } from './matmul-tiling.js'

/**
 * A product as a CPU's kernel, with the pointwise values that follow it. An item is a band of rows times a strip of columns, or some
 * whole products of a batch: operands are copied into the thread's memory where that pays, tiles of sums are made in registers, and
 * what follows is computed from the sums, four columns at a time (Goto & van de Geijn, Anatomy of high-performance matrix
 * multiplication, 2008). An operand that isn't in memory is computed where it is copied.
 */
export function lowerCpuMatmul(grouping: Grouping, g: Group, target: Target): Lowered {
  const { graph } = grouping
  const e = exprs()
  const b = buffers()
  const [eqn] = g.anchors
  const dims = eqn.params as unknown as DotDims
  const [lhs, rhs] = eqn.inputs
  const { lhsFree, rhsFree } = dotGroups(lhs.aval.shape, rhs.aval.shape, dims)
  const inMemory = inMemoryFor(grouping, g)
  const leftDims = { batch: dims.lhsBatch, free: lhsFree, contract: dims.lhsContract }
  const rightDims = { batch: dims.rhsBatch, free: rhsFree, contract: dims.rhsContract }
  const left = operandOf(e, b, graph, 'left', lhs, leftDims, inMemory)
  const right = operandOf(e, b, graph, 'right', rhs, rightDims, inMemory)
  // Few columns are better as rows: vectors are of neighbouring columns.
  const swapped = right.lines < 4 && left.lines > right.lines
  const [rows, columns] = swapped ? [right, left] : [left, right]
  const batchShape = dims.lhsBatch.map((d) => lhs.aval.shape[d])
  const [batch, R, K, Q] = [size(batchShape), rows.lines, rows.steps, Math.ceil(columns.lines / 4)]

  const which = e.variable('which', 'u32', Math.max(0, batch - 1))
  const batchIndex = delinearize(e, batch === 1 ? e.index(0) : which, batchShape)
  const place = {
    row: e.variable('row', 'u32', Math.max(0, R - 1)),
    quad: e.variable('quad', 'u32', Math.max(0, Q - 1)),
    sum: e.variable('sum', 'f32x4'),
  }
  const indices = list(4).map((j) => {
    const column = e.iadd(e.imul(place.quad, 4), e.index(j))
    const [m, n] = swapped ? [column, place.row] : [place.row, column]
    return [...batchIndex, ...delinearize(e, m, left.lineShape), ...delinearize(e, n, right.lineShape)]
  })
  const writes = writesAt(e, b, grouping, g, indices, place.sum)
  const epilogue = costOf(writes.map(({ value }) => ({ k: 'let', name: '', value })))
  const tiling = tilingOf(rows, columns, batch, epilogue, target.wasm?.relaxed ?? false)

  const parts = (n: number, each: number): number => Math.max(1, Math.ceil(n / each))
  const [bands, strips] = [parts(R, tiling.band), parts(Q, tiling.strip)]
  const [blocks, entries] = [parts(K, tiling.depth), parts(batch, tiling.entries)]
  // Neighbouring items share their columns.
  const item = axis(e, 'group_x', entries * strips * bands)
  const [entry, strip, band] = delinearize(e, item, [entries, strips, bands])
  const block = axis(e, 'block', blocks)
  const groups = (n: number): number => Math.ceil(n / tiling.rows)
  const panels = (n: number): number => Math.ceil(n / tiling.quads)
  const { scratch, allocate } = scratchArrays()
  const n: Nest = {
    e,
    rows,
    columns,
    tiling,
    quads: Q,
    blocks,
    batch: batchIndex,
    band,
    strip,
    block,
    groups: sizeAt(e, band, bands, groups(tiling.band), groups(R - (bands - 1) * tiling.band)),
    panels: sizeAt(e, strip, strips, panels(tiling.strip), panels(Q - (strips - 1) * tiling.strip)),
    steps: sizeAt(e, block, blocks, tiling.depth, K - (blocks - 1) * tiling.depth),
    i: axis(e, 'i', groups(tiling.band)),
    j: axis(e, 'j', panels(tiling.strip)),
    k: axis(e, 'k', tiling.depth),
    // Blocks end with the array: a shorter last one has fewer steps.
    start: blocks > 1 ? e.variable('start', 'u32', Math.max(0, K - tiling.depth)) : e.index(0),
    allocate,
  }
  const product = itemOf(n, b, writes, place)
  const body: Stmt[] =
    batch === 1
      ? product
      : loop(
          axis(e, 'entry', tiling.entries),
          sizeAt(e, entry, entries, tiling.entries, batch - (entries - 1) * tiling.entries),
          [
            {
              k: 'let',
              name: 'which',
              value: e.iadd(e.imul(entry, tiling.entries), axis(e, 'entry', tiling.entries)),
            },
            ...product,
          ],
        )
  return finish('matmul', b, { scratch, lanes: [1, 1], workgroups: [entries * strips * bands, 1, 1], body })
}

/** Variables of the place where values are stored: its row, its four of columns, and the sums there. */
interface Place {
  readonly row: Expr
  readonly quad: Expr
  readonly sum: Expr
}

/** A band of rows times a strip of columns, block of steps by block. */
function itemOf(n: Nest, b: Parameters<typeof rowSource>[1], writes: readonly Write[], place: Place): Stmt[] {
  const { e, tiling, quads, blocks, strip, block } = n
  const width = 4 * tiling.strip
  const kept = blocks > 1 || tiling.form === 'dot'
  const rowsKept = kept ? tiling.band : tiling.rows
  const sums = n.allocate(rowsKept * width)
  const sumAt = (i: Expr, row: Expr, quad: Expr): Expr =>
    e.iadd(e.imul(e.iadd(kept ? e.imul(i, tiling.rows) : e.index(0), row), width), e.imul(quad, 4))
  const tileAt = (r: number, q: number): Expr => sumAt(n.i, e.index(r), e.iadd(e.imul(n.j, tiling.quads), e.index(q)))
  const [rows, columns] = [rowSource(n, b), columnSource(n, b)]
  const tile: Stmt[] = [
    ...columns.lets,
    ...registerTile(
      n,
      rows,
      columns,
      blocks > 1 ? (r, q) => e.load(sums, 'f32x4', tileAt(r, q)) : undefined,
      (r, q, value) => ({ k: 'store', buffer: sums, at: tileAt(r, q), value }),
    ),
  ]
  /** Stores the rows of group i that no group before it has. */
  const store = (i: Expr): Stmt[] => {
    const [r, q] = [axis(e, 'r', tiling.rows), axis(e, 'q', tiling.strip)]
    const { first, from, count } = freshRows(n, i)
    const strips = Math.max(1, Math.ceil(quads / tiling.strip))
    return loop(
      r,
      count,
      [
        { k: 'let', name: 'row', value: e.iadd(first, r) },
        ...loop(q, sizeAt(e, strip, strips, tiling.strip, quads - (strips - 1) * tiling.strip), [
          { k: 'let', name: 'quad', value: e.iadd(e.imul(strip, tiling.strip), q) },
          { k: 'let', name: 'sum', value: e.load(sums, 'f32x4', sumAt(i, r, q)) },
          ...storeQuad(e, b, writes, place.quad, n.columns.lines),
        ]),
      ],
      from,
    )
  }
  const isLast = e.call('eq', 'bool', [block, e.index(blocks - 1)])
  const inLast = (body: Stmt[]): Stmt[] => (blocks > 1 ? [{ k: 'if', cond: isLast, body }] : body)
  // A panel of columns is read again for each group of rows, from the first-level cache: for dot products in its place, so that
  // it comes first there; copied it lies close together, and the rows come first.
  const tiles =
    tiling.form === 'dot'
      ? loop(n.j, n.panels, loop(n.i, n.groups, [...rows.lets, ...tile]))
      : loop(n.i, n.groups, [...rows.lets, ...loop(n.j, n.panels, tile), ...inLast(store(n.i))])
  const after = axis(e, 'after', Math.ceil(tiling.band / tiling.rows))
  const zero = axis(e, 'zero', (rowsKept * width) / 4)
  const begin: Stmt[] = loop(zero, e.index((rowsKept * width) / 4), [
    { k: 'store', buffer: sums, at: e.imul(zero, 4), value: e.lit('f32x4', 0) },
  ])
  const start: Stmt = { k: 'let', name: 'start', value: e.imul(block, tiling.depth) }
  return [
    ...(blocks > 1 ? begin : []),
    ...loop(block, e.index(blocks), [...(blocks > 1 ? [start] : []), ...columns.copy, ...rows.copy, ...tiles]),
    ...(tiling.form === 'dot' ? loop(after, n.groups, store(after)) : []),
  ]
}

/** Rows of group i to store: numbers `from` ≤ r < `count`, of which number 0 is row `first`. */
function freshRows(n: Nest, i: Expr): { first: Expr; from?: Expr; count: Expr } {
  const { e, rows, tiling, band } = n
  const all = e.index(tiling.rows)
  const first = firstRow(n, i)
  if (rows.lines % tiling.rows === 0) return { first, count: all }
  const own = e.iadd(e.imul(band, tiling.band), e.imul(i, tiling.rows))
  if (tiling.rowsIn === 'place') return { first, from: e.call('sub', 'u32', [own, first], tiling.rows - 1), count: all }
  const left = e.call('sub', 'u32', [e.index(rows.lines), own], rows.lines)
  return { first, count: e.call('min', 'u32', [left, all], tiling.rows) }
}
