import { showShape } from '../ir/types.js'
import type { AnyTensor } from './op.js'
import * as p from './prim.js'
import { fail } from './rules.js'
import { type Axis, extent, positions } from './windows.js'

/** What dims of a convolution's operands are, by the letters of lax.conv_dimension_numbers: N C, O I, and one for each spatial dim. */
export type DimensionNumbers = readonly [lhs: string, rhs: string, out: string]

export interface ConvParams {
  readonly stride: readonly number[]
  /** Places added before and after each spatial dim; negative: taken away. */
  readonly padding: readonly (readonly [low: number, high: number])[]
  readonly lhsDilation: readonly number[]
  readonly rhsDilation: readonly number[]
  /** feature_group_count: C and O are this many groups, the outer part of each; I is the size of one group of C. */
  readonly groups: number
  /** The kernel is read backwards along its spatial dims (window_reversal in XLA): the gradient of the input needs no reversed copy. */
  readonly flip: boolean
  readonly dimensionNumbers: DimensionNumbers
}

const letters = ['W', 'HW', 'DHW']
/** Channels last, for one to three spatial dims: NHWC, HWIO, NHWC for two. */
export function channelsLast(spatial: number): DimensionNumbers {
  const s = letters[spatial - 1]
  return [`N${s}C`, `${s}IO`, `N${s}C`]
}

/** Which dim of each operand is what. `outer` is N of the input and the result, O of the kernel. */
export interface Layout {
  readonly outer: number
  readonly feature: number
  readonly spatial: readonly number[]
}
/** Spatial dims are numbered in the order in which the input has them. */
export function layouts([lhs, rhs, out]: DimensionNumbers): { lhs: Layout; rhs: Layout; out: Layout } {
  const spatial = [...lhs].filter((c) => c !== 'N' && c !== 'C')
  const layout = (spec: string, outer: string, feature: string): Layout => ({
    outer: spec.indexOf(outer),
    feature: spec.indexOf(feature),
    spatial: spatial.map((c) => spec.indexOf(c)),
  })
  return { lhs: layout(lhs, 'N', 'C'), rhs: layout(rhs, 'O', 'I'), out: layout(out, 'N', 'C') }
}

/** The windows of a convolution on each spatial dim. Throws where the kernel does not fit. */
export function convAxes(lhs: readonly number[], rhs: readonly number[], q: ConvParams): Axis[] {
  const at = layouts(q.dimensionNumbers)
  return at.lhs.spatial.map((dim, d) => {
    const [size, window] = [lhs[dim], rhs[at.rhs.spatial[d]]]
    const [low, high] = q.padding[d]
    if (window < 1) fail(`conv: expected a kernel of at least one tap in spatial dim ${d}, got ${showShape(rhs)}`)
    const padded = extent(size, q.lhsDilation[d]) + low + high
    const spread = extent(window, q.rhsDilation[d])
    if (spread > padded)
      fail(`conv: spatial dim ${d} of ${showShape(lhs)} is ${padded} with padding, less than the window's ${spread}`)
    // A kernel read backwards begins with its last tap.
    const turned = q.flip
      ? { dilation: -q.rhsDilation[d], low: low - (spread - 1) }
      : { dilation: q.rhsDilation[d], low }
    return {
      size,
      count: positions(padded, spread, q.stride[d]),
      window,
      stride: q.stride[d],
      lhsDilation: q.lhsDilation[d],
      ...turned,
    }
  })
}

/** The first `n` equal parts of a dim as a new dim in front; of each of `groups` parts of that dim when there are more. */
export function splitFront(x: AnyTensor, dim: number, n: number, groups = 1): AnyTensor {
  const [before, size, after] = around(x.aval.shape, dim)
  const rest = size / (n * groups)
  const apart = p.reshape(x, [...before, groups, n, rest, ...after])
  const front = p.transpose(apart, [dim + 1, ...range(dim), dim, ...range(after.length + 1, dim + 2)])
  return p.reshape(front, [n, ...before, groups * rest, ...after])
}

/** Turns `splitFront` back: the first dim becomes the outer part of dim `dim` of the rest, or of each of `groups` parts of it. */
export function mergeFront(x: AnyTensor, dim: number, groups = 1): AnyTensor {
  const [n, ...shape] = x.aval.shape
  const [before, size, after] = around(shape, dim)
  const apart = p.reshape(x, [n, ...before, groups, size / groups, ...after])
  const back = p.transpose(apart, [...range(dim + 1, 1), 0, ...range(after.length + 1, dim + 2)])
  return p.reshape(back, [...before, n * size, ...after])
}
const around = (shape: readonly number[], dim: number): [number[], number, number[]] => [
  shape.slice(0, dim),
  shape[dim],
  shape.slice(dim + 1),
]
const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)

/** The kernel with its two kinds of features exchanged within each group: what the gradient of the input convolves with. */
export const exchangeFeatures = (w: AnyTensor, { outer, feature }: Layout, groups: number): AnyTensor =>
  groups === 1 ? w : mergeFront(splitFront(w, outer, groups), feature)
/** The letters of two kinds of dims exchanged. */
export const renamed = (spec: string, names: Readonly<Record<string, string>>): string =>
  [...spec].map((c) => names[c] ?? c).join('')
