import type { Group, Grouping } from '../../pass/group.js'
import { buffers, finish, type Lowered } from '../build.js'
import { exprs } from '../expr.js'
import { bodyOf } from './body.js'
import { folding } from './folding.js'
import { lineOf } from './line.js'
import { overLines } from './lines.js'
import { type Axis, nestOf } from './nest.js'
import { contextOf } from './pieces.js'
import { shapeOf } from './shape.js'

/** Versions of a line's code, for parts of padded and joined arrays. */
const mostVersions = 8
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
  const { axis: chosen, square, vectors, lineCost } = shapeOf(e, nest)
  const axes = fewVersions([...nest.axes.filter((a) => a !== chosen), chosen])
  const axis = axes[axes.length - 1]
  const others = axes.slice(0, -1)

  const c = contextOf(e)
  const [reduced, kept] = [true, false].map((is) => others.filter((a) => a.reduced === is))
  const lines = kept.reduce((n, a) => n * a.size, 1)
  const line = lineOf(c, nest.body, axis, reduced, vectors, lines)
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
  return finish(name, b, { scratch: c.scratch, lanes: [1, 1], workgroups: [items, 1, 1], body })
}

/** The axes, cut less often where that would make too much code. */
function fewVersions(axes: readonly Axis[]): readonly Axis[] {
  const versions = axes.reduce((n, a) => n * a.parts.length, 1)
  if (versions <= mostVersions) return axes
  const most = Math.max(...axes.map((a) => a.parts.length))
  const worst = axes.find((a) => a.parts.length === most)
  return fewVersions(axes.map((a) => (a === worst ? { ...a, parts: [{ from: 0, size: a.size }] } : a)))
}
