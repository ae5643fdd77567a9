import type { Expr } from '../expr.js'
import type { Stmt } from '../ir.js'
import type { Write } from './body.js'
import type { Context } from './pieces.js'
import { rewriter } from './rewrite.js'
import { laneOf, strideOf, widener } from './widen.js'

/** A body's expressions at one piece of a line. */
export interface Instance {
  readonly width: 1 | 4
  value(x: Expr): Expr
  store(w: Write): Stmt[]
}

/**
 * The instance where index variables are `to`, with `lane` in them for pieces of four. `known` has the values of variables
 * that stand for results.
 */
export function instance(
  { e, lanes }: Context,
  width: 1 | 4,
  to: ReadonlyMap<Expr, Expr>,
  known: ReadonlyMap<Expr, Expr> = new Map(),
  row = 0,
): Instance {
  const place = rewriter(e, to)
  const laneAt = (j: number): ReadonlyMap<Expr, Expr> =>
    new Map([
      [lanes.lane, e.index(j)],
      [lanes.row, e.index(row)],
    ])
  if (width === 1) {
    const fix = rewriter(e, new Map([...laneAt(0), ...known]))
    const value = (x: Expr): Expr => fix(place(x))
    return { width, value, store: (w) => [{ k: 'store', buffer: w.buffer, at: value(w.at), value: value(w.value) }] }
  }
  const widen = widener(e, lanes, known, row)
  const value = (x: Expr): Expr => widen(place(x))
  return {
    width,
    value,
    store(w) {
      const at = place(w.at)
      const values = value(w.value)
      const lane = (j: number): Expr => rewriter(e, laneAt(j))(at)
      if (strideOf(e, at, lanes.lane) === 1) return [{ k: 'store', buffer: w.buffer, at: lane(0), value: values }]
      return [0, 1, 2, 3].map((j) => ({ k: 'store', buffer: w.buffer, at: lane(j), value: laneOf(e, values, j) }))
    },
  }
}
