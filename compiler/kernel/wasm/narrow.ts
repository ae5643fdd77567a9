import { elementBytes, isNarrow, type Narrow } from '../../ir/dtype.js'
import { type Expr, type Exprs, widthOf } from '../expr.js'
import { type Kernel, scratchBase } from '../ir.js'
import { expandMath } from '../math/expand.js'
import { memarg, op, uleb } from './binary.js'
import type { Code } from './locals.js'

/** Narrow dtypes in memory: elements of one or two bytes, loaded as integers and stored as their lowest bits. */

/** The narrow dtype of a buffer's elements; undefined: they take four bytes. */
export const narrowOf = (kernel: Kernel, buffer: number): Narrow | undefined => {
  if (buffer >= scratchBase) return undefined
  const { dtype } = kernel.buffers[buffer]
  return isNarrow(dtype) ? dtype : undefined
}
export const bytesOf = (kernel: Kernel, buffer: number): number =>
  buffer >= scratchBase ? 4 : elementBytes[kernel.buffers[buffer].dtype]

/** Functions from the integer in memory to the value, and back. Integers are values as they are. */
const functions: Readonly<Record<'f16' | 'bf16', { unpack: string; pack: string }>> = {
  f16: { unpack: 'unpackF16', pack: 'packF16' },
  bf16: { unpack: 'unpackBf16', pack: 'packBf16' },
}
const called = (e: Exprs, f: string, to: 'i32' | 'f32', x: Expr): Expr => {
  const y = e.call(f, widthOf(x.t) === 4 ? `${to}x4` : to, [x])
  return y.k === 'op' ? expandMath(e, y) : y
}

/** A load of a value from a narrow buffer, at a byte address. */
export function unpacked(e: Exprs, dtype: Narrow, x: Expr & { k: 'load' }, at: Expr): Expr {
  if (dtype === 'i8' || dtype === 'u8') return e.load(x.buffer, x.t, at)
  const raw = e.load(x.buffer, widthOf(x.t) === 4 ? 'i32x4' : 'i32', at)
  return called(e, functions[dtype].unpack, 'f32', raw)
}
/** What is stored of a value. */
export const packed = (e: Exprs, dtype: Narrow, value: Expr): Expr =>
  dtype === 'i8' || dtype === 'u8' ? value : called(e, functions[dtype].pack, 'i32', value)

const simd = (n: number): number[] => [0xfd, ...uleb(n)]
/** i16x8.extend_low_i8x16 and i32x4.extend_low_i16x8, signed and not. */
const extend = { i8: [simd(0x87), simd(0xa7)], u8: [simd(0x89), simd(0xa9)] }

/** Loads the integers. `sum` pushes the address. */
export function loadCode(dtype: Narrow, width: 1 | 4, sum: Code, offset: number): Code {
  const at = memarg(0, offset)
  if (dtype === 'i8' || dtype === 'u8') {
    if (width === 4) return [sum, op.v128Load32Zero, at, extend[dtype]]
    return [sum, dtype === 'i8' ? op.i32Load8S : op.i32Load8U, at]
  }
  return [sum, width === 4 ? op.v128Load16x4U : op.i32Load16U, at]
}

/** Stores the lowest bits of integers that `what` pushes. */
export function storeCode(dtype: Narrow, width: 1 | 4, sum: Code, what: Code, offset: number): Code {
  const at = memarg(0, offset)
  const bytes = elementBytes[dtype]
  if (width === 1) return [sum, what, bytes === 1 ? op.i32Store8 : op.i32Store16, at]
  // The lowest bytes of the four lanes, side by side.
  const taken = [0, 1, 2, 3].flatMap((lane) => Array.from({ length: bytes }, (_, i) => 4 * lane + i))
  const rest = Array.from({ length: 16 - taken.length }, () => 0)
  const shuffled: Code = [what, what, op.i8x16Shuffle, [...taken, ...rest]]
  return [sum, shuffled, bytes === 1 ? op.v128Store32Lane : op.v128Store64Lane, at, 0]
}
