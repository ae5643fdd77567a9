import { combined, neutral } from '../combine.js'
import type { Expr } from '../expr.js'
import type { Stmt } from '../ir.js'
import { valuesFirst } from '../loops.js'
import type { Body, Reduction } from './body.js'
import { instance } from './instance.js'
import type { Axis } from './nest.js'
import { type Context, inOrder, type Piece, placeOf, sweep } from './pieces.js'
import { isLong, numberOf, overReduced, type Places } from './reduced.js'
import { acrossLanes, registers } from './registers.js'
import { staged } from './staged.js'
import { four } from './widen.js'

/** How a line that is reduced is gone along. */
export interface Along {
  /** The reduced axis whose neighbours are taken four at a time. */
  readonly axis: Axis
  /** The other reduced axes. */
  readonly outer: readonly Axis[]
  /** Pieces of four in a block, each with registers of its own. */
  readonly vectors: number
}

/** A line that is reduced: stage by stage, then what is put in memory per element, then per line. */
export function alongLine(c: Context, body: Body, shape: Along): Stmt[] {
  const { e } = c
  const { axis, outer, vectors } = shape
  const at = staged(c, body)
  const totals = new Map<Expr, Expr>()
  const piece = (stage: number, to: Places, start: Expr, p: Piece): ReturnType<typeof at.at> => {
    const place = placeOf(c, start, p)
    const slot = e.iadd(e.imul(numberOf(c, outer, to), axis.size), place)
    return at.at(stage, p.width, new Map([...totals, ...to, [axis.x, place]]), slot)
  }
  const widths = ([4, 1] as const).filter((w) => axis.parts.some(({ size }) => size >= 4 === (w === 4)))

  const out: Stmt[] = []
  for (const [s, stage] of body.stages.entries()) {
    const vectors = vectorsIn(stage, shape)
    const turnsOfLine = Math.ceil(axis.size / (4 * vectors))
    const sums = stage.map((r) =>
      widths.map((w) =>
        registers(c, r, w === 4 ? four(r.total.t) : r.total.t, w === 4 ? vectors : 1, isLong(outer, turnsOfLine)),
      ),
    )
    const all = sums.flat()
    out.push(
      ...all.flatMap((r) => r.declare),
      ...overReduced(
        c,
        outer,
        turnsOfLine,
        all.flatMap((r) => r.flush),
        (to, flush) =>
          sweep(
            c,
            axis,
            vectors,
            (start, pieces) =>
              pieces.flatMap((p, i) => {
                const { before, at, after } = piece(s, to, start, p)
                const into = (n: number, r: Reduction): Stmt =>
                  sums[n][widths.indexOf(p.width)].add(i, onlyFresh(c, r, p, at.value(r.value)))
                return [...before, ...stage.map((r, n) => into(n, r)), ...after]
              }),
            { flush },
          ),
      ),
    )
    for (const [n, r] of stage.entries()) {
      const name = c.fresh('total')
      const parts = sums[n].map((sum) => acrossLanes(c, r, sum.total))
      const value = parts.length
        ? parts.reduce((a, b) => combined(e, r.combine, a, b))
        : neutral(e, r.combine, r.total.t)
      out.push({ k: 'let', name, value })
      totals.set(r.total, e.variable(name, r.total.t))
    }
  }
  const [full, perLine] = (['full', 'outer'] as const).map((l) => body.writes.filter((w) => w.level === l))
  if (full.length)
    out.push(
      ...overReduced(c, outer, Math.ceil(axis.size / (4 * vectors)), [], (to) =>
        sweep(c, axis, vectors, (start, pieces) => {
          const all = pieces.map((p) => piece(body.stages.length, to, start, p))
          return [
            ...all.flatMap((p) => p.before),
            ...inOrder(
              pieces,
              all.map(({ at }) => full.flatMap(at.store)),
            ),
          ]
        }),
      ),
    )
  const line = instance(c, 1, totals)
  return [...out, ...valuesFirst(perLine.flatMap(line.store))]
}

/** Elements that another piece has too count as nothing. */
function onlyFresh({ e }: Context, { combine }: Reduction, { width, fresh }: Piece, value: Expr): Expr {
  if (width === 1 || fresh === 4 || combine === 'max' || combine === 'min') return value
  const lanes = [0, 1, 2, 3].map((j) => (j < 4 - fresh ? j : 4 + j)).join('')
  return e.call(`shuffle${lanes}`, value.t, [neutral(e, combine, value.t), value])
}

/** One greatest value of what is read waits long for the one before: twice the registers take half as long. */
const vectorsIn = ([first, ...more]: readonly Reduction[], { axis, vectors }: Along): number =>
  !more.length && /max|min/.test(first.combine) && first.value.k === 'load' && axis.size >= 64 * vectors
    ? 2 * vectors
    : vectors
