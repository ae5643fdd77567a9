import type { DType } from '../ir/types.js'

/**
 * Scalar code of kernels: an interned expression graph, neutral of the target. Equal expressions are one object, so sharing
 * is visible (`let`s are made from it) and index maps compare by identity.
 */
export type ExprType = DType | `${DType}x4`
export const scalarType = (t: ExprType): DType => t.replace('x4', '') as DType
export const widthOf = (t: ExprType): 1 | 4 => (t.endsWith('x4') ? 4 : 1)

export type Expr =
  | { readonly k: 'lit'; readonly t: ExprType; readonly id: number; readonly max: number; readonly value: number }
  | { readonly k: 'var'; readonly t: ExprType; readonly id: number; readonly max: number; readonly name: string }
  | {
      readonly k: 'load'
      readonly t: ExprType
      readonly id: number
      readonly max: number
      readonly buffer: number
      readonly at: Expr
    }
  | {
      readonly k: 'op'
      readonly t: ExprType
      readonly id: number
      readonly max: number
      readonly f: string
      readonly args: readonly Expr[]
    }

/** Makes expressions. Index arithmetic (u32) is kept in a normal form: a sum of distinct atoms times constants. */
export interface Exprs {
  lit(t: ExprType, value: number): Expr
  /** `max`: largest value an index variable takes. */
  variable(name: string, t: ExprType, max?: number): Expr
  load(buffer: number, t: ExprType, at: Expr): Expr
  /** A scalar operation by the name its op record has; its meaning is the printers' business. */
  call(f: string, t: ExprType, args: readonly Expr[], max?: number): Expr
  index(value: number): Expr
  iadd(a: Expr, b: Expr): Expr
  /** `by` is a constant. */
  imul(a: Expr, by: number): Expr
  idiv(a: Expr, by: number): Expr
  imod(a: Expr, by: number): Expr
  /** An index as base + sum of atoms times constants. */
  linear(a: Expr): { readonly base: number; readonly of: ReadonlyMap<Expr, number> }
}

type Terms = { readonly base: number; readonly of: Map<Expr, number> }
const unbounded = 0xffffffff
const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

