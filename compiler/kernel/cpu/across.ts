import type { Expr } from '../expr.js'
import type { Stmt } from '../ir.js'
import type { Body } from './body.js'
import { instance } from './instance.js'
import type { Axis } from './nest.js'
import { type Context, inOrder, type Piece, placeOf, type Share, sweep } from './pieces.js'
import { isLong, numberOf, type Places, type Steps } from './reduced.js'
import { registers } from './registers.js'
import { staged } from './staged.js'
import { four } from './widen.js'

/** How a line of reductions that stand side by side is gone along. */
export interface Across {
  /** The axis along the line. */
  readonly axis: Axis
  readonly reduced: readonly Axis[]
  readonly steps: Steps
  /** Pieces of four in a block. */
  readonly vectors: number
  /** Steps side by side that have registers of their own. */
  readonly apart: number
}

/** A line of reductions that stand side by side: each block goes along all that is reduced before the next begins. */
export function acrossLine(c: Context, body: Body, shape: Across, share: Share | undefined): Stmt[] {
  return sweep(c, shape.axis, shape.vectors, (start, pieces) => block(c, body, shape, start, pieces), { share })
}

function block(
  c: Context,
  body: Body,
  { axis, reduced, steps, vectors, apart }: Across,
  start: Expr,
  pieces: readonly Piece[],
): Stmt[] {
  const { e } = c
  const known = pieces.map(() => new Map<Expr, Expr>())
  const at = staged(c, body)
  const piece = (stage: number, i: number, to: Places): ReturnType<typeof at.at> => {
    const slot = e.iadd(e.imul(numberOf(c, reduced, to), 4 * (vectors + 1)), placeOf(c, e.index(0), pieces[i]))
    const places = new Map([...to, [axis.x, placeOf(c, start, pieces[i])] as const])
    return at.at(stage, pieces[i].width, places, slot, known[i])
  }

  const out: Stmt[] = []
  for (const [s, stage] of body.stages.entries()) {
    const sums = stage.map((r) =>
      pieces.map(({ width }) => registers(c, r, width === 4 ? four(r.total.t) : r.total.t, apart, isLong(reduced, 1))),
    )
    const all = sums.flat()
    const step = (to: Places, v: number): Stmt[] =>
      pieces.flatMap((_, i) => {
        const { before, at, after } = piece(s, i, to)
        return [...before, ...stage.map((r, n) => sums[n][i].add(v, at.value(r.value))), ...after]
      })
    const flush = all.flatMap((r) => r.flush)
    out.push(...all.flatMap((r) => r.declare), ...steps(flush, (places) => places.flatMap(step)))
    for (const [n, { total }] of stage.entries())
      for (const [i, sum] of sums[n].entries()) {
        const name = c.fresh('total')
        out.push({ k: 'let', name, value: sum.total })
        known[i].set(total, e.variable(name, sum.total.t))
      }
  }
  const [full, perLine] = (['full', 'outer'] as const).map((l) => body.writes.filter((w) => w.level === l))
  const put = (to: Places): Stmt[] => {
    const all = pieces.map((_, i) => piece(body.stages.length, i, to))
    return [
      ...all.flatMap((p) => p.before),
      ...inOrder(
        pieces,
        all.map(({ at }) => full.flatMap(at.store)),
      ),
    ]
  }
  if (full.length) out.push(...steps([], (places) => places.flatMap(put)))
  const line = pieces.map((p, i) => instance(c, p.width, new Map([[axis.x, placeOf(c, start, p)]]), known[i]))
  const stores = line.map((at) => perLine.flatMap(at.store))
  return [...out, ...inOrder(pieces, stores)]
}
