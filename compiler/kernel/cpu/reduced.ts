import type { Expr } from '../expr.js'
import type { Stmt } from '../ir.js'
import type { Axis } from './nest.js'
import { type Context, turns } from './pieces.js'

/** What index variables are. */
export type Places = ReadonlyMap<Expr, Expr>

/** Turns over the reduced axes from which sums are flushed, and the fewest between two flushes. */
const [flushFrom, flushAfter] = [512, 32]

/** Whether sums over so many turns are made of partial sums. */
export const isLong = (axes: readonly Axis[], inner: number): boolean =>
  axes.reduce((n, a) => n * a.size, inner) > flushFrom

/**
 * Loops over reduced axes, outermost first. `make` is for the inside, of `inner` turns; it gets the statements of the flush when
 * it is to do them.
 */
export function overReduced(
  c: Context,
  axes: readonly Axis[],
  inner: number,
  flush: readonly Stmt[],
  make: (to: Places, flush: readonly Stmt[] | undefined) => readonly Stmt[],
): readonly Stmt[] {
  const { e } = c
  let level = axes.length
  for (let n = inner; n < flushAfter && level > 0; ) n *= axes[--level].size
  const mine = (i: number): readonly Stmt[] | undefined => (flush.length && i === level ? flush : undefined)
  const go = (i: number, to: Places): readonly Stmt[] => {
    const body =
      i === axes.length
        ? make(to, mine(i))
        : axes[i].parts.flatMap(({ from, size }) =>
            turns(c, size, (n) => go(i + 1, new Map([...to, [axes[i].x, e.iadd(n, e.index(from))]])), mine(i)),
          )
    return i > 0 && mine(i) ? [...body, ...flush] : body
  }
  return go(0, new Map())
}

/** Row-major number of a place along axes. */
export const numberOf = ({ e }: Context, axes: readonly Axis[], to: Places): Expr =>
  axes.reduce((n, a) => e.iadd(e.imul(n, a.size), to.get(a.x)!), e.index(0))

/**
 * Goes through the elements that are combined: `make` is for some of them side by side, at these places, and `flush` moves sums on
 * where they are long.
 */
export type Steps = (flush: readonly Stmt[], make: (places: readonly Places[]) => readonly Stmt[]) => readonly Stmt[]

/** Steps along axes, `unroll` of the last one at a time. */
export const stepsAlong =
  (c: Context, axes: readonly Axis[], unroll: number): Steps =>
  (flush, make) => {
    const { e } = c
    const [outer, last] = [axes.slice(0, -1), axes[axes.length - 1]]
    return overReduced(c, outer, Math.ceil(last.size / unroll), flush, (to, mine) =>
      last.parts.flatMap(({ from, size }) => {
        const count = Math.floor(size / unroll)
        const some = (first: Expr, n: number): readonly Stmt[] =>
          make(Array.from({ length: n }, (_, v) => new Map([...to, [last.x, e.iadd(first, e.index(v))]])))
        const rest = size - count * unroll
        return [
          ...turns(c, count, (i) => some(e.iadd(e.imul(i, unroll), e.index(from)), unroll), mine),
          ...(rest ? some(e.index(from + count * unroll), rest) : []),
        ]
      }),
    )
  }
