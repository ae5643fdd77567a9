import type { Expr, Exprs } from '../expr.js'
import { four, splat, transposedRow } from './widen.js'

/** Makes vectors of expressions that are alike: four neighbours in one. */
export interface Fours {
  /** One vector of four expressions. */
  vector(xs: readonly Expr[]): Expr
  /**
   * Four vectors of a square of expressions: those of `rows[i]` are vector i. Reads that are neighbours down the columns become
   * transposed reads.
   */
  square(rows: readonly (readonly Expr[])[]): readonly Expr[]
  /** Whether four addresses follow one another. */
  neighbours(ats: readonly Expr[]): boolean
}

/** Operations that are the same for four values as for one. Index arithmetic is not among them: it differs by its constants. */
const alike = (x: Expr & { k: 'op' }): boolean => !/^(i(add|mul|div|mod)|lane\d|vec4|splat|shuffle\d+)$/.test(x.f)
const indices = [0, 1, 2, 3] as const

/**
 * Expressions that differ only in where they read become one (superword parallelism, Larsen & Amarasinghe, Exploiting
 * superword level parallelism with multimedia instruction sets, 2000); what doesn't fit is computed one by one.
 */
export function fours(e: Exprs): Fours {
  const neighbours = (ats: readonly Expr[]): boolean => ats.every((at, j) => at === e.iadd(ats[0], e.index(j)))
  const memo = new Map<string, readonly Expr[]>()
  const columnOf = (rows: readonly (readonly Expr[])[], j: number): Expr[] => rows.map((row) => row[j])

  const make = (rows: readonly (readonly Expr[])[]): readonly Expr[] => {
    const all = rows.flat()
    const [x] = all
    const t = four(x.t)
    // The same in every column: one vector for all rows is enough; the same in every lane: a number.
    if (rows.length > 1 && indices.every((j) => columnOf(rows, j).every((y) => y === rows[0][j])))
      return rows.map(() => vector(rows[0]))
    if (rows.every((row) => row.every((y) => y === row[0]))) return rows.map(([y]) => splat(e, y))
    // What was taken apart goes back together.
    const whole = rows.map(whollyOf)
    if (whole.every((y) => y !== null)) return whole
    if (x.k === 'load' && all.every((y) => y.k === 'load' && y.buffer === x.buffer)) {
      const ats = (ys: readonly Expr[]): Expr[] => ys.map((y) => (y as Expr & { k: 'load' }).at)
      const read = (y: Expr): Expr => e.load(x.buffer, t, (y as Expr & { k: 'load' }).at)
      if (rows.every((row) => neighbours(ats(row)))) return rows.map(([y]) => read(y))
      if (rows.length === 4 && indices.every((j) => neighbours(ats(columnOf(rows, j)))))
        return transposed(e, rows[0].map(read))
    }
    if (x.k === 'op' && alike(x) && all.every((y) => y.k === 'op' && y.f === x.f && y.args.length === x.args.length)) {
      const args = x.args.map((_, i) => pack(rows.map((row) => row.map((y) => (y as typeof x).args[i]))))
      return rows.map((_, r) =>
        e.call(
          x.f,
          t,
          args.map((vectors) => vectors[r]),
        ),
      )
    }
    return rows.map((row) => e.call('vec4', t, row))
  }
  const pack = (rows: readonly (readonly Expr[])[]): readonly Expr[] => {
    const key = rows.map((row) => row.map((x) => x.id).join()).join(';')
    const known = memo.get(key) ?? make(rows)
    memo.set(key, known)
    return known
  }
  const vector = (xs: readonly Expr[]): Expr => pack([xs])[0]
  return { vector, square: pack, neighbours }
}

/** The vector whose lanes these are, in order. */
function whollyOf(xs: readonly Expr[]): Expr | null {
  const [x] = xs
  if (x.k !== 'op' || x.f !== 'lane0') return null
  const [whole] = x.args
  return xs.every((y, j) => y.k === 'op' && y.f === `lane${j}` && y.args[0] === whole) ? whole : null
}

/** The rows of the square that has these columns. */
export const transposed = (e: Exprs, columns: readonly Expr[]): Expr[] =>
  indices.map((row) => transposedRow(e, columns, row))
