import { wideOf } from '../../ir/dtype.js'
import type { Var } from '../../ir/types.js'
import { type Group, type Grouping, inMemoryFor } from '../../pass/group.js'
import type { Buffers } from '../build.js'
import type { Held } from '../emit.js'
import { type Expr, type Exprs, linearIndex } from '../expr.js'
import type { Stmt } from '../ir.js'
import { narrowed } from '../narrow.js'
import { storeOf } from '../store.js'
import { fours } from './matmul-lanes.js'
import { list } from './matmul-nest.js'

/** A value at a four of columns: the product, or a pointwise one that follows it. */
export interface Write {
  readonly v: Var
  readonly ats: readonly Expr[]
  readonly value: Expr
}

/** What a group puts in memory at four indices of its product, given the sums there as a vector. */
export function writesAt(
  e: Exprs,
  b: Buffers,
  grouping: Grouping,
  g: Group,
  indices: readonly (readonly Expr[])[],
  sum: Expr,
): Write[] {
  const { graph, stored } = grouping
  const inMemory = inMemoryFor(grouping, g)
  const [y] = g.anchors[0].outputs
  const lanes = fours(e)
  const result = narrowed(e, y.aval.dtype, sum)
  const sums = list(4).map((j) => e.call(`lane${j}`, 'f32', [result]))
  const write = (v: Var, at: readonly (readonly Expr[])[], values: readonly Expr[]): Write => ({
    v,
    ats: at.map((index) => linearIndex(e, index, v.aval.shape)),
    value: lanes.vector(values),
  })
  const load = (v: Var, index: readonly Expr[]): Expr => b.load(e, v, index)
  const follow = (v: Var): Write => {
    const elements = indices.map((index, j) => {
      const held = new Map<Var, Held>([[y, { index, value: sums[j] }]])
      return storeOf({ e, graph, held, inMemory, load }, g, v, { outer: index, full: index })!
    })
    return write(
      v,
      elements.map((x) => x.index),
      elements.map((x) => x.value),
    )
  }
  return [...(stored.has(y) ? [write(y, indices, sums)] : []), ...g.stores.filter((v) => stored.has(v)).map(follow)]
}

/**
 * Stores the values at four number `quad` of `columns` columns: those that exist. All values are computed before the first is
 * stored: a store may overwrite an operand's memory.
 */
export function storeQuad(e: Exprs, b: Buffers, writes: readonly Write[], quad: Expr, columns: number): Stmt[] {
  const lanes = fours(e)
  const lets = writes.map(({ value }, i): Stmt => ({ k: 'let', name: `w${i}`, value }))
  const stores = (count: number): Stmt[] =>
    writes.flatMap(({ v, ats, value }, i): Stmt[] => {
      const w = e.variable(`w${i}`, value.t)
      const buffer = b.write(v)
      if (count === 4 && lanes.neighbours(ats)) return [{ k: 'store', buffer, at: ats[0], value: w }]
      return list(count).map((j) => ({
        k: 'store',
        buffer,
        at: ats[j],
        value: e.call(`lane${j}`, wideOf[v.aval.dtype], [w]),
      }))
    })
  const [whole, rest] = [Math.floor(columns / 4), columns % 4]
  if (!rest || !whole) return [...lets, ...stores(rest || 4)]
  const test = (f: string): Expr => e.call(f, 'bool', [quad, e.index(whole)])
  return [...lets, { k: 'if', cond: test('lt'), body: stores(4) }, { k: 'if', cond: test('ge'), body: stores(rest) }]
}
