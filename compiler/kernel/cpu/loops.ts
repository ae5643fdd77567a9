import { wideOf } from '../../ir/dtype.js'
import type { Group, Grouping } from '../../pass/group.js'
import { type Buffers, buffers, finish, type Lowered } from '../build.js'
import { type Exprs, exprs } from '../expr.js'
import type { Stmt } from '../ir.js'
import { type Body, bodyOf } from './body.js'
import { folding } from './folding.js'
import { lineOf } from './line.js'
import { overLines } from './lines.js'
import { type Axis, nestOf } from './nest.js'
import { contextOf } from './pieces.js'
import { shapeOf } from './shape.js'

/** Instructions in all versions of a line's code, for parts of padded and joined arrays. */
const mostInstructions = 240
/** Elements of a share of a line whose arrays lie along another axis: a cache line of these. */
const squareShare = 16

/**
 * A loops group as a CPU's kernel: an item is some lines of a group's elements, or a share of a long one. Lines go along the axis
 * that most arrays are contiguous on.
 */
export function lowerCpuLoops(grouping: Grouping, g: Group): Lowered {
  const e = folding(exprs())
  const b = buffers()
  const index = g.full.map((n, d) => (n === 1 ? e.index(0) : e.variable(`$dim${d}`, 'u32', Math.max(0, n - 1))))
  const dims = g.full.map((size, d) => ({ x: index[d], size, reduced: g.axes.includes(d) }))
  const nest = nestOf(e, bodyOf(e, b, grouping, g, index), dims)
  const { axis: chosen, square, vectors, instructions, lineCost } = shapeOf(e, nest)
  const axes = fewVersions([...nest.axes.filter((a) => a !== chosen), chosen], mostInstructions / instructions)
  const axis = axes[axes.length - 1]
  const others = axes.slice(0, -1)

  const c = contextOf(e)
  const [reduced, kept] = [true, false].map((is) => others.filter((a) => a.reduced === is))
  const lines = kept.reduce((n, a) => n * a.size, 1)
  const line = lineOf(c, nest.body, axis, reduced, { vectors, lines, cost: lineCost })
  const { items, body } = overLines(
    c,
    kept,
    {
      square,
      cost: lineCost,
      shares: square ? Math.floor(axis.size / squareShare) : line.shares,
      length: reduced.reduce((n, a) => n * a.size, axis.size),
    },
    line.make,
  )
  const full = nest.body.writes.some((w) => w.level === 'full')
  const name = nest.body.stages.length ? (full ? 'rows' : 'reduce') : 'pointwise'
  const nothing = nest.axes.some((a) => a.size === 0) ? unwritten(e, b, nest.body) : []
  return finish(name, b, { scratch: c.scratch, lanes: [1, 1], workgroups: [items, 1, 1], body: [...body, ...nothing] })
}

/** Names the buffers of arrays without elements, which no store is for. */
const unwritten = (e: Exprs, b: Buffers, { writes }: Body): Stmt[] => [
  {
    k: 'loop',
    index: 'none',
    count: 0,
    body: writes.map(({ buffer }) => ({
      k: 'store',
      buffer,
      at: e.index(0),
      value: e.lit(wideOf[b.list[buffer].dtype], 0),
    })),
  },
]

/** The axes, cut less often where that would make too many versions. */
function fewVersions(axes: readonly Axis[], most: number): readonly Axis[] {
  const versions = axes.reduce((n, a) => n * a.parts.length, 1)
  if (versions <= most) return axes
  const worst = axes.reduce((a, b) => (b.parts.length > a.parts.length ? b : a))
  if (worst.parts.length === 1) return axes
  const whole = { ...worst, parts: [{ from: 0, size: worst.size }] }
  return fewVersions(
    axes.map((a) => (a === worst ? whole : a)),
    most,
  )
}
