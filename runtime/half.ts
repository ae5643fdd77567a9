import { asDtype } from '../compiler/ir/dtype.js'

/** 16-bit floats as bits, and back. Every value of either format is exactly a float32. */

const bits = new Uint32Array(1)
const value = new Float32Array(bits.buffer)

/** IEEE 754 binary16 (1 sign, 5 exponent, 10 fraction bits), given as its bits, to float32. */
export function halfToFloat(half: Uint16Array): Float32Array {
  const table = halfTable()
  const out = new Uint32Array(half.length)
  for (let i = 0; i < half.length; i++) out[i] = table[half[i]]
  return new Float32Array(out.buffer)
}

/** bfloat16 is the upper half of a float32. */
export function bfloatToFloat(half: Uint16Array): Float32Array {
  const out = new Uint32Array(half.length)
  for (let i = 0; i < half.length; i++) out[i] = half[i] << 16
  return new Float32Array(out.buffer)
}

let halves: Uint32Array | undefined

/** The float32 bits of each of the 65536 halves; bits, because a NaN's payload need not survive a number. */
function halfTable(): Uint32Array {
  if (halves) return halves
  halves = new Uint32Array(0x10000)
  for (let h = 0; h < 0x10000; h++) {
    const sign = (h & 0x8000) << 16
    const exponent = (h >> 10) & 0x1f
    const fraction = h & 0x3ff
    if (exponent === 0) {
      value[0] = fraction * 2 ** -24 // Zero or subnormal.
      halves[h] = sign | bits[0]
    } else {
      const wide = exponent === 31 ? 255 : exponent + 112 // Bias 127 instead of 15.
      halves[h] = sign | (wide << 23) | (fraction << 13)
    }
  }
  return halves
}

/** A number's bits in f16 or bf16, rounded to nearest, ties to even. */
export function toHalf(x: number, dtype: 'f16' | 'bf16'): number {
  value[0] = asDtype(x, dtype)
  if (dtype === 'bf16') return Number.isNaN(x) ? 0x7fc0 : bits[0] >>> 16
  const sign = (bits[0] >>> 16) & 0x8000
  const size = Math.abs(value[0])
  if (Number.isNaN(size)) return 0x7e00
  if (size < 2 ** -14) return sign | (size * 2 ** 24)
  return sign | (size === Number.POSITIVE_INFINITY ? 0x7c00 : ((bits[0] & 0x7fffffff) - 0x38000000) >> 13)
}
