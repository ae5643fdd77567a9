import type { Expr } from '../expr.js'
import type { Stmt } from '../ir.js'
import { fours } from './matmul-lanes.js'
import { axis, list, loop, type Nest } from './matmul-nest.js'
import { type Operand, quadReader } from './matmul-operand.js'

/** Panels of `width` fours of lines side by side, step after step. */
export interface Panels {
  /** Begins the names of variables. */
  readonly name: string
  readonly width: number
  /** How many there are at most, and here. */
  readonly most: number
  readonly count: Expr
  /** The first four of an item. */
  readonly first: Expr
}

/** Work from which a four's code is not repeated. */
const repeatable = 8
/** Panels copied at a time: together they read whole cache lines. */
const together = (o: Operand, { width, most }: Panels): number =>
  o.four === 'lines' && o.work <= repeatable ? Math.max(1, Math.min(Math.floor(4 / width), most)) : 1

/** What copying depends on. */
export type CopyNest = Pick<Nest, 'e' | 'batch' | 'block' | 'start' | 'steps' | 'allocate'> & {
  readonly tiling: Pick<Nest['tiling'], 'depth'>
}

/** Copies a block of an operand's steps into panels. */
export function copyPanels(n: CopyNest, o: Operand, panels: Panels): { memory: number; copy: Stmt[] } {
  const { width, most } = panels
  const side = together(o, panels)
  const memory = n.allocate(4 * width * Math.ceil(most / side) * side * n.tiling.depth)
  return {
    memory,
    copy: o.four === 'lines' ? copyAcross(n, o, memory, panels, side) : copyTurned(n, o, memory, panels),
  }
}

export const panelAt = ({ e, tiling: { depth } }: CopyNest, { width }: Panels, panel: Expr, q: Expr, k: Expr): Expr =>
  e.iadd(e.imul(panel, 4 * width * depth), e.iadd(e.imul(k, 4 * width), e.imul(q, 4)))

/**
 * The loops over a block's steps, `unit` at a time; what is left over is not in them. `body` gets the step in the block and in
 * the whole. Where steps come in runs, there is a loop for those, so that what depends on the run is computed once for it.
 */
function overSteps(
  n: CopyNest,
  o: Operand,
  name: string,
  unit: 1 | 4,
  body: (local: Expr, step: Expr) => Stmt[],
): Stmt[] {
  const { e, tiling, start, steps, block } = n
  const { depth } = tiling
  const inRuns = o.run < depth && depth % o.run === 0
  const most = inRuns ? o.run : depth
  if (most < unit) return []
  const at = e.imul(axis(e, `${name}Step${unit}`, Math.floor(most / unit)), unit)
  const index = axis(e, `${name}Step${unit}`, Math.floor(most / unit))
  if (!inRuns) return loop(index, e.idiv(steps, unit), body(at, e.iadd(start, at)))
  const inBlock = axis(e, `${name}InBlock`, depth / o.run)
  const run = e.variable(`${name}Run`, 'u32', o.steps / o.run - 1)
  const local = e.iadd(e.imul(inBlock, o.run), at)
  return loop(inBlock, e.idiv(steps, o.run), [
    { k: 'let', name: `${name}Run`, value: e.iadd(e.imul(block, depth / o.run), inBlock) },
    ...loop(index, e.index(o.run / unit), body(local, e.iadd(e.imul(run, o.run), at))),
  ])
}

/** The steps that `overSteps` by four leaves over. */
function lastSteps(n: CopyNest, o: Operand, name: string, body: (local: Expr, step: Expr) => Stmt[]): Stmt[] {
  if (o.steps % 4 === 0) return []
  const { e, start, steps } = n
  const k = axis(e, `${name}Last`, n.tiling.depth)
  return loop(k, steps, body(k, e.iadd(start, k)), e.imul(e.idiv(steps, 4), 4))
}