export function exprs(): Exprs {
  const table = new Map<string, Expr>()
  let nextId = 0
  const intern = (key: string, make: (id: number) => Expr): Expr => {
    let x = table.get(key)
    if (!x) {
      x = make(nextId++)
      table.set(key, x)
    }
    return x
  }

  const lit = (t: ExprType, value: number): Expr =>
    intern(`l${t}:${Object.is(value, -0) ? '-0' : value}`, (id) => ({
      k: 'lit',
      t,
      id,
      max: t === 'u32' ? value : unbounded,
      value,
    }))
  const variable = (name: string, t: ExprType, max = unbounded): Expr =>
    intern(`v${name}`, (id) => ({ k: 'var', t, id, max, name }))
  const load = (buffer: number, t: ExprType, at: Expr): Expr =>
    intern(`m${buffer}:${t}:${at.id}`, (id) => ({ k: 'load', t, id, max: unbounded, buffer, at }))
  const call = (f: string, t: ExprType, args: readonly Expr[], max = unbounded): Expr => {
    if (f === 'select' && args[1] === args[2]) return args[1]
    if (f === 'select' && args[0].k === 'lit') return args[0].value ? args[1] : args[2]
    return intern(`o${f}:${t}:${args.map((a) => a.id).join(',')}`, (id) => ({ k: 'op', t, id, max, f, args }))
  }
  const index = (value: number): Expr => lit('u32', value)

  const terms = (x: Expr): Terms => {
    if (x.k === 'lit') return { base: x.value, of: new Map() }
    if (x.k === 'op' && x.f === 'iadd') {
      const of = new Map<Expr, number>()
      let base = 0
      for (const a of x.args) {
        const t = terms(a)
        base += t.base
        for (const [atom, by] of t.of) of.set(atom, (of.get(atom) ?? 0) + by)
      }
      return { base, of }
    }
    if (x.k === 'op' && x.f === 'imul')
      return { base: 0, of: new Map([[x.args[0], (x.args[1] as { value: number }).value]]) }
    return { base: 0, of: new Map([[x, 1]]) }
  }

  // k·c·(x / c) + k·(x % c) = k·x. Returns the constant that x brings.
  const recombine = (of: Map<Expr, number>): number => {
    for (const [atom, by] of [...of]) {
      if (atom.k !== 'op' || atom.f !== 'imod') continue
      const [x, c] = [atom.args[0], (atom.args[1] as { value: number }).value]
      const quotient = idiv(x, c)
      if (quotient.k === 'lit') continue
      // The quotient may be a sum or product itself: all its terms must be there, scaled.
      const q = terms(quotient)
      if (q.base !== 0 || ![...q.of].every(([a, n]) => (of.get(a) ?? 0) === n * c * by)) continue
      for (const a of q.of.keys()) of.delete(a)
      of.delete(atom)
      const whole = terms(x)
      for (const [a, n] of whole.of) of.set(a, (of.get(a) ?? 0) + n * by)
      return whole.base * by + recombine(of)
    }
    return 0
  }

  const sum = (base: number, of: Map<Expr, number>): Expr => {
    const parts: Expr[] = []
    let max = base
    for (const [atom, by] of [...of].sort((a, b) => a[0].id - b[0].id)) {
      if (by === 0) continue
      max += atom.max * by
      parts.push(by === 1 ? atom : call('imul', 'u32', [atom, index(by)], Math.min(unbounded, atom.max * by)))
    }
    if (base !== 0 || parts.length === 0) parts.push(index(base))
    return parts.length === 1 ? parts[0] : call('iadd', 'u32', parts, Math.min(unbounded, max))
  }

  const iadd = (a: Expr, b: Expr): Expr => {
    const [ta, tb] = [terms(a), terms(b)]
    const of = new Map(ta.of)
    for (const [atom, by] of tb.of) of.set(atom, (of.get(atom) ?? 0) + by)
    return sum(ta.base + tb.base + recombine(of), of)
  }
  const imul = (a: Expr, by: number): Expr => {
    if (by === 0) return index(0)
    const t = terms(a)
    return sum(t.base * by, new Map([...t.of].map(([atom, n]) => [atom, n * by])))
  }
  /** Splits x = c·q + r, with r < c when possible. */
  const split = (x: Expr, c: number): { q: Expr; r: Expr } => {
    const t = terms(x)
    const q = new Map<Expr, number>()
    const r = new Map<Expr, number>()
    for (const [atom, by] of t.of) {
      if (by % c === 0) q.set(atom, by / c)
      else r.set(atom, by)
    }
    return { q: sum(Math.floor(t.base / c), q), r: sum(t.base % c, r) }
  }
  /** The largest g > 1 that divides c and r = g·part + rest, rest < g. */
  const factor = (r: Expr, c: number): { g: number; part: Expr; rest: number } | null => {
    const t = terms(r)
    const g = [...t.of.values()].reduce(gcd, c)
    if (g === 1) return null
    const rest = t.base % g
    return { g, part: sum((t.base - rest) / g, new Map([...t.of].map(([atom, n]) => [atom, n / g]))), rest }
  }
  const idiv = (a: Expr, by: number): Expr => {
    if (by === 1) return a
    const { q, r } = split(a, by)
    if (r.max < by) return q
    // (g·x + rest) / (g·n) = x / n
    const f = factor(r, by)
    if (f) return iadd(q, idiv(f.part, by / f.g))
    // (x / m) / n = x / (m·n); (x % m) / n stays
    if (r.k === 'op' && r.f === 'idiv') return iadd(q, idiv(r.args[0], (r.args[1] as { value: number }).value * by))
    return iadd(q, call('idiv', 'u32', [r, index(by)], Math.floor(r.max / by)))
  }
  const imod = (a: Expr, by: number): Expr => {
    if (by === 1) return index(0)
    const { r } = split(a, by)
    if (r.max < by) return r
    // (g·x + rest) % (g·n) = g·(x % n) + rest
    const f = factor(r, by)
    if (f) return iadd(imul(imod(f.part, by / f.g), f.g), index(f.rest))
    // (x % m) % n = x % n when n divides m
    if (r.k === 'op' && r.f === 'imod' && (r.args[1] as { value: number }).value % by === 0) return imod(r.args[0], by)
    return call('imod', 'u32', [r, index(by)], Math.min(r.max, by - 1))
  }
  return { lit, variable, load, call, index, iadd, imul, idiv, imod, linear: terms }
}

/** Row-major address of `index` in `shape`. */
export function linearIndex(e: Exprs, index: readonly Expr[], shape: readonly number[]): Expr {
  let at = e.index(0)
  let stride = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1) at = e.iadd(at, e.imul(index[i], stride))
    stride *= shape[i]
  }
  return at
}

/** The index in `shape` of row-major position `at`. */
export function delinearize(e: Exprs, at: Expr, shape: readonly number[]): Expr[] {
  const out: Expr[] = []
  let rest = at
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] === 1) out.push(e.index(0))
    else if (i === 0 || shape.slice(0, i).every((d) => d === 1)) {
      out.push(rest)
      rest = e.index(0)
    } else {
      out.push(e.imod(rest, shape[i]))
      rest = e.idiv(rest, shape[i])
    }
  }
  return out.reverse()
}

/** The index in shape `to` of the element that has `index` in shape `from`: equal runs of dims stay apart. */
export function reshapeIndex(e: Exprs, index: readonly Expr[], from: readonly number[], to: readonly number[]): Expr[] {
  const out: Expr[] = []
  let i = 0
  let j = 0
  while (i < from.length || j < to.length) {
    const [i0, j0] = [i, j]
    let a = i < from.length ? from[i++] : 1
    let b = j < to.length ? to[j++] : 1
    while (a !== b) {
      if (a < b) a *= from[i++]
      else b *= to[j++]
    }
    const [run, target] = [from.slice(i0, i), to.slice(j0, j)]
    const at = linearIndex(e, index.slice(i0, i), run)
    out.push(...delinearize(e, at, target))
  }
  return out
}
