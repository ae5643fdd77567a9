import type { Expr, Exprs } from '../expr.js'
import type { Scratch, Stmt } from '../ir.js'
import { valuesFirst } from '../loops.js'
import type { Axis } from './nest.js'
import { type Lanes, lanesOf } from './widen.js'

/** What the parts of a strategy share while they make a kernel. */
export interface Context {
  readonly e: Exprs
  readonly lanes: Lanes
  /** A name that the kernel doesn't have yet. */
  readonly fresh: (name: string) => string
  readonly scratch: Scratch[]
}

export function contextOf(e: Exprs): Context {
  let count = 0
  return { e, lanes: lanesOf(e), fresh: (name) => `${name}${count++}`, scratch: [] }
}

/** Four neighbours along a line, or one element. The last `fresh` of them no other piece has. */
export interface Piece {
  readonly at: number
  readonly width: 1 | 4
  readonly fresh: number
}

/** A line of `n` elements as pieces: the last four overlap what is before them when `n` is no multiple of four. */
export function piecesOf(n: number): Piece[] {
  if (n < 4) return Array.from({ length: n }, (_, at) => ({ at, width: 1, fresh: 1 }))
  const whole = Array.from({ length: Math.floor(n / 4) }, (_, i): Piece => ({ at: 4 * i, width: 4, fresh: 4 }))
  return n % 4 ? [...whole, { at: n - 4, width: 4, fresh: n % 4 }] : whole
}

/** Where a piece is on its axis. */
export const placeOf = ({ e, lanes }: Context, start: Expr, { at, width }: Piece): Expr => {
  const first = e.iadd(start, e.index(at))
  return width === 4 ? e.iadd(first, lanes.lane) : first
}

/**
 * What pieces put in memory. Where they have elements in common everything is computed before the first is stored, since a
 * store may overwrite an operand.
 */
export function inOrder(pieces: readonly Piece[], stores: readonly (readonly Stmt[])[]): Stmt[] {
  const overlap = pieces.some((p) => p.width === 4 && p.fresh < 4)
  return overlap ? valuesFirst(stores.flat()) : stores.flatMap(valuesFirst)
}

/** Goes along a line in blocks of `vectors` pieces, then what is left. `share`: only this one of equal shares of the line. */
export function sweep(
  c: Context,
  { parts }: Axis,
  vectors: number,
  block: (start: Expr, pieces: readonly Piece[]) => Stmt[],
  { share, flush }: { share?: Share; flush?: readonly Stmt[] } = {},
): Stmt[] {
  const { e } = c
  const width = 4 * vectors
  return parts.flatMap(({ from, size }) => {
    let count = Math.floor(size / width)
    // A last piece that overlaps another must be in its block: it is computed before anything is stored.
    if (count > 0 && size % width > 0 && size % width < 4) count--
    const turn = (i: Expr): Stmt[] => block(e.iadd(e.imul(i, width), e.index(from)), piecesOf(width))
    const rest = piecesOf(size - count * width)
    const last = rest.length ? block(e.index(from + count * width), rest) : []
    if (!share) return [...turns(c, count, turn, flush), ...last]
    const each = Math.ceil(count / share.of)
    const first = e.imul(share.index, each)
    const end = e.call('min', 'u32', [e.iadd(first, e.index(each)), e.index(count)], count)
    const index = c.fresh('i')
    const loop: Stmt = { k: 'loop', index, from: first, count: end, body: turn(e.variable(index, 'u32', count - 1)) }
    const isLast = e.call('eq', 'bool', [share.index, e.index(share.of - 1)])
    return [...(count ? [loop] : []), ...(last.length ? [{ k: 'if', cond: isLast, body: last } as const] : [])]
  })
}
export interface Share {
  readonly index: Expr
  readonly of: number
}

/** Turns that one register adds up before it is put with the others: long sums keep their accuracy so. */
const inOneRegister = 128

/** A counted loop. `flush` is done after every so many turns. */
export function turns(
  c: Context,
  count: number,
  make: (i: Expr) => readonly Stmt[],
  flush?: readonly Stmt[],
): readonly Stmt[] {
  const { e } = c
  if (count <= 1) return count ? make(e.index(0)) : []
  const index = c.fresh('i')
  const body = make(e.variable(index, 'u32', count - 1))
  if (!flush || count <= 2 * inOneRegister) return [{ k: 'loop', index, count, body }]
  const outer = c.fresh('i')
  const from = e.imul(e.variable(outer, 'u32', Math.ceil(count / inOneRegister) - 1), inOneRegister)
  const to = e.call('min', 'u32', [e.iadd(from, e.index(inOneRegister)), e.index(count)], count)
  return [
    {
      k: 'loop',
      index: outer,
      count: Math.ceil(count / inOneRegister),
      body: [{ k: 'loop', index, from, count: to, body }, ...flush],
    },
  ]
}
