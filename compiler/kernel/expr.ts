import type { Wide } from '../ir/dtype.js'

/**
 * Scalar code of kernels: an interned expression graph, neutral of the target. Equal expressions are one object, so sharing
 * is visible (`let`s are made from it) and index maps compare by identity.
 */
export type ExprType = Wide | `${Wide}x4`
export const scalarType = (t: ExprType): Wide => t.replace('x4', '') as Wide
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

type Terms = { readonly base: number; readonly of: ReadonlyMap<Expr, number> }
const unbounded = 0xffffffff
const none: ReadonlyMap<Expr, number> = new Map()
const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** `f` of two arguments, worked out once for each pair. */
function remembered<B>(f: (a: Expr, b: B) => Expr): (a: Expr, b: B) => Expr {
  const known = new Map<Expr, Map<B, Expr>>()
  return (a, b) => {
    let ofA = known.get(a)
    if (!ofA) {
      ofA = new Map()
      known.set(a, ofA)
    }
    let x = ofA.get(b)
    if (!x) {
      x = f(a, b)
      ofA.set(b, x)
    }
    return x
  }
}

/** Operations by what they are made of: a hash table with open addressing, since this is where compiling spends its time. */
function opTable() {
  type Op = Expr & { k: 'op' }
  let slots = new Array<Op | undefined>(64)
  let count = 0
  const codes = new Map<string, number>()
  /** Where an operation is, or the free slot where it would be. Bounds are told apart: they may hold only where a branch is taken. */
  const find = (f: string, t: ExprType, args: readonly Expr[], max: number): number => {
    let hash = codes.get(f)
    if (hash === undefined) {
      hash = codes.size
      codes.set(f, hash)
    }
    for (const a of args) hash = (Math.imul(hash, 0x9e3779b1) + a.id) | 0
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    const mask = slots.length - 1
    for (let at = (hash ^ (hash >>> 13)) & mask; ; at = (at + 1) & mask) {
      const x = slots[at]
      if (!x || (x.f === f && x.t === t && x.max === max && sameIndex(x.args, args))) return at
    }
  }
  return {
    get: (f: string, t: ExprType, args: readonly Expr[], max: number): Op | undefined => slots[find(f, t, args, max)],
    add: (x: Op): void => {
      if (++count * 2 > slots.length) {
        const old = slots
        slots = new Array(old.length * 4)
        for (const y of old) if (y) slots[find(y.f, y.t, y.args, y.max)] = y
      }
      slots[find(x.f, x.t, x.args, x.max)] = x
    },
  }
}

