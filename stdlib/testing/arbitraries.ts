import fc from 'fast-check'
import { type DType, size } from '../../compiler/ir/types.js'
import type { AnyTensor } from '../../compiler/ops/op.js'
import { hostTensor } from './values.js'

export interface ShapeLimits {
  /** Default 3. */
  readonly maxRank?: number
  /** Default 4. */
  readonly maxDim?: number
}

/** Shapes of rank 0 to maxRank with dims of 1 to maxDim. They shrink towards scalars. */
export const shapes = ({ maxRank = 3, maxDim = 4 }: ShapeLimits = {}): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max: maxDim }), { maxLength: maxRank })

/** Two shapes that broadcast against each other by NumPy's rule: aligned at the right, dims equal or 1. */
export const broadcastable = (limits: ShapeLimits = {}): fc.Arbitrary<[number[], number[]]> =>
  shapes(limits).chain((shape) => {
    const part = fc
      .tuple(
        fc.nat({ max: shape.length }),
        fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
      )
      .map(([drop, keep]) => shape.map((d, i) => (keep[i] ? d : 1)).slice(drop))
    return fc.tuple(part, part)
  })

export interface Elements {
  /** Default 'f32'. */
  readonly dtype?: DType
  /** Least element, inclusive. Default -2 for floats, -8 for i32 and i8, 0 for u32 and u8. */
  readonly min?: number
  /** Largest element, inclusive. Default 2 for floats, 8 for integers. */
  readonly max?: number
}

/**
 * Tensors of a shape, or of any shape within limits. Elements are finite; they shrink towards 0.
 *
 * @example
 * fc.assert(fc.asyncProperty(tensors([2, 3]), (x) => checkGrads(tanh, [x])))
 */
export const tensors = (
  shape: readonly number[] | ShapeLimits = {},
  elements: Elements = {},
): fc.Arbitrary<AnyTensor> =>
  (Array.isArray(shape) ? fc.constant(shape as number[]) : shapes(shape as ShapeLimits)).chain((dims) => {
    const n = size(dims)
    return fc
      .array(element(elements), { minLength: n, maxLength: n })
      .map((data) => hostTensor({ shape: dims, dtype: elements.dtype ?? 'f32', data: Float64Array.from(data) }))
  })

/** Random keys as `jax.random.PRNGKey` has them: u32 of shape [2]. */
export const keys = (): fc.Arbitrary<AnyTensor> => tensors([2], { dtype: 'u32', max: 4294967295 })

function element({ dtype = 'f32', min, max }: Elements): fc.Arbitrary<number> {
  switch (dtype) {
    case 'f32':
    case 'f16':
    case 'bf16':
      return fc.float({ min: Math.fround(min ?? -2), max: Math.fround(max ?? 2), noNaN: true })
    case 'bool':
      return fc.nat({ max: 1 })
    case 'i32':
    case 'i8':
      return fc.integer({ min: min ?? -8, max: max ?? 8 })
    case 'u32':
    case 'u8':
      return fc.integer({ min: min ?? 0, max: max ?? 8 })
  }
}
