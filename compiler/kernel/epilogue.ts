import type { Var } from '../ir/types.js'
import { type Group, type Grouping, placeStore } from '../pass/group.js'
import type { Buffers } from './build.js'
import { emitter, type Held } from './emit.js'
import type { Expr, Exprs } from './expr.js'
import type { Stmt } from './ir.js'
import { valuesFirst } from './loops.js'
import { packer } from './pack.js'

/** The part of a product that an invocation holds in registers. */
export interface Tile {
  readonly rows: number
  readonly columns: number
  /** The element's index in the product. */
  readonly index: (row: number, column: number) => readonly Expr[]
  readonly value: (row: number, column: number) => Expr
  /** Whether the element exists; undefined: always. */
  readonly inside: (row: number, column: number) => Expr | undefined
}

/** Stores a tile of a group's product and the pointwise values that follow it, four columns at a time where they are neighbours. */
export function storeTile(e: Exprs, b: Buffers, { graph, stored, owner }: Grouping, g: Group, tile: Tile): Stmt[] {
  const own = new Set<Var>([...g.stores, ...g.anchors[0].outputs])
  const inMemory = (v: Var): boolean => !own.has(v) && (owner.has(v) || !graph.def.has(v))
  const load = (v: Var, index: readonly Expr[]): Expr => b.load(e, v, index)
  const [y] = g.anchors[0].outputs
  const packs = packer(e, b)
  const step = tile.columns % 4 === 0 ? 4 : 1
  const out: Stmt[] = []
  for (let i = 0; i < tile.rows; i++)
    for (let j0 = 0; j0 < tile.columns; j0 += step) {
      const elements = Array.from({ length: step }, (_, j) => ({
        index: tile.index(i, j0 + j),
        value: tile.value(i, j0 + j),
      }))
      const store = (v: Var): Stmt[] => {
        const placed = elements.map(({ index }) => placeStore(e, graph, g, v, { outer: index, full: index }, inMemory)!)
        const values = placed.map(({ index, moves }, j) => {
          const held = new Map<Var, Held>([[y, elements[j]]])
          return emitter({ e, graph, held, inMemory, load, moves })(v, index)
        })
        return packs.store(
          v,
          placed.map(({ index }) => index),
          values,
        )
      }
      const whole = stored.has(y)
        ? packs.store(
            y,
            elements.map(({ index }) => index),
            elements.map(({ value }) => value),
          )
        : []
      const stmts = valuesFirst([...whole, ...g.stores.filter((v) => stored.has(v)).flatMap(store)])
      const cond = tile.inside(i, j0)
      out.push(...(cond ? [{ k: 'if' as const, cond, body: stmts }] : stmts))
    }
  return out
}
