import { type Expr, type ExprType, scalarType, widthOf } from '../expr.js'
import { type Kernel, type Stmt, scratchBase } from '../ir.js'
import { memarg, op, sleb, uleb } from './binary.js'
import { division, lanewise, scalarOnly, shiftBy } from './compound.js'
import type { Code, Locals } from './locals.js'
import { loadCode, narrowOf, storeCode } from './narrow.js'
import { conversion, instruction, shift, vector } from './opcodes.js'

/** An operation of the kernel IR. */
export type Op = Expr & { readonly k: 'op' }

/** Code that pushes the values of a kernel's expressions. */
export interface Values {
  readonly locals: Locals
  value(x: Expr): Code
  /** Evaluates `x` once: code that does, and code that pushes the value whenever it is wanted. */
  once(x: Expr): { readonly first: Code; readonly again: Code }
  store(s: Stmt & { k: 'store' }): Code
}

export function createValues(kernel: Kernel, locals: Locals, relaxed: boolean): Values {
  const value = (x: Expr): Code => {
    if (!locals.shared.has(x)) return fresh(x)
    const at = locals.shared.get(x)
    if (at !== undefined) return [op.localGet, uleb(at)]
    const code = fresh(x)
    const mine = locals.take(x.t)
    locals.shared.set(x, mine)
    return [code, op.localTee, uleb(mine)]
  }
  const once = (x: Expr): { first: Code; again: Code } => {
    if (x.k === 'lit' || x.k === 'var') return { first: [], again: value(x) }
    const code = value(x)
    const at = locals.take(x.t)
    return { first: [code, op.localSet, uleb(at)], again: [op.localGet, uleb(at)] }
  }
  const fresh = (x: Expr): Code => {
    switch (x.k) {
      case 'lit':
        return literal(x.t, x.value)
      case 'var':
        return locals.get(x.name)
      case 'load':
        return load(x)
      case 'op':
        return operation(x)
    }
  }
  const isBool = (buffer: number): boolean =>
    buffer >= scratchBase
      ? scalarType(kernel.scratch[buffer - scratchBase].t) === 'bool'
      : kernel.buffers[buffer].dtype === 'bool'
  /** An address is `offset(sum, constant)`: the sum is pushed, the constant is the instruction's. */
  const address = (x: Expr): { sum: Code; at: Code; offset: number } => {
    const [sum, constant] = (x as Op).args
    const offset = (constant as Expr & { k: 'lit' }).value
    return { sum: value(sum), at: memarg(2, offset), offset }
  }
  const load = (x: Expr & { k: 'load' }): Code => {
    const { sum, at, offset } = address(x.at)
    const narrow = narrowOf(kernel, x.buffer)
    if (narrow) return loadCode(narrow, widthOf(x.t), sum, offset)
    if (widthOf(x.t) === 1) return [sum, x.t === 'f32' ? op.f32Load : op.i32Load, at]
    return [sum, op.v128Load, at, isBool(x.buffer) ? [literal('i32x4', 0), instruction('ne', 'i32x4')!] : []]
  }
  const store = (s: Stmt & { k: 'store' }): Code => {
    const { t } = s.value
    const { sum, at, offset } = address(s.at)
    const narrow = narrowOf(kernel, s.buffer)
    if (narrow && widthOf(t) === 4) {
      const whole = once(s.value)
      return [whole.first, storeCode(narrow, 4, sum, whole.again, offset)]
    }
    const what = value(s.value)
    if (narrow) return storeCode(narrow, 1, sum, what, offset)
    if (widthOf(t) === 1) return [sum, what, t === 'f32' ? op.f32Store : op.i32Store, at]
    const bits = isBool(s.buffer) ? [literal('i32x4', 1), instruction('and', 'i32x4')!] : []
    return [sum, what, bits, op.v128Store, at]
  }

  const operation = (x: Op): Code => {
    const { f, args, t } = x
    const [a, b, c] = args
    switch (f) {
      case 'stopGradient':
        return value(a)
      case 'iadd':
        return [value(a), args.slice(1).map((y) => [value(y), instruction('iadd', 'u32')!])]
      case 'idiv':
      case 'imod':
        return indexDivision(value(a), f, (b as Expr & { k: 'lit' }).value)
      case 'cast':
        return cast(a, t)
      case 'select':
        return choose(x)
      case 'fma':
        if (relaxed && t === 'f32x4') return [value(a), value(b), value(c), vector.relaxedMadd]
        return [value(a), value(b), instruction('mul', t)!, value(c), instruction('add', t)!]
      case 'splat':
        return splat(a, t)
      case 'vec4':
        return together(args, t)
      case 'lane0':
      case 'lane1':
      case 'lane2':
      case 'lane3':
        return [value(a), lane(t, Number(f[4]))]
      case 'shiftLeft':
      case 'shiftRight':
        return widthOf(t) === 1 || b.k === 'lit' ? shiftBy(self, x) : lanewise(self, x)
      case 'div':
      case 'rem':
        if (t === 'i32' || t === 'u32') return division(self, x)
        break
      default:
        if (f.startsWith('shuffle')) return [value(a), value(b), op.i8x16Shuffle, shuffleBytes(f.slice(7))]
    }
    const found = instruction(f, a.t)
    if (found) return [args.map(value), found]
    return widthOf(t) === 4 ? lanewise(self, x) : scalarOnly(self, x)
  }

  const cast = (a: Expr, to: ExprType): Code => {
    const from = a.t
    if (from === to) return value(a)
    if (scalarType(to) === 'bool') return [value(a), literal(from, 0), instruction('ne', from)!]
    if (scalarType(from) !== 'bool') return [value(a), conversion[`${from}>${to}`]]
    // A mask is 0 or -1.
    return [
      value(a),
      widthOf(from) === 4 ? instruction('neg', 'i32x4')! : [],
      conversion[`${from.replace('bool', 'u32')}>${to}`] ?? [],
    ]
  }
  const choose = (x: Op): Code => {
    const {
      args: [c, a, b],
      t,
    } = x
    const bound = t === 'f32x4' ? boundOf(x) : undefined
    if (bound) return [value(bound.of), value(bound.by), bound.code]
    const parts = [value(a), value(b), value(c)]
    if (widthOf(c.t) === 1) return [parts, op.select]
    return [parts, relaxed && widthOf(t) === 4 ? vector.relaxedLaneSelect : vector.bitselect]
  }
  const splat = (a: Expr, t: ExprType): Code => {
    if (t === 'boolx4') return [literal('i32', 0), value(a), instruction('sub', 'i32')!, vector.splat(t)]
    if (a.k !== 'load' || narrowOf(kernel, a.buffer) || locals.shared.has(a)) return [value(a), vector.splat(t)]
    const { sum, at } = address(a.at)
    return [sum, op.v128Load32Splat, at]
  }
  const together = ([first, ...rest]: readonly Expr[], t: ExprType): Code => [
    [value(first), vector.splat(t)],
    rest.map((x, i) => [value(x), vector.replace(t, i + 1)]),
    t === 'boolx4' ? instruction('neg', 'i32x4')! : [],
  ]
  const self: Values = { locals, value, once, store }
  return self
}

