import type { Expr } from '../expr.js'

/** The numbers an index expression may be, read as signed: a difference below zero wraps around as u32. */
export interface Range {
  readonly low: number
  readonly high: number
}
const unknown: Range = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }
const known = new WeakMap<Expr, Range>()

/** Bounds of an index by interval arithmetic. */
export function rangeOf(x: Expr): Range {
  let range = known.get(x)
  if (!range) {
    range = compute(x)
    known.set(x, range)
  }
  return range
}

function compute(x: Expr): Range {
  if (x.k === 'lit') {
    const value = x.t === 'u32' && x.value > 0x7fffffff ? x.value - 2 ** 32 : x.value
    return { low: value, high: value }
  }
  if (x.k === 'var') return x.max < 0x7fffffff ? { low: 0, high: x.max } : unknown
  if (x.k === 'load') return unknown
  const args = x.args.map(rangeOf)
  const [a, b] = args
  switch (x.f) {
    case 'iadd':
      return { low: args.reduce((s, r) => s + r.low, 0), high: args.reduce((s, r) => s + r.high, 0) }
    case 'sub':
      return { low: a.low - b.high, high: a.high - b.low }
    case 'imul':
      return { low: a.low * b.low, high: a.high * b.low }
    // Negative numbers are large here.
    case 'idiv':
      return a.low < 0 ? unknown : { low: Math.floor(a.low / b.low), high: Math.floor(a.high / b.low) }
    case 'imod':
      return { low: 0, high: a.low < 0 ? b.low - 1 : Math.min(a.high, b.low - 1) }
    case 'min':
      if (x.t === 'u32' && (a.low < 0 || b.low < 0)) return b.low >= 0 ? { low: 0, high: b.high } : unknown
      return { low: Math.min(a.low, b.low), high: Math.min(a.high, b.high) }
    case 'max':
      if (x.t === 'u32' && (a.low < 0 || b.low < 0)) return unknown
      return { low: Math.max(a.low, b.low), high: Math.max(a.high, b.high) }
    case 'select':
      return { low: Math.min(args[1].low, args[2].low), high: Math.max(args[1].high, args[2].high) }
    // Between i32 and u32 the bits stay.
    case 'cast':
      return x.args[0].t === 'i32' || x.args[0].t === 'u32' ? a : unknown
    default:
      return unknown
  }
}
