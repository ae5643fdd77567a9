import * as prim from '../ops/prim.js'
import type { Integer } from '../types/operand.js'
import { INTEGER } from './operand.js'
import { type BinaryFn, binary } from './signatures.js'

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
