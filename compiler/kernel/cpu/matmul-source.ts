import { size } from '../../ir/types.js'
import type { Buffers } from '../build.js'
import type { Expr } from '../expr.js'
import type { Stmt } from '../ir.js'
import { copyLines, copyPanels, panelAt } from './matmul-copy.js'
import { list, type Nest } from './matmul-nest.js'
import type { Operand } from './matmul-operand.js'

/** Where the register tile reads an operand. */
export interface Source {
  /** Copies what a block of steps needs. */
  readonly copy: readonly Stmt[]
  /** Names addresses, once per group or panel. */
  readonly lets: readonly Stmt[]
  /** Element or vector `at` of a group or panel at step `k` of the block. */
  read(at: number, k: Expr): Expr
}

/** The first row of group i; the last group overlaps the one before when its rows are read in place. */
export function firstRow({ e, rows, tiling, band }: Nest, i: Expr): Expr {
  const at = e.iadd(e.imul(band, tiling.band), e.imul(i, tiling.rows))
  if (tiling.rowsIn !== 'place' || rows.lines % tiling.rows === 0) return at
  return e.call('min', 'u32', [at, e.index(rows.lines - tiling.rows)], rows.lines - tiling.rows)
}

/** Lines in their place. `one` reads an element, or a vector of neighbours. */
function inPlace(
  n: Nest,
  b: Buffers,
  o: Operand,
  name: string,
  lines: readonly Expr[],
  one: (buffer: number, at: Expr) => Expr,
): Source {
  const { e, tiling } = n
  const step = o.strides.step!
  const loads = lines.map((line) => o.element(n.batch, line, n.start) as Expr & { k: 'load' })
  const [{ buffer }] = loads
  // Lines that are evenly apart need one address.
  const even = o.strides.line
  const bases = even === null ? loads : loads.slice(0, 1)
  const span = even === null ? 0 : even * (lines.length - 1)
  // No step of the block reaches beyond the array: the shorter last block has fewer steps.
  const most = Math.max(0, size(b.vars[buffer].aval.shape) - 1 - span - (tiling.depth - 1) * step)
  return {
    copy: [],
    lets: bases.map(({ at }, i): Stmt => ({ k: 'let', name: `${name}${i}`, value: at })),
    read(at, k) {
      const base = e.variable(`${name}${even === null ? at : 0}`, 'u32', most)
      return one(buffer, e.iadd(base, e.iadd(e.index(even === null ? 0 : at * even), e.imul(k, step))))
    },
  }
}

export function rowSource(n: Nest, b: Buffers): Source {
  const { e, rows, tiling, i } = n
  const { depth } = tiling
  const lines = list(tiling.rows).map((r) => e.iadd(firstRow(n, i), e.index(r)))
  const splat = (buffer: number, at: Expr): Expr => e.call('splat', 'f32x4', [e.load(buffer, 'f32', at)])
  const vector = (buffer: number, at: Expr): Expr => e.load(buffer, 'f32x4', at)
  const one = tiling.form === 'dot' ? vector : splat
  if (tiling.rowsIn === 'place') return inPlace(n, b, rows, 'row', lines, one)
  if (tiling.rowsIn === 'panels') {
    const most = tiling.band / 4
    const panels = { name: 'row', width: 1, most, count: n.groups, first: e.imul(n.band, most) }
    const { memory, copy } = copyPanels(n, rows, panels)
    const read = (at: number, k: Expr): Expr => splat(memory, e.iadd(panelAt(n, panels, i, e.index(0), k), e.index(at)))
    return { copy, lets: [], read }
  }
  const memory = n.allocate(tiling.band * depth)
  return {
    copy: copyLines(n, rows, memory),
    lets: [],
    read: (at, k) => one(memory, e.iadd(e.imul(e.iadd(e.imul(i, tiling.rows), e.index(at)), depth), k)),
  }
}

export function columnSource(n: Nest, b: Buffers): Source {
  const { e, columns, tiling, strip, j } = n
  const { quads } = tiling
  const vector = (buffer: number, at: Expr): Expr => e.load(buffer, 'f32x4', at)
  if (tiling.columnsIn === 'place') {
    const quad = e.iadd(e.imul(strip, tiling.strip), e.imul(j, quads))
    const [apart, count] = tiling.form === 'dot' ? [1, 4] : [4, quads]
    const last = tiling.form === 'dot' ? columns.lines - 1 : 4 * (n.quads - 1)
    const even = (last + apart) % (apart * count) === 0
    // Beyond the last column, or four, it is the last again.
    const lines = list(count).map((c) => {
      const at = e.iadd(e.imul(quad, 4), e.index(apart * c))
      return even ? at : e.call('min', 'u32', [at, e.index(last)], last)
    })
    const line = columns.strides.line
    const strides = { ...columns.strides, line: even && line !== null ? apart * line : null }
    return inPlace(n, b, { ...columns, strides }, 'column', lines, vector)
  }
  const panels = {
    name: 'column',
    width: quads,
    most: tiling.strip / quads,
    count: n.panels,
    first: e.imul(strip, tiling.strip),
  }
  const { memory, copy } = copyPanels(n, columns, panels)
  return { copy, lets: [], read: (at, k) => vector(memory, panelAt(n, panels, j, e.index(at), k)) }
}
