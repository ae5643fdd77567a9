import { type DType, dtypes, integerRange, isFloat, isInteger } from '../../compiler/ir/dtype.js'

/** The ends of what a dtype holds, and of a float the smallest normal number: below are the subnormal ones. */
interface Ends {
  readonly least: number
  readonly most: number
  readonly normal?: number
}
const float = (largest: number, normal: number): Ends => ({ least: -largest, most: largest, normal })
const floats = {
  f32: float((2 - 2 ** -23) * 2 ** 127, 2 ** -126),
  f16: float(65504, 2 ** -14),
  bf16: float((2 - 2 ** -7) * 2 ** 127, 2 ** -126),
}
export function endsOf(dtype: DType): Ends {
  if (isFloat(dtype)) return floats[dtype]
  const [least, most] = isInteger(dtype) ? integerRange[dtype] : [0, 1]
  return { least, most }
}

/** Where draws come from unless told: small, so that results stay in range. */
export function usualRange(dtype: DType): { readonly low: number; readonly high: number } {
  if (isFloat(dtype)) return { low: -2, high: 2 }
  if (dtype === 'bool') return { low: 0, high: 1 }
  return { low: endsOf(dtype).least < 0 ? -8 : 0, high: 8 }
}

/** Elements that implementations get wrong: signed zeros, infinities, the ends of the range, subnormals, NaN if wanted. */
export function edgesOf(dtype: DType, nan = false): number[] {
  const { least, most, normal } = endsOf(dtype)
  if (normal === undefined) return [...new Set([0, 1, most, least, ...(least < 0 ? [-1] : [])])]
  const tiny = [normal, -normal, normal / 4]
  return [0, -0, 1, -1, Infinity, -Infinity, most, least, ...tiny, ...(nan ? [Number.NaN] : [])]
}

export { dtypes }
