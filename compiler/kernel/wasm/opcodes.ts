import { type ExprType, scalarType, widthOf } from '../expr.js'
import { uleb, type ValType } from './binary.js'

/** Instructions of the kernel IR's scalar functions. Source: https://webassembly.github.io/spec/core/binary/instructions.html */

export const valType = (t: ExprType): ValType => (widthOf(t) === 4 ? 'v128' : t === 'f32' ? 'f32' : 'i32')
const simd = (n: number): number[] => [0xfd, ...uleb(n)]

/** The same for i32 and u32. */
const integer = {
  add: [0x6a],
  sub: [0x6b],
  mul: [0x6c],
  and: [0x71],
  or: [0x72],
  xor: [0x73],
  eq: [0x46],
  ne: [0x47],
  clz: [0x67],
  popcount: [0x69],
}
const integers = {
  add: simd(0xae),
  sub: simd(0xb1),
  mul: simd(0xb5),
  not: simd(0x4d),
  and: simd(0x4e),
  or: simd(0x50),
  xor: simd(0x51),
  eq: simd(0x37),
  ne: simd(0x38),
}

/** By the type of the operands: f32, i32 and u32, alone and in fours. Comparisons are here too. */
const table: Record<string, Record<string, readonly number[]>> = {
  f32: {
    add: [0x92],
    sub: [0x93],
    mul: [0x94],
    div: [0x95],
    neg: [0x8c],
    abs: [0x8b],
    min: [0x96],
    max: [0x97],
    sqrt: [0x91],
    ceil: [0x8d],
    floor: [0x8e],
    trunc: [0x8f],
    round: [0x90],
    eq: [0x5b],
    ne: [0x5c],
    lt: [0x5d],
    gt: [0x5e],
    le: [0x5f],
    ge: [0x60],
    bits: [0xbc],
  },
  i32: { ...integer, div: [0x6d], rem: [0x6f], lt: [0x48], gt: [0x4a], le: [0x4c], ge: [0x4e], float: [0xbe] },
  u32: {
    ...integer,
    iadd: [0x6a],
    imul: [0x6c],
    idiv: [0x6e],
    imod: [0x70],
    div: [0x6e],
    rem: [0x70],
    lt: [0x49],
    gt: [0x4b],
    le: [0x4d],
    ge: [0x4f],
  },
  bool: { and: [0x71], or: [0x72], xor: [0x73], eq: [0x46], ne: [0x47], not: [0x45] },
  f32x4: {
    add: simd(0xe4),
    sub: simd(0xe5),
    mul: simd(0xe6),
    div: simd(0xe7),
    neg: simd(0xe1),
    abs: simd(0xe0),
    min: simd(0xe8),
    max: simd(0xe9),
    sqrt: simd(0xe3),
    ceil: simd(0x67),
    floor: simd(0x68),
    trunc: simd(0x69),
    round: simd(0x6a),
    eq: simd(0x41),
    ne: simd(0x42),
    lt: simd(0x43),
    gt: simd(0x44),
    le: simd(0x45),
    ge: simd(0x46),
    bits: [],
  },
  i32x4: {
    ...integers,
    neg: simd(0xa1),
    abs: simd(0xa0),
    min: simd(0xb6),
    max: simd(0xb8),
    lt: simd(0x39),
    gt: simd(0x3b),
    le: simd(0x3d),
    ge: simd(0x3f),
    float: [],
  },
  u32x4: {
    ...integers,
    min: simd(0xb7),
    max: simd(0xb9),
    lt: simd(0x3a),
    gt: simd(0x3c),
    le: simd(0x3e),
    ge: simd(0x40),
  },
  boolx4: {
    not: simd(0x4d),
    and: simd(0x4e),
    or: simd(0x50),
    xor: simd(0x51),
    eq: simd(0x37),
    ne: simd(0x51),
  },
}

/** The instruction that is `f` on operands of this type; undefined: there is none. */
export const instruction = (f: string, operand: ExprType): readonly number[] | undefined => table[operand]?.[f]

/** Conversions of numbers, from → to; f32 to integers saturates, NaN gives 0. */
export const conversion: Record<string, readonly number[]> = {
  'f32>i32': [0xfc, 0x00],
  'f32>u32': [0xfc, 0x01],
  'i32>f32': [0xb2],
  'u32>f32': [0xb3],
  'i32>u32': [],
  'u32>i32': [],
  'f32x4>i32x4': simd(0xf8),
  'f32x4>u32x4': simd(0xf9),
  'i32x4>f32x4': simd(0xfa),
  'u32x4>f32x4': simd(0xfb),
  'i32x4>u32x4': [],
  'u32x4>i32x4': [],
}

/** Shifts take their amount as one i32, for four values too. */
export const shift: Record<string, readonly number[]> = {
  'shiftLeft i32': [0x74],
  'shiftLeft u32': [0x74],
  'shiftRight i32': [0x75],
  'shiftRight u32': [0x76],
  'shiftLeft i32x4': simd(0xab),
  'shiftLeft u32x4': simd(0xab),
  'shiftRight i32x4': simd(0xac),
  'shiftRight u32x4': simd(0xad),
}

export const vector = {
  splat: (t: ExprType): readonly number[] => simd(scalarType(t) === 'f32' ? 0x13 : 0x11),
  extract: (t: ExprType, lane: number): readonly number[] => [...simd(scalarType(t) === 'f32' ? 0x1f : 0x1b), lane],
  replace: (t: ExprType, lane: number): readonly number[] => [...simd(scalarType(t) === 'f32' ? 0x20 : 0x1c), lane],
  bitselect: simd(0x52),
  pmin: simd(0xea),
  pmax: simd(0xeb),
  /** https://github.com/WebAssembly/relaxed-simd: fused on every processor that can; a mask selects by its sign bit. */
  relaxedMadd: simd(0x105),
  relaxedLaneSelect: simd(0x10b),
} as const
