import type { Narrow } from '../ir/dtype.js'
import type { KernelBuffer } from './ir.js'
import { inWords } from './narrow.js'

/**
 * How WGSL reads and writes narrow dtypes: an array is words of 32 bits, in each of which two or four elements lie, the first in the
 * lowest bits. Only integer arithmetic on bits: shader-f16 isn't needed, and subnormals are kept where an adapter flushes those of f32.
 */

/** A single element is stored by atomics on its word, since another invocation may store its neighbour. */
export const isAtomic = (b: KernelBuffer): boolean => b.width === 1 && b.access === 'read_write'
/** The type of an element of the array, which holds `width` values or is a word. */
export const wordType = (dtype: Narrow, b: KernelBuffer): string =>
  b.width === 4 ? (inWords[dtype].bits === 16 ? 'vec2u' : 'u32') : isAtomic(b) ? 'atomic<u32>' : 'u32'

type Helper = (name: string) => string

/** The value at `at`, or four: what the buffer's own name, address and width say. */
export function loadNarrow(dtype: Narrow, b: KernelBuffer, name: string, at: string, helper: Helper): string {
  const { bits, each } = inWords[dtype]
  if (b.width === 4) return fromBits[dtype](`${helper(bits === 16 ? 'halves' : 'bytes')}(${name}[${at}])`, 4, helper)
  const word = `${name}[${at} / ${each}u]`
  const shifted = `${isAtomic(b) ? `atomicLoad(&${word})` : word} >> (${bits}u * (${at} % ${each}u))`
  return fromBits[dtype](`((${shifted}) & ${2 ** bits - 1}u)`, 1, helper)
}

/** Stores a value, or four. */
export function storeNarrow(
  dtype: Narrow,
  b: KernelBuffer,
  name: string,
  at: string,
  value: string,
  helper: Helper,
): string {
  const { bits, each } = inWords[dtype]
  const stored = toBits[dtype](value, b.width, helper)
  if (b.width === 4) return `${name}[${at}] = ${helper(bits === 16 ? 'packHalves' : 'packBytes')}(${stored});`
  const [word, shift] = [`&${name}[narrow_at / ${each}u]`, `(${bits}u * (narrow_at % ${each}u))`]
  return (
    `{ let narrow_at = ${at}; let narrow_bits = ${stored}; ` +
    `atomicAnd(${word}, ~(${2 ** bits - 1}u << ${shift})); atomicOr(${word}, narrow_bits << ${shift}); }`
  )
}

type Spell = (x: string, width: 1 | 4, helper: Helper) => string
const u = (n: number, width: 1 | 4): string => (width === 4 ? `vec4u(${n}u)` : `${n}u`)
const type = (t: 'f' | 'i' | 'u', width: 1 | 4): string => (width === 4 ? `vec4${t}` : `${t}32`)

/** The value of bits that stand alone in a word. */
const fromBits: Readonly<Record<Narrow, Spell>> = {
  f16: (x, width, helper) => `${helper(width === 4 ? 'unpackF164' : 'unpackF16')}(${x})`,
  bf16: (x, width) => `bitcast<${type('f', width)}>(${x} << ${u(16, width)})`,
  i8: (x, width) => `(bitcast<${type('i', width)}>(${x} << ${u(24, width)}) >> ${u(24, width)})`,
  u8: (x) => x,
}
/** The bits of a value that the dtype has. */
const toBits: Readonly<Record<Narrow, Spell>> = {
  f16: (x, width, helper) => `${helper(width === 4 ? 'packF164' : 'packF16')}(${x})`,
  bf16: (x, width) => `(bitcast<${type('u', width)}>(${x}) >> ${u(16, width)})`,
  i8: (x, width) => `(bitcast<${type('u', width)}>(${x}) & ${u(255, width)})`,
  u8: (x) => x,
}

/** Values made ones that the dtype has, by what they are and their width. */
export const wrapText = {
  i8: (x: string, width: 1 | 4): string => `((${x} << ${u(24, width)}) >> ${u(24, width)})`,
  u8: (x: string, width: 1 | 4): string => `(${x} & ${u(255, width)})`,
}

/** Rounding to nearest, ties to even, is an addition on the bits: half of the last place, less one where that is even. */
export const narrowHelpers: Readonly<Record<string, string>> = {
  roundBf16: `fn roundBf16(x: f32) -> f32 {
  let u = bitcast<u32>(x);
  let r = u + 0x7fffu + ((u >> 16u) & 1u);
  return bitcast<f32>(select(r, u | 0x400000u, (u & 0x7fffffffu) > 0x7f800000u) & 0xffff0000u);
}`,
  // Below 2^-14 the spacing is 2^-24; from 65520 on the nearest value is infinite.
  roundF16: `fn roundF16(x: f32) -> f32 {
  let u = bitcast<u32>(x);
  let a = u & 0x7fffffffu;
  let normal = (a + 0xfffu + ((a >> 13u) & 1u)) & 0xffffe000u;
  let small = bitcast<u32>(round(bitcast<f32>(a) * 16777216.0f) * 5.9604645e-8f);
  let finite = select(normal, small, a < 0x38800000u);
  let r = select(finite, 0x7f800000u, a >= 0x477ff000u);
  return bitcast<f32>((u & 0x80000000u) | select(r, 0x7fc00000u, a > 0x7f800000u));
}`,
  unpackF16: `fn unpackF16(h: u32) -> f32 {
  let a = h & 0x7fffu;
  let normal = (a << 13u) + 0x38000000u;
  let small = bitcast<u32>(f32(a) * 5.9604645e-8f);
  let m = select(select(normal, small, a < 0x400u), normal + 0x38000000u, a >= 0x7c00u);
  return bitcast<f32>(((h & 0x8000u) << 16u) | m);
}`,
  packF16: `fn packF16(x: f32) -> u32 {
  let u = bitcast<u32>(x);
  let a = u & 0x7fffffffu;
  let normal = (a - 0x38000000u) >> 13u;
  let small = u32(bitcast<f32>(a) * 16777216.0f);
  let finite = select(normal, small, a < 0x38800000u);
  let r = select(finite, select(0x7c00u, 0x7e00u, a > 0x7f800000u), a >= 0x47800000u);
  return ((u >> 16u) & 0x8000u) | r;
}`,
  halves: 'fn halves(w: vec2u) -> vec4u { return (w.xxyy >> vec4u(0u, 16u, 0u, 16u)) & vec4u(0xffffu); }',
  bytes: 'fn bytes(w: u32) -> vec4u { return (vec4u(w) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(0xffu); }',
  packHalves: 'fn packHalves(h: vec4u) -> vec2u { return h.xz | (h.yw << vec2u(16u)); }',
  packBytes: `fn packBytes(b: vec4u) -> u32 {
  let s = b << vec4u(0u, 8u, 16u, 24u);
  return s.x | s.y | s.z | s.w;
}`,
}
