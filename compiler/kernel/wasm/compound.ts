import { type Expr, scalarType } from '../expr.js'
import { op, sleb, uleb } from './binary.js'
import type { Code } from './locals.js'
import { instruction, shift, vector } from './opcodes.js'
import { lane, literal, type Op, type Values } from './values.js'

/** Scalar functions that WebAssembly has no single instruction for. */

/** Integers' negation, complement, bounds, absolute value and sign. */
export function scalarOnly(v: Values, { f, args, t }: Op): Code {
  const [a, b] = args
  const zero = literal(t, 0)
  const does = (g: string): Code => instruction(g, t)!
  if (f === 'neg') return [zero, v.value(a), does('sub')]
  if (f === 'not') return [v.value(a), literal(t, -1), does('xor')]
  const x = v.once(a)
  if (f === 'min' || f === 'max') {
    const y = v.once(b)
    return [x.first, y.first, x.again, y.again, x.again, y.again, does(f === 'min' ? 'lt' : 'gt'), op.select]
  }
  if (f === 'abs') return [x.first, zero, x.again, does('sub'), x.again, x.again, zero, does('lt'), op.select]
  if (f === 'sign') return [x.first, x.again, zero, does('gt'), x.again, zero, does('lt'), does('sub')]
  throw new Error(`internal: no WebAssembly for scalar function '${f}' of ${a.t}`)
}

/**
 * Integers: quotient and remainder by zero are 0, and -2^31 / -1 wraps around. The machine's instruction stops at these, so
 * it is given 1 to divide by.
 */
export function division(v: Values, { f, args: [a, b], t }: Op): Code {
  const signed = t === 'i32'
  const [x, y] = [v.once(a), v.once(b)]
  const isZero: Code = [y.again, literal(t, 0), instruction('eq', t)!]
  const isMinusOne: Code = signed ? [y.again, literal(t, -1), instruction('eq', t)!] : literal('i32', 0)
  const bad: Code = [isZero, isMinusOne, instruction('or', 'i32')!]
  const divide = instruction(f, t)!
  const result = v.locals.take(t)
  const [put, get]: [Code, Code] = [
    [op.localSet, uleb(result)],
    [op.localGet, uleb(result)],
  ]
  const safe: Code = [x.first, y.first, x.again, literal(t, 1), y.again, bad, op.select, divide, put]
  const negated: Code = [literal(t, 0), x.again, instruction('sub', t)!]
  const minusOne: Code = f === 'rem' ? [literal(t, 0), get] : [negated, get]
  return [safe, signed ? [minusOne, isMinusOne, op.select, put] : [], literal(t, 0), get, isZero, op.select]
}

/** Amounts of 32 and more push every bit out, where the machine would take them modulo 32. */
export function shiftBy(v: Values, { f, args: [a, b], t }: Op): Code {
  const code = shift[`${f} ${t}`]
  // Copies of the sign come in.
  const signed = f === 'shiftRight' && scalarType(t) === 'i32'
  if (b.k === 'lit') {
    const amount = b.value >>> 0
    if (amount > 31 && !signed) return literal(t, 0)
    return [v.value(a), op.i32Const, sleb(Math.min(amount, 31)), code]
  }
  const x = v.value(a)
  const y = v.once(b)
  const small = (limit: number): Code => [y.again, op.i32Const, sleb(limit), instruction('lt', 'u32')!]
  if (signed) return [x, y.first, y.again, op.i32Const, sleb(31), small(31), op.select, code]
  return [x, y.first, y.again, code, literal(t, 0), small(32), op.select]
}

/** One by one, for what vectors have no instruction for. */
export function lanewise(v: Values, x: Op): Code {
  const parts = x.args.map((a) => ({ from: v.once(a), t: scalarType(a.t) }))
  const scalars = parts.map(({ t }, i): Expr => {
    const name = `lane of operand ${i} ${t}`
    v.locals.declare(name, t)
    return { k: 'var', t, id: -1, max: 0, name }
  })
  const one: Expr = { ...x, t: scalarType(x.t), args: scalars }
  const result = v.locals.take(x.t)
  const mask = x.t === 'boolx4'
  const lanes = [0, 1, 2, 3].map((i): Code => {
    const taken = parts.map(
      (p, n): Code => [p.from.again, lane(p.t, i), v.locals.set((scalars[n] as { name: string }).name)],
    )
    const minus: Code = mask ? literal('i32', 0) : []
    const negate: Code = mask ? instruction('sub', 'i32')! : []
    const value = v.value(one)
    if (i === 0) return [taken, minus, value, negate, vector.splat(x.t), op.localSet, uleb(result)]
    return [
      ...[taken, op.localGet, uleb(result), minus, value, negate],
      ...[vector.replace(x.t, i), op.localSet, uleb(result)],
    ]
  })
  return [parts.map((p) => p.from.first), lanes, op.localGet, uleb(result)]
}
