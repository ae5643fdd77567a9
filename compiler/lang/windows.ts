import { showShape } from '../ir/types.js'
import { extent } from '../ops/windows.js'
import type { AnyTensor } from '../types/operand.js'
import type { Padding, PerDim } from '../types/windows.js'
import { fail } from './fail.js'

/** Sizes, strides and the like for each of `spatial` dims. */
export function perDim(op: string, name: string, value: PerDim, spatial: number): readonly number[] {
  const each = typeof value === 'number' ? Array.from({ length: spatial }, () => value) : value
  if (each.length !== spatial || !each.every((n) => Number.isInteger(n) && n >= 1)) {
    const given = typeof value === 'number' ? value : showShape(value)
    fail('shape', `${op}: ${name} must be a whole number of at least 1, or ${spatial} of them, got ${given}`)
  }
  return each
}

/** The number of spatial dims of [batch, …, features]. */
export function spatialRank(op: string, x: AnyTensor): number {
  const { shape } = x.aval
  if (shape.length < 3 || shape.length > 5)
    fail('shape', `${op}: expected a batch, 1 to 3 spatial dims and features, got ${showShape(shape)}`)
  return shape.length - 2
}

/** `padding` as pairs, where `same` and `valid` say what these mean for a spatial dim. */
export function pairsOf(
  op: string,
  padding: Padding,
  spatial: number,
  named: Record<'same' | 'valid', (dim: number) => readonly [number, number]>,
): readonly (readonly [number, number])[] {
  if (padding === 'same' || padding === 'valid') return Array.from({ length: spatial }, (_, d) => named[padding](d))
  const pairs =
    Array.isArray(padding) && padding.every((p) => Array.isArray(p) && p.length === 2 && p.every(Number.isInteger))
  if (!pairs || padding.length !== spatial) {
    const given = pairs ? `a list of ${padding.length}` : JSON.stringify(padding)
    fail('shape', `${op}: padding must be 'same', 'valid' or ${spatial} pairs [before, after], got ${given}`)
  }
  return padding
}

/** Padding for windows of `window` taps on dims of `sizes`. With 'same' the result has ⌈size / stride⌉ places, the odd one of padding after (lax.padtype_to_pads). */
export const windowPadding = (
  op: string,
  padding: Padding,
  sizes: readonly number[],
  spreads: readonly number[],
  stride: readonly number[],
): readonly (readonly [number, number])[] =>
  pairsOf(op, padding, sizes.length, {
    same: (d) => {
      const total = Math.max((Math.ceil(sizes[d] / stride[d]) - 1) * stride[d] + spreads[d] - sizes[d], 0)
      return [Math.floor(total / 2), Math.ceil(total / 2)]
    },
    valid: () => [0, 0],
  })

/** Fails where a window does not fit into a dim with its padding. */
export function checkFit(
  op: string,
  shape: readonly number[],
  sizes: readonly number[],
  spreads: readonly number[],
  pairs: readonly (readonly [number, number])[],
): void {
  sizes.forEach((size, d) => {
    const padded = size + pairs[d][0] + pairs[d][1]
    if (spreads[d] > padded)
      fail(
        'shape',
        `${op}: spatial dim ${d} of ${showShape(shape)} is ${padded} with padding, less than the window's ${spreads[d]}`,
      )
  })
}

export const spreadsOf = (window: readonly number[], dilation: readonly number[]): number[] =>
  window.map((w, d) => extent(w, dilation[d]))