/** Copies fours of neighbouring lines, of `side` panels in a turn. */
function copyAcross(n: CopyNest, o: Operand, memory: number, panels: Panels, side: number): Stmt[] {
  const { e, batch } = n
  const { name, width, most, count, first } = panels
  const all = Math.ceil(o.lines / 4)
  const reader = quadReader(e, o)
  const p = axis(e, `${name}Panels`, Math.ceil(most / side))
  const even = all % (side * width) === 0 && most % side === 0
  const begin = e.iadd(first, e.imul(p, side * width))
  /** Beyond the last four there is the last again. */
  const clamped = (at: Expr): Expr => (even ? at : e.call('min', 'u32', [at, e.index(all - 1)], all - 1))
  const names = list(even ? 1 : side * width).map((q) => `${name}Quad${q}`)
  const quad = (q: number): Expr =>
    even
      ? e.iadd(e.variable(names[0], 'u32', Math.max(0, all - side * width)), e.index(q))
      : e.variable(names[q], 'u32', Math.max(0, all - 1))
  const store = (q: number, k: Expr, step: Expr): Stmt => {
    const panel = e.iadd(e.imul(p, side), e.index(Math.floor(q / width)))
    const at = panelAt(n, panels, panel, e.index(q % width), k)
    return { k: 'store', buffer: memory, at, value: reader.at(batch, quad(q), step) }
  }
  return loop(p, e.idiv(e.iadd(count, e.index(side - 1)), side), [
    ...names.map((x, q): Stmt => ({ k: 'let', name: x, value: clamped(e.iadd(begin, e.index(q))) })),
    ...overSteps(n, o, name, 1, (k, step) => list(side * width).map((q) => store(q, k, step))),
  ])
}

/** Copies squares of four steps of four lines, turned. */
function copyTurned(n: CopyNest, o: Operand, memory: number, panels: Panels): Stmt[] {
  const { e, batch } = n
  const { name, width, most, count, first } = panels
  const panel = axis(e, `${name}Panels`, most)
  const q = axis(e, `${name}Four`, width)
  const all = Math.ceil(o.lines / 4)
  const reader = quadReader(e, o)
  const at = e.iadd(first, e.iadd(e.imul(panel, width), q))
  const quad = e.variable(`${name}Quad`, 'u32', Math.max(0, all - 1))
  const put = (k: Expr, value: Expr): Stmt => ({
    k: 'store',
    buffer: memory,
    at: panelAt(n, panels, panel, q, k),
    value,
  })
  const named: Stmt = {
    k: 'let',
    name: `${name}Quad`,
    value: all % width === 0 ? at : e.call('min', 'u32', [at, e.index(all - 1)], all - 1),
  }
  const square = (k: Expr, step: Expr): Stmt[] =>
    reader.square(batch, quad, step).map((value, r) => put(e.iadd(k, e.index(r)), value))
  return loop(
    panel,
    count,
    loop(q, e.index(width), [
      named,
      ...overSteps(n, o, name, 4, square),
      ...lastSteps(n, o, name, (k, step) => [put(k, reader.at(batch, quad, step))]),
    ]),
  )
}

/** Copies lines as they are, four steps at a time. */
export function copyLines(n: Nest, o: Operand, memory: number): Stmt[] {
  const { e, tiling, batch, band } = n
  const lanes = fours(e)
  const left = e.call('sub', 'u32', [e.index(o.lines), e.imul(band, tiling.band)], o.lines)
  const whole = e.index(tiling.band)
  const count = o.lines % tiling.band ? e.call('min', 'u32', [left, whole], tiling.band) : whole
  const line = axis(e, 'line', tiling.band)
  const row = e.variable('lineRow', 'u32', Math.max(0, o.lines - 1))
  const store = (k: Expr, value: Expr): Stmt => ({
    k: 'store',
    buffer: memory,
    at: e.iadd(e.imul(line, tiling.depth), k),
    value,
  })
  const four = (k: Expr, step: Expr): Stmt[] => {
    const xs = list(4).map((j) => o.element(batch, row, e.iadd(step, e.index(j))))
    return [store(k, lanes.vector(xs))]
  }
  return loop(line, count, [
    { k: 'let', name: 'lineRow', value: e.iadd(e.imul(band, tiling.band), line) },
    ...overSteps(n, o, 'line', 4, four),
    ...lastSteps(n, o, 'line', (k, step) => [store(k, o.element(batch, row, step))]),
  ])
}