export const sameIndex = (a: readonly Expr[], b: readonly Expr[]): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export function exprs(): Exprs {
  let nextId = 0
  const literals = new Map<ExprType, Map<number | '-0', Expr>>()
  const variables = new Map<string, Expr>()
  const loads = new Map<ExprType, Map<Expr, Expr>[]>()
  const ops = opTable()

  const lit = (t: ExprType, value: number): Expr => {
    let ofType = literals.get(t)
    if (!ofType) {
      ofType = new Map()
      literals.set(t, ofType)
    }
    const key = Object.is(value, -0) ? '-0' : value
    let x = ofType.get(key)
    if (!x) {
      x = { k: 'lit', t, id: nextId++, max: t === 'u32' ? value : unbounded, value }
      ofType.set(key, x)
    }
    return x
  }
  const variable = (name: string, t: ExprType, max = unbounded): Expr => {
    let x = variables.get(name)
    if (!x) {
      x = { k: 'var', t, id: nextId++, max, name }
      variables.set(name, x)
    }
    return x
  }
  const load = (buffer: number, t: ExprType, at: Expr): Expr => {
    let ofType = loads.get(t)
    if (!ofType) {
      ofType = []
      loads.set(t, ofType)
    }
    ofType[buffer] ??= new Map()
    let x = ofType[buffer].get(at)
    if (!x) {
      x = { k: 'load', t, id: nextId++, max: unbounded, buffer, at }
      ofType[buffer].set(at, x)
    }
    return x
  }
  const call = (f: string, t: ExprType, args: readonly Expr[], max = unbounded): Expr => {
    if (f === 'select' && args[1] === args[2]) return args[1]
    if (f === 'select' && args[0].k === 'lit') return args[0].value ? args[1] : args[2]
    const known = ops.get(f, t, args, max)
    if (known) return known
    const x: Expr & { k: 'op' } = { k: 'op', t, id: nextId++, max, f, args }
    ops.add(x)
    return x
  }
  const index = (value: number): Expr => lit('u32', value)

  const sums = new Map<Expr, Terms>()
  const terms = (x: Expr): Terms => {
    if (x.k === 'lit') return { base: x.value, of: none }
    if (x.k === 'op' && x.f === 'iadd') {
      const known = sums.get(x)
      if (known) return known
      const of = new Map<Expr, number>()
      let base = 0
      for (const a of x.args) {
        const t = terms(a)
        base += t.base
        for (const [atom, by] of t.of) of.set(atom, (of.get(atom) ?? 0) + by)
      }
      sums.set(x, { base, of })
      return { base, of }
    }
    if (x.k === 'op' && x.f === 'imul')
      return { base: 0, of: new Map([[x.args[0], (x.args[1] as { value: number }).value]]) }
    return { base: 0, of: new Map([[x, 1]]) }
  }

  // k·c·(x / c) + k·(x % c) = k·x. Returns the constant that x brings.
  const recombine = (of: Map<Expr, number>): number => {
    for (const [atom, by] of of) {
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

  const sum = (base: number, of: ReadonlyMap<Expr, number>): Expr => {
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

  const iadd = remembered((a: Expr, b: Expr): Expr => {
    const [ta, tb] = [terms(a), terms(b)]
    const of = new Map(ta.of)
    for (const [atom, by] of tb.of) of.set(atom, (of.get(atom) ?? 0) + by)
    return sum(ta.base + tb.base + recombine(of), of)
  })
  const imul = remembered((a: Expr, by: number): Expr => {
    if (by === 0) return index(0)
    const t = terms(a)
    return sum(t.base * by, new Map([...t.of].map(([atom, n]) => [atom, n * by])))
  })
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
  const idiv: (a: Expr, by: number) => Expr = remembered((a, by) => {
    if (by === 1) return a
    // An axis without elements: no index is ever divided by it.
    if (by === 0) return index(0)
    const { q, r } = split(a, by)
    if (r.max < by) return q
    // (g·x + rest) / (g·n) = x / n
    const f = factor(r, by)
    if (f) return iadd(q, idiv(f.part, by / f.g))
    // (x / m) / n = x / (m·n); (x % m) / n stays
    if (r.k === 'op' && r.f === 'idiv') return iadd(q, idiv(r.args[0], (r.args[1] as { value: number }).value * by))
    return iadd(q, call('idiv', 'u32', [r, index(by)], Math.floor(r.max / by)))
  })
  const imod: (a: Expr, by: number) => Expr = remembered((a, by) => {
    if (by <= 1) return index(0)
    const { r } = split(a, by)
    if (r.max < by) return r
    // (g·x + rest) % (g·n) = g·(x % n) + rest
    const f = factor(r, by)
    if (f) return iadd(imul(imod(f.part, by / f.g), f.g), index(f.rest))
    // (x % m) % n = x % n when n divides m
    if (r.k === 'op' && r.f === 'imod' && (r.args[1] as { value: number }).value % by === 0) return imod(r.args[0], by)
    return call('imod', 'u32', [r, index(by)], Math.min(r.max, by - 1))
  })
  return { lit, variable, load, call, index, iadd, imul, idiv, imod, linear: terms }
}

/** Address of `index` in a window that begins at `offset`. */
export const stridedIndex = (e: Exprs, index: readonly Expr[], strides: readonly number[], offset = 0): Expr =>
  index.reduce((at, x, d) => e.iadd(at, e.imul(x, strides[d])), e.index(offset))

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
  // Nothing is there to be read.
  if (from.includes(0)) return to.map(() => e.index(0))
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
