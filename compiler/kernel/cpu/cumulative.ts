import { wideOf } from '../../ir/dtype.js'
import type { Group, Grouping } from '../../pass/group.js'
import { buffers, finish, type Lowered } from '../build.js'
import { cumulation, type Place } from '../cumulative.js'
import { type Expr, exprs } from '../expr.js'
import type { Stmt } from '../ir.js'
import { narrowed } from '../narrow.js'
import { folding } from './folding.js'

/** Fours of columns that go down together, and lines without columns that do. */
const [fours, together] = [4, 4]

/** What an item takes: one run of `length` elements (a block of a line) in some columns, or several runs of one column. */
interface Share {
  readonly items: number
  readonly length: number
  readonly places: (item: Expr) => Place[]
}

/**
 * Running totals as a CPU's kernel: an item goes along a block of a line, some columns side by side in registers. Lines of one column
 * go four at a time, so that one addition need not wait for another.
 */
export function lowerCpuCumulative(grouping: Grouping, g: Group): Lowered {
  const e = folding(exprs())
  const b = buffers()
  const c = cumulation(e, b, grouping, g)
  const [outer, n, inner] = c.shape
  const { dtype } = g.anchors[0].outputs[0].aval
  const wide = wideOf[dtype]
  const whole = Math.floor(n / c.block)

  /** The runs of equal length: `count` blocks of each line from block `first` on. */
  const runs = (first: number, count: number, length: number): Share[] => {
    const at = (run: Expr, column: Expr, width: 1 | 4): Place => ({
      outer: e.idiv(run, count),
      block: e.iadd(e.imod(run, count), e.index(first)),
      column,
      width,
    })
    const all = outer * count
    if (inner === 1) {
      const some = (from: number, items: number, each: number): Share => ({
        items,
        length,
        places: (item) =>
          Array.from({ length: each }, (_, j) => at(e.iadd(e.imul(item, each), e.index(from + j)), e.index(0), 1)),
      })
      const most = Math.floor(all / together)
      return [some(0, most, together), some(most * together, 1, all % together)]
    }
    const wide = 4 * fours
    const groups = Math.floor(inner / wide)
    const rest = inner % wide
    const columns = (run: Expr, start: Expr, count: number): Place[] => [
      ...Array.from({ length: Math.floor(count / 4) }, (_, v) => at(run, e.iadd(start, e.index(4 * v)), 4)),
      ...Array.from({ length: count % 4 }, (_, j) => at(run, e.iadd(start, e.index(count - (count % 4) + j)), 1)),
    ]
    return [
      {
        items: all * groups,
        length,
        places: (item) => columns(e.idiv(item, groups), e.imul(e.imod(item, groups), wide), wide),
      },
      { items: rest ? all : 0, length, places: (item) => columns(item, e.index(groups * wide), rest) },
    ]
  }
  const shares = [...runs(0, whole, c.block), ...(n % c.block ? runs(whole, 1, n % c.block) : [])]
    .filter((s) => s.items > 0)
    .map((s) => ({ ...s, first: 0 }))
  let items = 0
  for (const s of shares) {
    s.first = items
    items += s.items
  }
  const group = e.variable('group_x', 'u32', items - 1)
  const run = (places: readonly Place[], length: number, i: number): Stmt[] => {
    const turn = e.variable(`turn${i}`, 'u32', length - 1)
    const totals = places.map((p, j) => e.variable(`acc${i}_${j}`, p.width === 4 ? `${wide}x4` : wide))
    const name = (j: number): string => (totals[j] as Expr & { k: 'var' }).name
    return [
      ...places.map((p, j): Stmt => ({ k: 'mutable', name: name(j), t: totals[j].t, value: c.begin(p) })),
      {
        k: 'loop',
        index: `turn${i}`,
        count: length,
        body: [
          ...places.map((p, j): Stmt => ({ k: 'set', name: name(j), value: c.next(p, turn, totals[j]) })),
          ...places.map(
            (p, j): Stmt => ({
              k: 'store',
              buffer: c.result,
              at: c.address(p, turn),
              value: narrowed(e, dtype, totals[j]),
            }),
          ),
        ],
      },
    ]
  }
  const body = shares.flatMap((s, i): Stmt[] => {
    const item = e.variable(`item${i}`, 'u32', s.items - 1)
    const make: Stmt[] = [
      { k: 'let', name: `item${i}`, value: e.call('sub', 'u32', [group, e.index(s.first)]) },
      ...run(s.places(item), s.length, i),
    ]
    if (shares.length === 1) return make
    const inside = e.call('lt', 'bool', [e.call('sub', 'u32', [group, e.index(s.first)]), e.index(s.items)])
    return [{ k: 'if', cond: inside, body: make }]
  })
  return finish('cumulative', b, { scratch: [], lanes: [1, 1], workgroups: [items, 1, 1], body })
}
