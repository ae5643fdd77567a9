import fc from 'fast-check'
import { dtypes as allDtypes, type DType, held, isFloat } from '../../compiler/ir/dtype.js'
import { size } from '../../compiler/ir/types.js'
import type { AnyTensor } from '../../compiler/ops/op.js'
import { edgesOf, usualRange } from './elements.js'
import { hostTensor } from './values.js'

export interface ShapeLimits {
  /** Default 3. */
  readonly maxRank?: number
  /** Default 4. */
  readonly maxDim?: number
}

/**
 * Shapes of rank 0 to maxRank with dims of 1 to maxDim. They shrink towards scalars.
 *
 * @example
 * await fc.assert(fc.asyncProperty(shapes(), (shape) => checkGrads((x) => tanh(x), [ones(shape)])), { numRuns: 5 })
 */
export const shapes = ({ maxRank = 3, maxDim = 4 }: ShapeLimits = {}): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max: maxDim }), { maxLength: maxRank })

/**
 * Two shapes that broadcast against each other by NumPy's rule: aligned at the right, dims equal or 1.
 *
 * @example
 * await fc.assert(fc.asyncProperty(broadcastable(), ([a, b]) => checkGrads(mul, [ones(a), ones(b)])), { numRuns: 20 })
 */
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
  /** Least element, inclusive. Default -2 for floats, -8 for signed integers, 0 for unsigned ones. */
  readonly min?: number
  /** Largest element, inclusive. Default 2 for floats, 8 for integers. */
  readonly max?: number
  /** Some elements are signed zeros, infinities, subnormals, or the dtype's ends, whatever min and max say; with 'nan', NaN too. */
  readonly edges?: boolean | 'nan'
}

/**
 * Tensors of a shape, or of any shape within limits. Elements are numbers of their dtype; they shrink towards 0.
 *
 * @example
 * await fc.assert(fc.asyncProperty(tensors([2, 3]), (x) => checkGrads(tanh, [x])))
 * await fc.assert(fc.asyncProperty(tensors({ maxRank: 1 }, { edges: 'nan' }), (x) => checkJit(neg, [x])), { numRuns: 5 })
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

/**
 * Any of the dtypes.
 *
 * @example
 * const anything = dtypes().chain((dtype) => tensors({ maxRank: 2 }, { dtype, edges: true }))
 * await fc.assert(fc.asyncProperty(anything, (x) => assertClose(x, x)))
 */
export const dtypes = (): fc.Arbitrary<DType> => fc.constantFrom(...allDtypes)

/**
 * Random keys as `jax.random.PRNGKey` has them: u32 of shape [2].
 *
 * @example
 * await fc.assert(fc.asyncProperty(keys(), (key) => checkJit((k) => uniform(k, [3]), [key])), { numRuns: 5 })
 */
export const keys = (): fc.Arbitrary<AnyTensor> => tensors([2], { dtype: 'u32', max: 4294967295 })

function element({ dtype = 'f32', min, max, edges }: Elements): fc.Arbitrary<number> {
  const { low, high } = usualRange(dtype)
  const [from, to] = [min ?? low, max ?? high]
  const usual = isFloat(dtype)
    ? fc.float({ min: Math.fround(from), max: Math.fround(to), noNaN: true }).map((x) => held(x, dtype))
    : fc.integer({ min: from, max: to })
  if (!edges) return usual
  return fc.oneof({ weight: 3, arbitrary: usual }, fc.constantFrom(...edgesOf(dtype, edges === 'nan')))
}
