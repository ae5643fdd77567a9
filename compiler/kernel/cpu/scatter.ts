import { wideOf } from '../../ir/dtype.js'
import { size } from '../../ir/types.js'
import { opOf } from '../../ops/op.js'
import { type Group, type Grouping, inMemoryFor } from '../../pass/group.js'
import { type Strided, strided } from '../../pass/strided.js'
import { buffers, finish, type Lowered } from '../build.js'
import { delinearize, type Expr, exprs, stridedIndex } from '../expr.js'
import { acrossLine } from './across.js'
import { bodyOf, type Reduction, rewriteBody, totalOf } from './body.js'
import { folding } from './folding.js'
import { listsOf } from './lists.js'
import { nestOf } from './nest.js'
import { contextOf } from './pieces.js'
import { overReduced, type Steps } from './reduced.js'
import { shapeOf } from './shape.js'
import { sumArrays, tiledLine } from './tiled.js'

/** Every item looks through all ids, so there are few. */
const mostItems = 16
/** Of looking at an id, of adding an element, and the least work of an item, in nanoseconds. */
const [idCost, addCost, itemCost] = [1.5, 0.25, 8000]

/** Elements of an update that are read together at least. */
const narrowest = 256
/** Ids for a row, on average, from which its sum is made in scratch memory, a whole update at a time; and the elements of it. */
const [longFrom, mostScratch] = [4, 16384]

/**
 * scatterAdd as a CPU's kernel: an item owns some rows of the result, or a share of their columns. It goes through the ids once and
 * links those of each row in a list, then makes row by row the sum of the updates, in the order of the ids, and what follows it.
 */
export function lowerCpuScatter(grouping: Grouping, g: Group): Lowered {
  const { graph } = grouping
  const e = folding(exprs())
  const b = buffers()
  const c = contextOf(e)
  const inMemory = inMemoryFor(grouping, g)
  const [ids, updates] = g.anchors[0].inputs.map((v) => ({ shape: v.aval.shape, ...strided(graph, v, inMemory) }))
  const addressIn = ({ offset, strides }: Strided, index: readonly Expr[]): Expr =>
    stridedIndex(e, index, strides, offset)
  const [y] = g.anchors[0].outputs
  const [rows, ...rest] = y.aval.shape
  const count = size(ids.shape)

  // What a group makes of an element of the result, and the update of an id for it.
  const row = e.variable('$row of result', 'u32', Math.max(0, rows - 1))
  const id = e.variable('$id', 'u32', Math.max(0, count - 1))
  const columns = rest.map((n, d) => (n === 1 ? e.index(0) : e.variable(`$dim${d}`, 'u32', Math.max(0, n - 1))))
  const body = bodyOf(e, b, grouping, g, [rows === 1 ? e.index(0) : row, ...columns])
  const at = addressIn(updates, [...delinearize(e, id, ids.shape), ...columns])
  const value = e.load(b.read(updates.base), wideOf[y.aval.dtype], at)
  const { kernel } = opOf(g.anchors[0].op)
  const combine = kernel.kind === 'scatter' ? kernel.combine : 'add'
  const update: Reduction = { combine, value, total: totalOf(e, g, 0) }
  const dims = rest.map((n, d) => ({ x: columns[d], size: n, reduced: false }))
  const nest = nestOf(e, { ...body, stages: [[update]] }, dims)
  const { axis, vectors, lineCost } = shapeOf(e, nest)
  const outer = nest.axes.filter((a) => a !== axis)

  const lines = outer.reduce((n, a) => n * a.size, rows)
  const work = lines * lineCost + count * size(rest) * addCost
  const items = Math.max(1, Math.min(mostItems, Math.floor(work / Math.max(itemCost, count * idCost))))
  const most = Math.max(1, Math.ceil(rows / items))
  const ranges = Math.max(1, Math.ceil(rows / most))
  const shares = Math.max(1, Math.min(Math.floor(items / ranges), Math.floor(axis.size / narrowest)))

  const item = ranges * shares > 1 ? e.variable('group_x', 'u32', ranges * shares - 1) : e.index(0)
  const first = e.imul(e.idiv(item, shares), most)
  const end = e.call('min', 'u32', [e.iadd(first, e.index(most)), e.index(rows)], rows)
  const idAt = (n: Expr): Expr => e.load(b.read(ids.base), 'i32', addressIn(ids, delinearize(e, n, ids.shape)))
  const lists = listsOf(c, { count, most, first, end, key: (n) => e.call('cast', 'u32', [idAt(n)]) })

  const here = e.variable('row', 'u32', Math.max(0, rows - 1))
  const steps: Steps = (_, make) => lists.each(here, (n) => make([new Map([[id, n]])]))
  const share = shares > 1 ? { index: e.imod(item, shares), of: shares } : undefined
  const isLong = count >= longFrom * rows && axis.size <= mostScratch
  const arrays = isLong ? sumArrays(c, nest.body, axis, false) : undefined
  const made = overReduced(c, outer, 1, [], (to) => {
    const line = rewriteBody(e, nest.body, new Map([...to, [row, here]]))
    if (arrays) return tiledLine(c, line, { axis, steps, vectors: Math.min(4, vectors), arrays }, share)
    return acrossLine(c, line, { axis, reduced: [], steps, vectors, apart: 1 }, share)
  })
  return finish('scatter', b, {
    scratch: c.scratch,
    lanes: [1, 1],
    workgroups: [ranges * shares, 1, 1],
    body: [...lists.build, { k: 'loop', index: 'row', from: first, count: end, body: made }],
  })
}
