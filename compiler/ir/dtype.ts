/** The element types, and all that depends on which one it is: sizes, rounding, promotion. docs/dtypes.md tells users. */

export type DType = 'bool' | 'u8' | 'i8' | 'u32' | 'i32' | 'bf16' | 'f16' | 'f32'
/** Dtypes that kernels compute in. */
export type Wide = 'bool' | 'u32' | 'i32' | 'f32'
export type Narrow = Exclude<DType, Wide>

/** In what a value is computed: narrow ones are widened where they are read, and rounded or wrapped after each operation. */
export const wideOf = {
  bool: 'bool',
  u8: 'u32',
  i8: 'i32',
  u32: 'u32',
  i32: 'i32',
  bf16: 'f32',
  f16: 'f32',
  f32: 'f32',
} as const
export const isNarrow = (dtype: DType): dtype is Narrow => wideOf[dtype] !== dtype

/** Bytes of an element in a device's memory; bool is a u32 of 0 or 1. */
export const elementBytes: Readonly<Record<DType, 1 | 2 | 4>> = {
  bool: 4,
  u8: 1,
  i8: 1,
  u32: 4,
  i32: 4,
  bf16: 2,
  f16: 2,
  f32: 4,
}
/** Bytes of an array in a device's memory: a whole number of words of 4 bytes. */
export const arrayBytes = (elements: number, dtype: DType): number =>
  Math.ceil((elements * elementBytes[dtype]) / 4) * 4

/** Smallest and largest value of the integers. */
export const integerRange = {
  u8: [0, 255],
  i8: [-128, 127],
  u32: [0, 4294967295],
  i32: [-2147483648, 2147483647],
} as const
export type IntegerType = keyof typeof integerRange
export const isInteger = (dtype: DType): dtype is IntegerType => dtype in integerRange
export const isFloat = (dtype: DType): dtype is 'bf16' | 'f16' | 'f32' => wideOf[dtype] === 'f32'

/**
 * What two dtypes become when they meet, as in JAX (https://docs.jax.dev/en/latest/jep/9407-type-promotion.html): the least dtype
 * that both promote to. Where that is one Fovea lacks, it is the next one above; `null`: there is none, and one must be cast.
 */
export const promotion = {
  bool: { bool: 'bool', u8: 'u8', i8: 'i8', u32: 'u32', i32: 'i32', bf16: 'bf16', f16: 'f16', f32: 'f32' },
  u8: { bool: 'u8', u8: 'u8', i8: 'i32', u32: 'u32', i32: 'i32', bf16: 'bf16', f16: 'f16', f32: 'f32' },
  i8: { bool: 'i8', u8: 'i32', i8: 'i8', u32: null, i32: 'i32', bf16: 'bf16', f16: 'f16', f32: 'f32' },
  u32: { bool: 'u32', u8: 'u32', i8: null, u32: 'u32', i32: null, bf16: 'bf16', f16: 'f16', f32: 'f32' },
  i32: { bool: 'i32', u8: 'i32', i8: 'i32', u32: null, i32: 'i32', bf16: 'bf16', f16: 'f16', f32: 'f32' },
  bf16: { bool: 'bf16', u8: 'bf16', i8: 'bf16', u32: 'bf16', i32: 'bf16', bf16: 'bf16', f16: 'f32', f32: 'f32' },
  f16: { bool: 'f16', u8: 'f16', i8: 'f16', u32: 'f16', i32: 'f16', bf16: 'f32', f16: 'f16', f32: 'f32' },
  f32: { bool: 'f32', u8: 'f32', i8: 'f32', u32: 'f32', i32: 'f32', bf16: 'f32', f16: 'f32', f32: 'f32' },
} as const satisfies Record<DType, Record<DType, DType | null>>

/** All dtypes, in the order of the table. */
export const dtypes = Object.keys(promotion) as readonly DType[]
/** Dtypes by what ops take; errors call them so. */
export const classes = {
  'a float': dtypes.filter(isFloat),
  'an integer': dtypes.filter(isInteger),
  'a signed number': dtypes.filter((d) => isFloat(d) || (isInteger(d) && integerRange[d][0] < 0)),
  'a number': dtypes.filter((d) => d !== 'bool'),
  'bool or an integer': dtypes.filter((d) => d === 'bool' || isInteger(d)),
} as const satisfies Record<string, readonly DType[]>
/** How an error names the dtypes that an op takes. */
export const nameOf = (allowed: readonly DType[]): string =>
  Object.entries(classes).find(([, of]) => of.length === allowed.length && of.every((d) => allowed.includes(d)))?.[0] ??
  allowed.join(' or ')

/** Fraction bits, and the exponent of the smallest normal number (IEEE 754-2019 binary16; bfloat16 is the upper half of binary32). */
const formats = {
  f16: { fraction: 10, lowest: -14, largest: 65504 },
  bf16: { fraction: 7, lowest: -126, largest: 3.3895313892515355e38 },
} as const

/** The nearest value of f16 or bf16, ties to even; beyond the largest it is an infinity, subnormals are kept. */
function nearest(x: number, dtype: 'f16' | 'bf16'): number {
  if (!Number.isFinite(x) || x === 0) return x
  const { fraction, lowest, largest } = formats[dtype]
  // The spacing of values around x is a power of two, so that dividing by it is exact.
  const spacing = 2 ** (Math.max(exponentOf(x), lowest) - fraction)
  const n = Math.abs(x) / spacing
  const floor = Math.floor(n)
  const up = n - floor > 0.5 || (n - floor === 0.5 && floor % 2 === 1)
  const size = (up ? floor + 1 : floor) * spacing
  return Math.sign(x) * (size > largest ? Number.POSITIVE_INFINITY : size)
}
const double = new DataView(new ArrayBuffer(8))
/** floor(log2 |x|) of a normal f64; the subnormal ones are far below every dtype's spacing. */
function exponentOf(x: number): number {
  double.setFloat64(0, x)
  return ((double.getUint32(0) >>> 20) & 0x7ff) - 1023
}

/** The result of an operation in a dtype: f16 and bf16 rounded, integers wrapped; f32 stays as it is computed, in f64. */
export function asDtype(x: number, dtype: DType): number {
  switch (dtype) {
    case 'f32':
      return x
    case 'f16':
    case 'bf16':
      return nearest(x, dtype)
    case 'i32':
      return x | 0
    case 'u32':
      return x >>> 0
    case 'i8':
      return (x << 24) >> 24
    case 'u8':
      return x & 255
    case 'bool':
      return x === 0 ? 0 : 1
  }
}

/** A value as the dtype holds it: as `asDtype`, and f32 rounded too. */
export const held = (x: number, dtype: DType): number => (dtype === 'f32' ? Math.fround(x) : asDtype(x, dtype))

/** A float as another dtype: integers truncate towards zero and saturate, NaN gives 0 (lax.convert_element_type); bool is x ≠ 0. */
export function fromFloat(x: number, dtype: DType): number {
  if (!isInteger(dtype)) return asDtype(x, dtype)
  const [low, high] = integerRange[dtype]
  return Number.isNaN(x) ? 0 : Math.min(Math.max(Math.trunc(x), low), high)
}
