import { combined, neutral } from '../combine.js'
import type { Expr } from '../expr.js'
import { type Stmt, scratchBase } from '../ir.js'
import type { Body, Reduction } from './body.js'
import { type Instance, instance } from './instance.js'
import type { Axis } from './nest.js'
import { type Context, inOrder, type Piece, placeOf, type Share, sweep } from './pieces.js'
import type { Places, Steps } from './reduced.js'
import { inPairs } from './registers.js'
import { four } from './widen.js'

/** How a wide line of reductions that stand side by side is gone along. */
export interface Tiled {
  /** The axis along the line. */
  readonly axis: Axis
  readonly steps: Steps
  readonly vectors: number
  /** Arrays in scratch memory for a reduction's sums, and for partial sums of long ones: buffers. */
  readonly arrays: ReadonlyMap<Expr, readonly number[]>
}

/** Scratch arrays for the sums of a body's reductions along a line. */
export function sumArrays({ scratch }: Context, body: Body, axis: Axis, long: boolean): Tiled['arrays'] {
  const array = (r: Reduction): number =>
    scratchBase + scratch.push({ t: r.total.t, size: axis.size, per: 'invocation' }) - 1
  return new Map(body.stages.flat().map((r) => [r.total, Array.from({ length: long ? 2 : 1 }, () => array(r))]))
}

/**
 * A line of reductions that stand side by side, step by step of what is reduced, all along the line in each: what is read lies
 * side by side in memory, and the sums stay in the cache.
 */
export function tiledLine(
  c: Context,
  body: Body,
  { axis, steps, vectors, arrays }: Tiled,
  share: Share | undefined,
): Stmt[] {
  const { e } = c
  const typeOf = (r: Reduction, p: Piece): Reduction['total']['t'] => (p.width === 4 ? four(r.total.t) : r.total.t)
  const slotOf = (start: Expr, { at }: Piece): Expr => e.iadd(start, e.index(at))
  /** Statements for each piece, and then what it stores. */
  const along = (make: (p: Piece, start: Expr) => { before?: readonly Stmt[]; stores: readonly Stmt[] }): Stmt[] =>
    sweep(
      c,
      axis,
      vectors,
      (start, pieces) => {
        const made = pieces.map((p) => make(p, start))
        return [
          ...made.flatMap((m) => m.before ?? []),
          ...inOrder(
            pieces,
            made.map((m) => m.stores),
          ),
        ]
      },
      { share },
    )
  /** Instances of the body at places of a piece, with the totals of the stages before `stage`. */
  const at = (stage: number, p: Piece, start: Expr, places: readonly Places[]): { before: Stmt[]; at: Instance[] } => {
    const before: Stmt[] = []
    const known = new Map<Expr, Expr>()
    for (const r of body.stages.slice(0, stage).flat()) {
      const [name, t] = [c.fresh('total'), typeOf(r, p)]
      before.push({ k: 'let', name, value: e.load(arrays.get(r.total)![0], t, slotOf(start, p)) })
      known.set(r.total, e.variable(name, t))
    }
    const x = [axis.x, placeOf(c, start, p)] as const
    return { before, at: places.map((to) => instance(c, p.width, new Map([...to, x]), known)) }
  }

  const last = body.stages.length
  const stages = body.stages.flatMap((stage, s): Stmt[] => {
    const into = (r: Reduction, array: number, p: Piece, start: Expr, value: Expr): Stmt => {
      const slot = slotOf(start, p)
      const sum = e.load(array, value.t, slot)
      return { k: 'store', buffer: array, at: slot, value: combined(e, r.combine, sum, value) }
    }
    const zero = (r: Reduction, array: number, p: Piece, start: Expr): Stmt => ({
      k: 'store',
      buffer: array,
      at: slotOf(start, p),
      value: neutral(e, r.combine, typeOf(r, p)),
    })
    const sumsOf = (r: Reduction): readonly number[] => arrays.get(r.total)!
    const partial = (r: Reduction): number => sumsOf(r)[sumsOf(r).length - 1]
    const move = (r: Reduction, p: Piece, start: Expr): Stmt[] => {
      const value = e.load(partial(r), typeOf(r, p), slotOf(start, p))
      return [into(r, sumsOf(r)[0], p, start, value), zero(r, partial(r), p, start)]
    }
    const flush = stage.some((r) => sumsOf(r).length > 1)
      ? along((p, start) => ({ stores: stage.flatMap((r) => move(r, p, start)) }))
      : []
    return [
      ...along((p, start) => ({ stores: stage.flatMap((r) => sumsOf(r).map((array) => zero(r, array, p, start))) })),
      ...steps(flush, (places) =>
        along((p, start) => {
          const { before, at: here } = at(s, p, start, places)
          const value = (r: Reduction): Expr =>
            inPairs(
              c,
              r.combine,
              here.map((h) => h.value(r.value)),
            )
          return { before, stores: stage.map((r) => into(r, partial(r), p, start, value(r))) }
        }),
      ),
      ...flush,
    ]
  })
  const put = (level: 'full' | 'outer', places: readonly Places[]): Stmt[] => {
    const writes = body.writes.filter((w) => w.level === level)
    if (!writes.length) return []
    return along((p, start) => {
      const { before, at: here } = at(last, p, start, places)
      return { before, stores: here.flatMap((h) => writes.flatMap(h.store)) }
    })
  }
  const hasFull = body.writes.some((w) => w.level === 'full')
  return [...stages, ...(hasFull ? steps([], (places) => put('full', places)) : []), ...put('outer', [new Map()])]
}
