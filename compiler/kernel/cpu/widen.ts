import { type Expr, type Exprs, type ExprType, scalarType, widthOf } from '../expr.js'
import { dependence, rewriter } from './rewrite.js'

/** Which element of a block an expression is for: `lane` runs over four neighbours, `row` over four rows of a square. */
export interface Lanes {
  readonly lane: Expr
  readonly row: Expr
}
export const lanesOf = (e: Exprs): Lanes => ({
  lane: e.variable('$lane', 'u32', 3),
  row: e.variable('$row', 'u32', 3),
})

/**
 * Makes the function that gives an expression's value in all four lanes as one vector. `known` has the vectors of variables that
 * differ by lane. `row` is the row of the square the block is part of: reads of columns are then transposed reads of rows.
 */
export function widener(
  e: Exprs,
  { lane, row: rowVariable }: Lanes,
  known: ReadonlyMap<Expr, Expr> = new Map(),
  row = 0,
): (x: Expr) => Expr {
  const varies = dependence(new Set([lane, ...known.keys()]))
  const at = (r: number, j: number): ((x: Expr) => Expr) =>
    rewriter(
      e,
      new Map([
        [lane, e.index(j)],
        [rowVariable, e.index(r)],
        // An address may be made of a result: rows that are gathered by their rank.
        ...[...known].map(([x, value]): [Expr, Expr] => [x, laneOf(e, value, j)]),
      ]),
    )
  const inRow = rewriter(e, new Map([[rowVariable, e.index(row)]]))
  const inLane = [0, 1, 2, 3].map((j) => at(row, j))
  const inFirstRow = row === 0 ? inLane : [0, 1, 2, 3].map((j) => at(0, j))
  const memo = new Map<Expr, Expr>(known)
  const widen = (x: Expr): Expr => {
    const done = memo.get(x) ?? make(x)
    memo.set(x, done)
    return done
  }
  const make = (x: Expr): Expr => {
    const t = four(x.t)
    if (!varies(x)) return splat(e, inRow(x))
    if (x.k === 'load') return load(x, t)
    if (x.k !== 'op' || isIndex(x)) {
      const by = strideOf(e, x, lane, varies)
      if (by === undefined) return perLane(x, t)
      const steps = e.call(
        'vec4',
        t,
        [0, 1, 2, 3].map((j) => e.lit('u32', j * by)),
      )
      return e.call('add', t, [splat(e, inLane[0](x)), steps])
    }
    return e.call(x.f, t, x.args.map(widen))
  }
  const perLane = (x: Expr, t: ExprType): Expr =>
    e.call(
      'vec4',
      t,
      inLane.map((f) => f(x)),
    )
  const load = (x: Expr & { k: 'load' }, t: ExprType): Expr => {
    const by = strideOf(e, x.at, lane, varies)
    if (by === 1) return e.load(x.buffer, t, inLane[0](x.at))
    if (by !== undefined && e.linear(x.at).of.get(rowVariable) === 1) {
      const columns = inFirstRow.map((f) => e.load(x.buffer, t, f(x.at)))
      return transposedRow(e, columns, row)
    }
    return perLane(x, t)
  }
  return widen
}

const isIndex = (x: Expr): boolean => x.k === 'var' || (x.k === 'op' && /^i(add|mul|div|mod)$/.test(x.f))

/** How far apart neighbouring lanes of an index are; undefined: not equally far. */
export function strideOf(
  e: Exprs,
  x: Expr,
  lane: Expr,
  varies: (x: Expr) => boolean = dependence(new Set([lane])),
): number | undefined {
  const { of } = e.linear(x)
  for (const atom of of.keys()) if (atom !== lane && varies(atom)) return undefined
  return of.get(lane) ?? 0
}

export const four = (t: ExprType): ExprType => `${scalarType(t)}x4`
export const splat = (e: Exprs, x: Expr): Expr =>
  x.k === 'lit' ? e.lit(four(x.t), x.value) : e.call('splat', four(x.t), [x])

/** One lane of a vector, without making the vector where its parts are at hand. */
export function laneOf(e: Exprs, x: Expr, j: number): Expr {
  if (widthOf(x.t) === 1) return x
  const t = scalarType(x.t)
  if (x.k === 'lit') return e.lit(t, x.value)
  if (x.k === 'op' && x.f === 'splat') return x.args[0]
  if (x.k === 'op' && x.f === 'vec4') return x.args[j]
  return e.call(`lane${j}`, t, [x])
}

/** Row `row` of the square with these columns. */
export function transposedRow(e: Exprs, [a, b, c, d]: readonly Expr[], row: number): Expr {
  const pair = row < 2 ? 'shuffle0415' : 'shuffle2637'
  const halves = [e.call(pair, a.t, [a, b]), e.call(pair, a.t, [c, d])]
  return e.call(row % 2 ? 'shuffle2367' : 'shuffle0145', a.t, halves)
}
