import { type Expr, type Exprs, exprs, widthOf } from '../expr.js'
import { builtins, isMutable, type Kernel, type Scratch, type Stmt, scratchBase } from '../ir.js'
import { bindLets } from '../lets.js'
import { expandMath } from '../math/expand.js'
import { bytesOf, narrowOf, packed, unpacked } from './narrow.js'
import { rangeOf } from './range.js'

/** Variables that a kernel's function begins with: its parameters, and the address of each buffer. */
export const parameters = ['from', 'to', 'args', 'scratch'] as const
export const pointer = (buffer: number): string => `pointer${buffer}`

/**
 * A kernel as its function runs it: a loop over the items from `from` to `to`, with functions such as exp written out, and
 * addresses in bytes (of scratch too), each split so that what an inner loop doesn't change is computed outside it. An
 * address is `offset(pointer, constant)`, the constant being part of the instruction.
 */
export function prepare(kernel: Kernel): Stmt[] {
  const e = exprs()
  const depths = new Map<string, number>()
  const scratchAt = scratchOffsets(kernel.scratch)
  const memo = new Map<Expr, Expr>()
  const rebuild = (x: Expr): Expr => {
    const known = memo.get(x)
    if (known) return known
    let y: Expr
    if (x.k === 'lit') y = e.lit(x.t, x.value)
    else if (x.k === 'var') y = e.variable(x.name, x.t, x.max)
    else if (x.k === 'load') {
      const at = byteAddress(x.buffer, rebuild(x.at), widthOf(x.t))
      const narrow = narrowOf(kernel, x.buffer)
      y = narrow ? unpacked(e, narrow, x, at) : e.load(x.buffer, x.t, at)
    } else {
      y = e.call(x.f, x.t, x.args.map(rebuild), x.max)
      if (y.k === 'op') y = expandMath(e, y)
    }
    memo.set(x, y)
    return y
  }

  /** How many loops deep the innermost variable of an expression is. Shared parts are asked once. */
  const known = new Map<Expr, number>()
  const depthOf = (x: Expr): number => {
    if (x.k === 'lit') return 0
    if (x.k === 'var') return isMutable(x.name) ? Number.POSITIVE_INFINITY : (depths.get(x.name) ?? 0)
    if (x.k === 'load' && x.buffer >= scratchBase) return Number.POSITIVE_INFINITY
    let depth = known.get(x)
    if (depth === undefined) {
      depth = (x.k === 'load' ? [x.at] : x.args).reduce((d, a) => Math.max(d, depthOf(a)), 0)
      known.set(x, depth)
    }
    return depth
  }

  const byteAddress = (buffer: number, at: Expr, width: number): Expr => {
    const scratch = buffer >= scratchBase
    const base = e.variable(scratch ? 'scratch' : pointer(buffer), 'u32')
    const inside = scratch ? at : clamped(e, at, kernel.buffers[buffer].size, width)
    const terms = e.linear(inside)
    let constant = terms.base > 0x7fffffff ? terms.base - 2 ** 32 : terms.base
    const bytes = bytesOf(kernel, buffer)
    constant = constant * bytes + (scratch ? scratchAt[buffer - scratchBase] : 0)
    const parts = [...terms.of].map(([atom, by]) => ({ x: times(e, atom, by * bytes), depth: depthOf(atom) }))
    // The instruction's constant is added without wrapping around: the rest must not be negative.
    const plain = constant >= 0 && constant < 0x7fffffff && [...terms.of.keys()].every((a) => rangeOf(a).low >= 0)
    if (!plain) parts.push({ x: e.index(constant >>> 0), depth: 0 })
    let sum: Expr = base
    for (const { x } of parts.sort((a, b) => a.depth - b.depth)) sum = e.call('iadd', 'u32', [sum, x])
    return e.call('offset', 'u32', [sum, e.index(plain ? constant : 0)])
  }

  const block = (stmts: readonly Stmt[], depth: number): Stmt[] => stmts.map((s) => stmt(s, depth))
  const stmt = (s: Stmt, depth: number): Stmt => {
    switch (s.k) {
      case 'let': {
        depths.set(s.name, depth)
        return { ...s, value: rebuild(s.value) }
      }
      case 'mutable':
      case 'set':
        return { ...s, value: rebuild(s.value) }
      case 'store': {
        const value = rebuild(s.value)
        const narrow = narrowOf(kernel, s.buffer)
        const at = byteAddress(s.buffer, rebuild(s.at), widthOf(s.value.t))
        return { ...s, at, value: narrow ? packed(e, narrow, value) : value }
      }
      case 'loop': {
        depths.set(s.index, depth + 1)
        return {
          ...s,
          from: s.from && rebuild(s.from),
          count: typeof s.count === 'number' ? s.count : rebuild(s.count),
          body: block(s.body, depth + 1),
        }
      }
      case 'if':
      case 'while':
        return { ...s, cond: rebuild(s.cond), body: block(s.body, depth + (s.k === 'while' ? 1 : 0)) }
      case 'exit':
        return { ...s, cond: rebuild(s.cond) }
      case 'barrier':
        throw new Error(`internal: kernel '${kernel.name}' has a barrier, and a CPU's kernels have one lane`)
    }
  }
  const items: Stmt = {
    k: 'loop',
    index: 'group_x',
    from: e.variable('from', 'u32'),
    count: e.variable('to', 'u32'),
    body: kernel.body,
  }
  const given = [...parameters, ...kernel.buffers.map((_, i) => pointer(i)), ...builtins.filter((n) => n !== 'group_x')]
  return bindLets([stmt(items, 0)], given)
}

const times = (e: Exprs, x: Expr, by: number): Expr => {
  const power = Math.log2(by)
  if (by === 1) return x
  if (Number.isInteger(power)) return e.call('shiftLeft', 'u32', [x, e.lit('u32', power)])
  return e.call('imul', 'u32', [x, e.index(by >>> 0)])
}

/**
 * Reads that a `select` doesn't take may be anywhere; they are kept in or just beside the array, where there is memory.
 * (A vector of which some elements are taken begins at most three elements outside.)
 */
function clamped(e: Exprs, at: Expr, size: number, width: number): Expr {
  const { low, high } = rangeOf(at)
  if (low >= -3 && high <= size + 4 - width) return at
  const signed = e.call('cast', 'i32', [at])
  const below = e.call('min', 'i32', [signed, e.lit('i32', size)])
  return e.call('cast', 'u32', [e.call('max', 'i32', [below, e.lit('i32', -4)])])
}

/** Where each scratch array begins, in bytes. */
function scratchOffsets(scratch: readonly Scratch[]): number[] {
  let at = 0
  return scratch.map((s) => {
    const mine = at
    at += scratchSize(s)
    return mine
  })
}
/** A whole number of cache lines, with room behind the last element for a vector's end. */
const scratchSize = (s: Scratch): number => Math.ceil((s.size * widthOf(s.t) * 4 + 16) / 64) * 64
export const scratchBytes = (scratch: readonly Scratch[]): number => scratch.reduce((sum, s) => sum + scratchSize(s), 0)
