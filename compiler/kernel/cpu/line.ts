import type { Stmt } from '../ir.js'
import { acrossLine } from './across.js'
import { alongLine } from './along.js'
import { type Body, rewriteBody } from './body.js'
import { keepValues } from './keep.js'
import type { Axis } from './nest.js'
import type { Context, Share } from './pieces.js'
import { pointwiseLine } from './pointwise.js'
import { isLong, type Places, stepsAlong } from './reduced.js'
import { single } from './shape.js'
import { sumArrays, tiledLine } from './tiled.js'

/** Elements that a thread keeps in scratch memory. */
const mostKept = 16384
/** Reduced elements up to which the loop over them is written out, and pieces of a block that then are. */
const [writtenOut, piecesOut] = [8, 16]
/** Reduced elements, and elements side by side, from which reductions go step by step along the whole line. */
const [tallFrom, wideFrom] = [24, 64]
/** Lines that are enough for all threads, and work that is too little to share, in nanoseconds. */
const [manyLines, smallCost] = [8, 60_000]

/** The code of a line. */
export interface Line {
  /** Items that may share it. */
  readonly shares: number
  make(to: Places, rows: 1 | 4, share: Share | undefined): readonly Stmt[]
}

/**
 * The code of one of `lines` lines along `axis`, in blocks of `vectors` pieces, with what is reduced along other axes. `cost` is
 * that of a line, in nanoseconds.
 */
export function lineOf(
  c: Context,
  body: Body,
  axis: Axis,
  reduced: readonly Axis[],
  { vectors, lines, cost }: { vectors: number; lines: number; cost: number },
): Line {
  const blocks = Math.floor(axis.size / (4 * vectors))
  if (!body.stages.length)
    return {
      shares: blocks,
      make: (to, rows, share) => pointwiseLine(c, rewriteBody(c.e, body, to), axis, vectors, rows, share),
    }
  const count = sizeOf(reduced)
  if (axis.reduced) {
    const kept = keep(c, body, [axis, ...reduced], count * axis.size)
    const shape = { axis, outer: reduced, vectors }
    return { shares: 1, make: (to) => alongLine(c, rewriteBody(c.e, kept, to), shape) }
  }
  const steps = reduced.length ? reduced : [single(c.e, true)]
  const widest = Math.max(...body.stages.map((s) => s.length))
  if (count <= writtenOut) {
    const unroll = Math.max(1, count)
    const few = Math.max(1, Math.min(vectors, Math.floor(piecesOut / unroll)))
    return across(c, body, axis, steps, few, unroll, Math.max(1, Math.min(unroll, Math.floor(8 / (few * widest)))))
  }
  const kept = keep(c, body, reduced, count * 4 * (vectors + 1))
  const sums = axis.size * body.stages.flat().length
  if (!kept.kept.length && count >= tallFrom && axis.size >= wideFrom && sums <= mostKept) {
    const arrays = sumArrays(c, body, axis, isLong(steps, 1))
    // Along whole rows processors fetch ahead best, one row at a time; along parts of rows, when several are read together.
    const few = lines >= manyLines || cost <= smallCost
    const shares = few ? 1 : Math.max(Math.floor(axis.size / 512), Math.min(4, Math.floor(axis.size / 128)))
    const [rows, pieces] = shares > 1 ? [8, 2] : [1, 4]
    const shape = { axis, steps: stepsAlong(c, steps, rows), vectors: Math.min(pieces, vectors), arrays }
    return { shares, make: (to, _, share) => tiledLine(c, rewriteBody(c.e, kept, to), shape, share) }
  }
  const width = Math.min(vectors, Math.ceil(axis.size / 4)) * widest
  const unroll = width <= 2 ? 4 : width <= 4 ? 2 : 1
  return across(c, kept, axis, steps, vectors, unroll, unroll)
}

function across(
  c: Context,
  body: Body,
  axis: Axis,
  reduced: readonly Axis[],
  vectors: number,
  unroll: number,
  apart: number,
): Line {
  const shape = { axis, reduced, steps: stepsAlong(c, reduced, unroll), vectors, apart }
  return {
    shares: Math.floor(axis.size / (4 * vectors)),
    make: (to, _, share) => acrossLine(c, rewriteBody(c.e, body, to), shape, share),
  }
}

const sizeOf = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.size, 1)

/** The body with scratch arrays for values that stages share, where `elements` of them are few enough. */
function keep({ e, scratch }: Context, body: Body, reduced: readonly Axis[], elements: number): Body {
  const keeping = keepValues(e, body, new Set(reduced.map((a) => a.x)))
  if (elements * keeping.kept.length > mostKept) return body
  for (const { value } of keeping.kept) scratch.push({ t: value.t, size: elements, per: 'invocation' })
  return keeping
}