/** `select(q < p, q, p)` is one instruction, the lesser of p and q that gives p where either is NaN; so is the greater. */
function boundOf({ args: [c, q, p] }: Op): { of: Expr; by: Expr; code: Code } | undefined {
  if (c.k !== 'op' || c.f !== 'lt' || c.t !== 'boolx4') return undefined
  const [a, b] = c.args
  if (isSame(a, q) && isSame(b, p)) return { of: p, by: q, code: vector.pmin }
  if (isSame(a, p) && isSame(b, q)) return { of: p, by: q, code: vector.pmax }
  return undefined
}
/** Variables of one name are one, though not one object. */
const isSame = (a: Expr, b: Expr): boolean =>
  a === b ||
  (a.k === 'var' && b.k === 'var' && a.name === b.name) ||
  (a.k === 'lit' && b.k === 'lit' && a.t === b.t && Object.is(a.value, b.value))

/** Takes lane `i` of a vector of `t`s. */
export const lane = (t: ExprType, i: number): Code => [
  vector.extract(t, i),
  t === 'bool' ? [op.i32Const, sleb(1), instruction('and', 'i32')!] : [],
]

function indexDivision(a: Code, f: 'idiv' | 'imod', by: number): Code {
  const power = Math.log2(by)
  if (!Number.isInteger(power)) return [a, op.i32Const, sleb(by), instruction(f, 'u32')!]
  return f === 'idiv'
    ? [a, op.i32Const, sleb(power), shift['shiftRight u32']]
    : [a, op.i32Const, sleb(by - 1), instruction('and', 'u32')!]
}

/** Bytes of the lanes that digits name: 0 to 3 of the first vector, 4 to 7 of the second. */
const shuffleBytes = (lanes: string): number[] => [...lanes].flatMap((d) => [0, 1, 2, 3].map((i) => Number(d) * 4 + i))

export function literal(t: ExprType, value: number): Code {
  if (t === 'f32') return [op.f32Const, floatBytes(value)]
  if (widthOf(t) === 1) return [op.i32Const, sleb(value)]
  const bytes = t === 'f32x4' ? floatBytes(value) : intBytes(t === 'boolx4' ? -Number(value !== 0) : value)
  return [op.v128Const, bytes, bytes, bytes, bytes]
}
const four = new DataView(new ArrayBuffer(4))
const bytesOfFour = (): number[] => [0, 1, 2, 3].map((i) => four.getUint8(i))
function floatBytes(value: number): number[] {
  four.setFloat32(0, value, true)
  return bytesOfFour()
}
function intBytes(value: number): number[] {
  four.setInt32(0, value | 0, true)
  return bytesOfFour()
}
