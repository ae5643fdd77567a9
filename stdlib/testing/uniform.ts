import { size } from '../../compiler/ir/types.js'
import type { RefArray } from '../../compiler/ops/op.js'

/**
 * A seeded source of f32 arrays with elements uniform in [low, high), for tests that repeat: a linear congruential generator
 * with the constants of Numerical Recipes (section 7.1), whose high bits are random enough to draw test data from.
 */
export function uniform(seed: number): (shape: readonly number[], low: number, high: number) => RefArray {
  let state = seed >>> 0
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  return (shape, low, high) => ({
    shape,
    dtype: 'f32',
    data: Float64Array.from({ length: size(shape) }, () => low + (high - low) * next()),
  })
}
