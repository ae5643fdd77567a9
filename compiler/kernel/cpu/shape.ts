import type { Expr, Exprs } from '../expr.js'
import { type Body, rewriteBody, rootsOf } from './body.js'
import { costOf } from './keep.js'
import type { Axis, Nest } from './nest.js'
import { dependence, eachExpr } from './rewrite.js'

/** How a nest of loops becomes an item's code. */
export interface Shape {
  /** The axis whose neighbours are taken four at a time. */
  readonly axis: Axis
  /** Pointwise: an axis along which arrays are read that the other one strides through. Four of its rows go together. */
  readonly square?: Axis
  /** Pieces of four in a block. */
  readonly vectors: number
  /** For an element. */
  readonly instructions: number
  /** Of a line at a place of the other axes, in nanoseconds, as a rough guess. */
  readonly lineCost: number
}

/** Chooses by what strides the arrays have along each axis, and by the work for an element. */
export function shapeOf(e: Exprs, nest: Nest): Shape {
  const { axes, body } = inLargestParts(e, nest)
  const pointwise = body.stages.length === 0
  const count = axes.reduce((n, a) => (a.reduced ? n * a.size : n), 1)
  // What doesn't depend on what is reduced is computed once per line.
  const repeats = dependence(new Set(axes.filter((a) => a.reduced).map((a) => a.x)))
  const weight = (x: Expr): number => (pointwise || repeats(x) ? 1 : 1 / Math.max(1, count))
  const accesses = accessesOf(body)
  let best = { at: -1, price: Number.POSITIVE_INFINITY, square: -1 }
  for (const [at, axis] of axes.entries()) {
    if (axis.reduced && pointwise) continue
    const square = pointwise ? squareOf(e, accesses, axes, axis) : -1
    const fours = axis.size < 4 ? 4 : (4 * Math.ceil(axis.size / 4)) / axis.size
    const price = fours * accesses.reduce((sum, a) => sum + weight(a.at) * priceOf(e, a, axis, axes[square]), 0)
    if (price <= best.price) best = { at, price, square }
  }
  const axis = axes[best.at] ?? single(e)
  const varies = dependence(new Set(axes.map((a) => a.x)))
  let instructions = 2 * body.writes.reduce((sum, w) => sum + weight(w.at), 0)
  eachExpr(rootsOf(body), (x) => {
    if (varies(x) && !(x.t === 'u32' && x.k === 'op')) instructions += weight(x) * costOf(x)
  })
  const bytes = 4 * accesses.reduce((sum, { at }) => sum + (e.linear(at).of.get(axis.x) ? weight(at) : 0), 0)
  const line = (axis.reduced ? 1 : axis.size) * count
  return {
    axis: nest.axes[best.at] ?? axis,
    square: nest.axes[best.square],
    vectors: best.square < 0 ? vectorsOf(body, axis, instructions) : 1,
    instructions,
    lineCost: line * Math.max(instructions / 28, bytes / 12),
  }
}

/** The nest with every axis in the largest of its parts: what most of its elements do. */
function inLargestParts(e: Exprs, { axes, body }: Nest): Nest {
  const to = new Map<Expr, Expr>()
  const largest = axes.map((a, i): Axis => {
    if (a.parts.length === 1) return a
    const { from, size } = a.parts.reduce((p, q) => (q.size > p.size ? q : p))
    const x = e.variable(`$part${i}`, 'u32', size - 1)
    to.set(a.x, e.iadd(x, e.index(from)))
    return { ...a, x }
  })
  return { axes: largest, body: rewriteBody(e, body, to) }
}

/** An axis of one element, for what has no other. */
export const single = (e: Exprs, reduced = false): Axis => ({
  x: e.variable(reduced ? '$step' : '$one', 'u32', 0),
  size: 1,
  reduced,
  parts: [{ from: 0, size: 1 }],
})

interface Access {
  readonly at: Expr
  readonly write: boolean
}
function accessesOf(body: Body): Access[] {
  const out: Access[] = body.writes.map(({ at }) => ({ at, write: true }))
  eachExpr(rootsOf(body), (x) => {
    if (x.k === 'load') out.push({ at: x.at, write: false })
  })
  return out
}

/** Of reading or writing four neighbours along an axis, in vector loads. */
function priceOf(e: Exprs, { at, write }: Access, axis: Axis, square: Axis | undefined): number {
  const by = strideAlong(e, at, axis)
  if (by === 0) return 0.25
  if (by === 1) return 1
  if (!write && square && strideAlong(e, at, square) === 1) return 2
  // In blocks of whole rows most is the same in every block.
  if (axis.period) return 2
  return write ? 8 : 6
}
function strideAlong(e: Exprs, at: Expr, { x }: Axis): number | undefined {
  const { of } = e.linear(at)
  const varies = dependence(new Set([x]))
  for (const atom of of.keys()) if (atom !== x && varies(atom)) return undefined
  return of.get(x) ?? 0
}

/** The number of an axis along which arrays are contiguous that `axis` strides through, or -1. */
function squareOf(e: Exprs, accesses: readonly Access[], axes: readonly Axis[], axis: Axis): number {
  if (axis.size < 4) return -1
  const across = accesses.filter(({ at, write }) => !write && (strideAlong(e, at, axis) ?? 0) > 1)
  return axes.findIndex(
    (a) => a !== axis && a.size >= 4 && a.parts.length === 1 && across.some(({ at }) => strideAlong(e, at, a) === 1),
  )
}

/** Blocks are long where there is little work for an element, and end where the line does if they can. */
function vectorsOf(body: Body, axis: Axis, instructions: number): number {
  const widest = Math.max(0, ...body.stages.map((s) => s.length))
  const most = Math.ceil(axis.size / 4)
  if (axis.period) return axis.period % 2 ? axis.period : axis.period / 2
  if (!widest) return pick(most, instructions <= 12 ? 4 : instructions <= 28 ? 2 : 1)
  if (axis.reduced) return Math.min(most, instructions <= 24 && widest <= 3 ? 4 : 2)
  return pick(most, Math.max(1, Math.min(8, Math.floor(12 / widest), Math.floor(160 / instructions))))
}
/** The largest number up to `most` that divides `n`, unless it is less than half of it. */
function pick(n: number, most: number): number {
  if (n <= most) return Math.max(1, n)
  for (let d = most; 2 * d >= most; d--) if (n % d === 0) return d
  return most
}
