import { wideOf } from '../ir/dtype.js'
import type { Var } from '../ir/types.js'
import { type Group, type Grouping, inMemoryFor } from '../pass/group.js'
import type { Buffers } from './build.js'
import type { Held } from './emit.js'
import type { Expr, Exprs, ExprType } from './expr.js'
import type { Scratch, Stmt } from './ir.js'
import { valuesFirst } from './loops.js'
import { packer } from './pack.js'
import { storeOf } from './store.js'

/** The part of a product that an invocation holds in registers. */
export interface Tile {
  readonly rows: number
  readonly columns: number
  /** Columns exist in fours: all of one four, or none. */
  readonly fours: boolean
  /** The element's index in the product. */
  readonly index: (row: Expr, column: number) => readonly Expr[]
  readonly value: (row: number, column: number) => Expr
  /** Whether the element exists; undefined: always. */
  readonly inside: (row: Expr, column: number) => Expr | undefined
  /** The number of a scratch array that is free. */
  readonly scratch: number
}

/** Rows whose stores are written out. More go through an array and a loop: code for each would take long to compile. */
const writtenOut = 4

/** Stores a tile of a group's product and the pointwise values that follow it, four columns at a time where they are neighbours. */
export function storeTile(
  e: Exprs,
  b: Buffers,
  grouping: Grouping,
  g: Group,
  tile: Tile,
): { body: Stmt[]; scratch: Scratch[] } {
  const { graph, stored } = grouping
  const inMemory = inMemoryFor(grouping, g)
  const load = (v: Var, index: readonly Expr[]): Expr => b.load(e, v, index)
  const [y] = g.anchors[0].outputs
  const dtype = wideOf[y.aval.dtype]
  const packs = packer(e, b)
  const width = tile.fours ? 4 : 1
  const parts = tile.columns / width
  const element = (x: Expr, j: number): Expr => (width === 4 ? e.call(`lane${j}`, dtype, [x]) : x)

  /** The stores of part `q` of a row, given its values. */
  const storePart = (row: Expr, q: number, values: readonly Expr[]): Stmt[] => {
    const indices = values.map((_, j) => tile.index(row, q * width + j))
    const store = (v: Var): Stmt[] => {
      const elements = indices.map((index, j) => {
        const held = new Map<Var, Held>([[y, { index, value: values[j] }]])
        return storeOf({ e, graph, held, inMemory, load }, g, v, { outer: index, full: index })!
      })
      return packs.store(
        v,
        elements.map((x) => x.index),
        elements.map((x) => x.value),
      )
    }
    const stmts = valuesFirst([...(stored.has(y) ? packs.store(y, indices, values) : []), ...writes.flatMap(store)])
    const cond = tile.inside(row, q * width)
    return cond ? [{ k: 'if', cond, body: stmts }] : stmts
  }
  const writes = g.stores.filter((v) => stored.has(v))
  const list = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
  const valuesOf = (i: number, q: number): Expr[] => list(width).map((j) => tile.value(i, q * width + j))
  if (tile.rows <= writtenOut || !writes.length)
    return {
      body: list(tile.rows).flatMap((i) => list(parts).flatMap((q) => storePart(e.index(i), q, valuesOf(i, q)))),
      scratch: [],
    }

  const t: ExprType = width === 4 ? `${dtype}x4` : dtype
  const fill = list(tile.rows).flatMap((i) =>
    list(parts).map((q): Stmt => {
      const values = valuesOf(i, q)
      return {
        k: 'store',
        buffer: tile.scratch,
        at: e.index(i * parts + q),
        value: width === 4 ? packs.pack(values) : values[0],
      }
    }),
  )
  const row = e.variable('i', 'u32', tile.rows - 1)
  const sums = list(parts).map((q) => e.variable(`part${q}`, t))
  const lets = sums.map(
    (_, q): Stmt => ({
      k: 'let',
      name: `part${q}`,
      value: e.load(tile.scratch, t, e.iadd(e.imul(row, parts), e.index(q))),
    }),
  )
  const stores = sums.flatMap((x, q) =>
    storePart(
      row,
      q,
      list(width).map((j) => element(x, j)),
    ),
  )
  return {
    body: [...fill, { k: 'loop', index: 'i', count: tile.rows, body: [...lets, ...stores] }],
    scratch: [{ t, size: tile.rows * parts, per: 'invocation' }],
  }
}
