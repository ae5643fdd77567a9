import { asDtype, integerRange, isInteger, isNarrow, type Narrow, wideOf } from '../ir/dtype.js'
import type { Aval, DType } from '../ir/types.js'
import type { WideAval } from '../ops/op.js'
import type { Combine } from './combine.js'
import type { Expr, Exprs } from './expr.js'

/**
 * Dtypes narrower than 32 bits exist in memory only. A kernel computes in `wideOf` them: printers widen what is read and narrow what
 * is stored, and after each operation the value is made one that the dtype has, by the functions named here.
 */

const fitting: Readonly<Record<Narrow, string>> = { f16: 'roundF16', bf16: 'roundBf16', i8: 'wrapI8', u8: 'wrapU8' }

/** The type of a value as a kernel has it in a register. */
export const widened = (a: Aval): WideAval => (isNarrow(a.dtype) ? { ...a, dtype: wideOf[a.dtype] } : (a as WideAval))

/** A value made one that the dtype has: rounded or wrapped. */
export const narrowed = (e: Exprs, dtype: DType, x: Expr): Expr =>
  isNarrow(dtype) ? e.call(fitting[dtype], x.t, [x]) : x

/** The same for what a reduction has combined: of nothing, the largest or smallest is that of the wide dtype. */
export function narrowedTotal(e: Exprs, how: Combine, dtype: DType, x: Expr): Expr {
  if (!isNarrow(dtype) || how === 'add' || how === 'mul') return narrowed(e, dtype, x)
  if (!isInteger(dtype)) return x
  const [low, high] = integerRange[dtype]
  return e.call(how, x.t, [x, e.lit(x.t, how === 'max' ? low : high)])
}

/** Functions whose results are among their operands, or as exact in any float. */
const choices = ['select', 'max', 'min', 'stopGradient']
const exact: Readonly<Record<'f32' | 'i32' | 'u32', ReadonlySet<string>>> = {
  f32: new Set([...choices, 'neg', 'abs', 'sign', 'floor', 'ceil', 'trunc', 'round', 'rem']),
  i32: new Set([...choices, 'sign', 'and', 'or', 'xor', 'not', 'rem', 'shiftRight']),
  u32: new Set([...choices, 'and', 'or', 'xor', 'div', 'rem', 'shiftRight']),
}

/** The same, for an expression of `operands` that the dtype has: only what may be something else is made to fit. */
export function fitted(e: Exprs, dtype: Narrow, x: Expr, operands: ReadonlySet<Expr>): Expr {
  const known = exact[wideOf[dtype]]
  const fits = (y: Expr): boolean => {
    if (operands.has(y)) return true
    if (y.k === 'lit') return asDtype(y.value, dtype) === y.value || Number.isNaN(y.value)
    if (y.k !== 'op' || !known.has(y.f)) return false
    return (y.f === 'select' ? y.args.slice(1) : y.args).every(fits)
  }
  return fits(x) ? x : narrowed(e, dtype, x)
}

/** How a narrow dtype's bits lie in words of 32, and what they are as a value. */
export const inWords: Readonly<Record<Narrow, { readonly bits: 8 | 16; readonly each: 2 | 4 }>> = {
  f16: { bits: 16, each: 2 },
  bf16: { bits: 16, each: 2 },
  i8: { bits: 8, each: 4 },
  u8: { bits: 8, each: 4 },
}
