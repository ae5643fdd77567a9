import { delinearize, type Expr } from '../expr.js'
import type { Stmt } from '../ir.js'
import type { Axis, Part } from './nest.js'
import { type Context, type Share, turns } from './pieces.js'
import type { Places } from './reduced.js'

/** How lines become items. */
export interface Sharing {
  /** Of this axis four rows are one line, as far as they go, and shares are narrow: both sides then stay in the cache. */
  readonly square?: Axis
  /** Of a line, in nanoseconds. */
  readonly cost: number
  /** Items that a line may be shared by. */
  readonly shares: number
  /** Elements of a line. */
  readonly length: number
}

/** Work of an item, in nanoseconds. */
const itemCost = 8000
/** Elements of a line up to which the lines of an axis have a loop of their own, without divisions. */
const shortLine = 256

/** The items of a kernel: some lines each, or a share of them. `make` gets what the axes' variables are at a line. */
export function overLines(
  c: Context,
  axes: readonly Axis[],
  { square, cost, shares: mostShares, length }: Sharing,
  make: (to: Places, rows: 1 | 4, share: Share | undefined) => readonly Stmt[],
): { items: number; body: readonly Stmt[] } {
  const { e } = c
  const last = axes[axes.length - 1]
  const hasInner = axes.length > 1 && !square && length <= shortLine && cost * last.size <= itemCost
  const [outer, inner] = hasInner ? [axes.slice(0, -1), last] : [axes, undefined]
  const sizes = outer.map((a) => (a === square ? Math.floor(a.size / 4) + (a.size % 4) : a.size))
  const lines = sizes.reduce((a, b) => a * b, 1)
  if (lines === 0) return { items: 1, body: [] }
  const lineCost = cost * (square ? 4 : 1) * (inner?.size ?? 1)
  const shares = Math.max(1, square ? mostShares : Math.min(mostShares, Math.round(lineCost / itemCost)))
  const most = Math.max(1, Math.floor((itemCost * shares) / lineCost))
  const perItem = Math.ceil(lines / Math.max(1, Math.ceil(lines / most)))
  const groups = Math.ceil(lines / perItem)
  const item = groups * shares > 1 ? e.variable('group_x', 'u32', groups * shares - 1) : e.index(0)
  const group = e.idiv(item, shares)
  const share = shares > 1 ? { index: e.imod(item, shares), of: shares } : undefined

  const at = (line: Expr): readonly Stmt[] => {
    const places = delinearize(e, line, sizes)
    const go = (i: number, to: Places, rows: 1 | 4): readonly Stmt[] => {
      const is = ({ x }: Axis, y: Expr): Places => new Map([...to, [x, y]])
      if (i === outer.length && inner)
        return inner.parts.flatMap(({ from, size }) =>
          turns(c, size, (n) => make(is(inner, e.iadd(n, e.index(from))), rows, share)),
        )
      if (i === outer.length) return make(to, rows, share)
      if (outer[i] !== square) return within(c, places[i], outer[i].parts, (y) => go(i + 1, is(outer[i], y), rows))
      return squares(c, places[i], outer[i].size, (y, n) => go(i + 1, is(outer[i], y), n))
    }
    return go(0, new Map(), 1)
  }
  const items = groups * shares
  if (perItem === 1) return { items, body: at(group) }
  const from = e.imul(group, perItem)
  const count = e.call('min', 'u32', [e.iadd(from, e.index(perItem)), e.index(lines)], lines)
  return {
    items,
    body: [{ k: 'loop', index: 'line', from, count, body: at(e.variable('line', 'u32', lines - 1)) }],
  }
}

/** Code for a line of four rows, and for one of the rows that are left. */
function squares(c: Context, at: Expr, size: number, make: (y: Expr, rows: 1 | 4) => readonly Stmt[]): readonly Stmt[] {
  const { e } = c
  const four = Math.floor(size / 4)
  const parts = [{ from: 0, size: four }, ...(size % 4 ? [{ from: four, size: size % 4 }] : [])]
  return within(c, at, parts, (y, { from }) =>
    from === 0 ? make(e.iadd(e.imul(y, 4), c.lanes.row), 4) : make(e.iadd(y, e.index(3 * from)), 1),
  )
}

/** Code for each part of an axis' range, run where `at` is in it. */
function within(
  c: Context,
  at: Expr,
  parts: readonly Part[],
  make: (x: Expr, part: Part) => readonly Stmt[],
): readonly Stmt[] {
  if (parts.length === 1) return make(at, parts[0])
  const { e } = c
  return parts.map((part): Stmt => {
    const inside = e.call('sub', 'u32', [at, e.index(part.from)])
    const name = c.fresh('place')
    const place = e.variable(name, 'u32', part.size - 1)
    return {
      k: 'if',
      cond: e.call('lt', 'bool', [inside, e.index(part.size)]),
      body: [{ k: 'let', name, value: inside }, ...make(e.iadd(place, e.index(part.from)), part)],
    }
  })
}
