import { type Combine, combined, neutral } from '../combine.js'
import { type Expr, type ExprType, scalarType, widthOf } from '../expr.js'
import type { Stmt } from '../ir.js'
import type { Reduction } from './body.js'
import type { Context } from './pieces.js'

/** Registers that combine one reduction's values, several so that additions don't wait for each other. */
export interface Registers {
  readonly declare: readonly Stmt[]
  /** Combines a value into register `i`. */
  add(i: number, value: Expr): Stmt
  /** Moves what the registers have to others, which long sums are made of. */
  readonly flush: readonly Stmt[]
  /** All registers combined. */
  readonly total: Expr
}

export function registers(c: Context, { combine }: Reduction, t: ExprType, count: number, flushed: boolean): Registers {
  const { e } = c
  const zero = neutral(e, combine, t)
  const make = (): string[] => Array.from({ length: count }, () => c.fresh('acc'))
  const [names, sums] = [make(), flushed ? make() : []]
  const get = (name: string): Expr => e.variable(name, t)
  const into = (name: string, value: Expr): Stmt => ({
    k: 'set',
    name,
    value: combined(e, combine, get(name), value),
  })
  return {
    declare: [...names, ...sums].map((name) => ({ k: 'mutable', name, t, value: zero })),
    add: (i, value) => into(names[i % count], value),
    flush: sums.flatMap((sum, i): Stmt[] => [into(sum, get(names[i])), { k: 'set', name: names[i], value: zero }]),
    total: inPairs(c, combine, [...names, ...sums].map(get)),
  }
}

/** Values combined in a fixed order: pairs of neighbours, pairs of these, … */
export function inPairs(c: Context, how: Combine, values: readonly Expr[]): Expr {
  if (values.length === 1) return values[0]
  const half = 2 ** Math.ceil(Math.log2(values.length) - 1)
  const [a, b] = [values.slice(0, half), values.slice(half)].map((part) => inPairs(c, how, part))
  return combined(c.e, how, a, b)
}

/** The lanes of a vector combined: the first with the third and the second with the fourth, then both. */
export function acrossLanes(c: Context, { combine }: Reduction, x: Expr): Expr {
  if (widthOf(x.t) === 1) return x
  const { e } = c
  const halves = combined(e, combine, x, e.call('shuffle2323', x.t, [x, x]))
  const t = scalarType(x.t)
  return combined(e, combine, e.call('lane0', t, [halves]), e.call('lane1', t, [halves]))
}
