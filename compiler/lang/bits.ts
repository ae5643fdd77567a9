import * as prim from '../ops/prim.js'
import type { Integer } from '../types/operand.js'
import { INTEGER } from './operand.js'
import { type BinaryFn, binary, type Unary, unary } from './signatures.js'

/** Bits in both; i32 or u32, with broadcasting. */
export const bitwiseAnd: BinaryFn<'bitwiseAnd', Integer> = binary('bitwiseAnd', INTEGER, prim.and)
/** Bits in either. */
export const bitwiseOr: BinaryFn<'bitwiseOr', Integer> = binary('bitwiseOr', INTEGER, prim.or)
/** Bits in one of the two. */
export const bitwiseXor: BinaryFn<'bitwiseXor', Integer> = binary('bitwiseXor', INTEGER, prim.xor)
/** a · 2ᵇ modulo 2³²; 0 when b is 32 or more. */
export const leftShift: BinaryFn<'leftShift', Integer> = binary('leftShift', INTEGER, prim.shiftLeft)
/** Bits moved down: logical for u32, arithmetic for i32. */
export const rightShift: BinaryFn<'rightShift', Integer> = binary('rightShift', INTEGER, prim.shiftRight)
/**
 * Every bit turned around; i32 or u32.
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
export const popcount: Unary<'popcount', Integer> = unary('popcount', INTEGER, prim.popcount)
/**
 * How many bits are 0 above the highest 1, 32 of 0 (lax.clz); i32 or u32.
 *
 * @example
 * const n = clz(arange(4))
 */
export const clz: Unary<'clz', Integer> = unary('clz', INTEGER, prim.clz)
