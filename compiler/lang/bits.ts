import * as prim from '../ops/prim.js'
import type { Integer, Word } from '../types/operand.js'
import { INTEGER, WORD } from './operand.js'
import { type BinaryFn, binary, type Unary, unary } from './signatures.js'

/** Bits in both; integers, with broadcasting. */
export const bitwiseAnd: BinaryFn<'bitwiseAnd', Integer> = binary('bitwiseAnd', INTEGER, prim.and)
/** Bits in either. */
export const bitwiseOr: BinaryFn<'bitwiseOr', Integer> = binary('bitwiseOr', INTEGER, prim.or)
/** Bits in one of the two. */
export const bitwiseXor: BinaryFn<'bitwiseXor', Integer> = binary('bitwiseXor', INTEGER, prim.xor)
/** a · 2ᵇ, wrapped; 0 when b is the dtype's number of bits or more. */
export const leftShift: BinaryFn<'leftShift', Integer> = binary('leftShift', INTEGER, prim.shiftLeft)
/** Bits moved down: logical for u32 and u8, arithmetic for i32 and i8. */
export const rightShift: BinaryFn<'rightShift', Integer> = binary('rightShift', INTEGER, prim.shiftRight)
/**
 * Every bit turned around; integers.
 *
 * @example
 * const y = bitwiseNot(arange(4))
 */
export const bitwiseNot: Unary<'bitwiseNot', Integer> = unary('bitwiseNot', INTEGER, prim.not)
/**
 * How many bits are 1 (lax.population_count); i32 or u32.
 *
 * @example
 * const n = popcount(arange(4))
 */
export const popcount: Unary<'popcount', Word> = unary('popcount', WORD, prim.popcount)
/**
 * How many bits are 0 above the highest 1, 32 of 0 (lax.clz); i32 or u32.
 *
 * @example
 * const n = clz(arange(4))
 */
export const clz: Unary<'clz', Word> = unary('clz', WORD, prim.clz)
