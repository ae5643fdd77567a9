import type { Expr } from '../expr.js'
import type { Stmt } from '../ir.js'
import { axis, list, loop, type Nest } from './matmul-nest.js'
import type { Source } from './matmul-source.js'

/** Sums of a group of rows and a panel of columns over a block of steps, in registers; stored at `to(row, four)`. */
export const registerTile: RegisterTile = (n, ...parts) =>
  n.tiling.form === 'dot' ? dotTile(n, ...parts) : broadcastTile(n, ...parts)

type RegisterTile = (
  n: Nest,
  rows: Source,
  columns: Source,
  load: ((row: number, quad: number) => Expr) | undefined,
  store: (row: number, quad: number, value: Expr) => Stmt,
) => Stmt[]

/** The same where elements of rows are multiplied with fours of columns: all that it needs to know of the product. */
export const broadcastTile = (
  {
    e,
    tiling,
    steps,
    k,
  }: Pick<Nest, 'e' | 'steps' | 'k'> & { readonly tiling: Pick<Nest['tiling'], 'rows' | 'quads'> },
  rows: Pick<Source, 'read'>,
  columns: Pick<Source, 'read'>,
  load: ((row: number, quad: number) => Expr) | undefined,
  store: (row: number, quad: number, value: Expr) => Stmt,
): Stmt[] => {
  const t = 'f32x4'
  const name = (r: number, q: number): string => `acc${r}_${q}`
  const [rs, qs] = [list(tiling.rows), list(tiling.quads)]
  const each = rs.flatMap((r) => qs.map((q) => [r, q] as const))
  const product = (r: number, q: number): Stmt => ({
    k: 'set',
    name: name(r, q),
    value: e.call('fma', t, [e.variable(`a${r}`, t), e.variable(`b${q}`, t), e.variable(name(r, q), t)]),
  })
  const step: Stmt[] = [
    ...qs.map((q): Stmt => ({ k: 'let', name: `b${q}`, value: columns.read(q, k) })),
    ...rs.flatMap((r): Stmt[] => [
      { k: 'let', name: `a${r}`, value: rows.read(r, k) },
      ...qs.map((q) => product(r, q)),
    ]),
  ]
  return [
    ...each.map(([r, q]): Stmt => ({ k: 'mutable', name: name(r, q), t, value: load?.(r, q) ?? e.lit(t, 0) })),
    ...loop(k, steps, step),
    ...each.map(([r, q]) => store(r, q, e.variable(name(r, q), t))),
  ]
}

const dotTile: RegisterTile = ({ e, tiling, steps, k, rows: { steps: all } }, rows, columns, load, store) => {
  const t = 'f32x4'
  const [rs, cs] = [list(tiling.rows), list(4)]
  const name = (r: number, c: number): string => `acc${r}_${c}`
  const each = rs.flatMap((r) => cs.map((c) => [r, c] as const))
  const fma = (a: Expr, b: Expr, acc: string): Stmt => ({
    k: 'set',
    name: acc,
    value: e.call('fma', t, [a, b, e.variable(acc, t)]),
  })
  const whole = e.idiv(steps, 4)
  const k4 = axis(e, 'k4', Math.floor(tiling.depth / 4))
  const step: Stmt[] = [
    ...rs.map((r): Stmt => ({ k: 'let', name: `a${r}`, value: rows.read(r, e.imul(k4, 4)) })),
    ...cs.flatMap((c): Stmt[] => [
      { k: 'let', name: `b${c}`, value: columns.read(c, e.imul(k4, 4)) },
      ...rs.map((r) => fma(e.variable(`a${r}`, t), e.variable(`b${c}`, t), name(r, c))),
    ]),
  ]
  // Steps that are too few for a vector.
  const one = (x: Expr): Expr => e.load((x as Expr & { k: 'load' }).buffer, 'f32', (x as Expr & { k: 'load' }).at)
  const rest = all % 4 !== 0
  const few = cs.map((c) => one(columns.read(c, k)))
  const fewSteps: Stmt[] = [
    { k: 'let', name: 'few', value: e.call('vec4', t, few) },
    ...rs.map((r) => fma(e.call('splat', t, [one(rows.read(r, k))]), e.variable('few', t), `accFew${r}`)),
  ]
  const pairs = (x: Expr, y: Expr): Expr =>
    e.call('add', t, [e.call('shuffle0246', t, [x, y]), e.call('shuffle1357', t, [x, y])])
  const total = (r: number): Expr => {
    const [a, b, c, d] = cs.map((x) => e.variable(name(r, x), t))
    const sum = pairs(pairs(a, b), pairs(c, d))
    const parts = [...(rest ? [e.variable(`accFew${r}`, t)] : []), ...(load ? [load(r, 0)] : [])]
    return parts.reduce((x, y) => e.call('add', t, [y, x]), sum)
  }
  const zero = (acc: string): Stmt => ({ k: 'mutable', name: acc, t, value: e.lit(t, 0) })
  return [
    ...each.map(([r, c]) => zero(name(r, c))),
    ...loop(k4, whole, step),
    ...(rest ? [...rs.map((r) => zero(`accFew${r}`)), ...loop(k, steps, fewSteps, e.imul(whole, 4))] : []),
    ...rs.map((r) => store(r, 0, total(r))),
  ]
}
