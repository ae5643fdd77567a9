import type { AnyTensor } from './op.js'
import * as p from './prim.js'

/**
 * A window that slides along a dim, as one relation of three indices: with its i-th position and its j-th tap it is at
 * place h of the dim where lhsDilation·h = stride·i + dilation·j - low. `stride` and `dilation` may be negative.
 */
export interface Axis {
  /** Places h, positions i, taps j. */
  readonly size: number
  readonly count: number
  readonly window: number
  readonly stride: number
  readonly dilation: number
  /** Elements of padding in front. */
  readonly low: number
  readonly lhsDilation: number
}

/** As a parameter: equal axes are equal text. */
export const axisParams = ({ size, count, window, stride, dilation, low, lhsDilation }: Axis) => ({
  size,
  count,
  window,
  stride,
  dilation,
  // Never -0.
  low: low + 0,
  lhsDilation,
})

/** The relation solved for i: positions become the places, places the positions. */
export function inverse(a: Axis): Axis {
  const sign = Math.sign(a.stride)
  return {
    size: a.count,
    count: a.size,
    window: a.window,
    stride: sign * a.lhsDilation,
    dilation: -sign * a.dilation,
    low: -sign * a.low,
    lhsDilation: sign * a.stride,
  }
}

/** Positions and taps exchanged. */
export const exchanged = (a: Axis): Axis => ({
  ...a,
  count: a.window,
  window: a.count,
  stride: a.dilation,
  dilation: a.stride,
})

/** Places that the window takes up, padding and gaps between taps counted. */
export const extent = (window: number, dilation: number): number => (window - 1) * dilation + 1

/** Positions of a window on `padded` places. */
export const positions = (padded: number, window: number, stride: number): number =>
  Math.floor((padded - window) / stride) + 1

/** A window that stays inside a dim and shares no place with its neighbours, or has one tap or one position: no gather is needed. */
const isView = ({ size, count, window, stride, dilation, low, lhsDilation }: Axis): boolean =>
  lhsDilation === 1 &&
  low <= 0 &&
  stride > 0 &&
  (dilation > 0 || window === 1) &&
  stride * (count - 1) + dilation * (window - 1) - low < size &&
  (window === 1 || count === 1 || (dilation === 1 && stride === window))

/**
 * The windows on the spatial dims of `x` [a, h…, b]: [a, i…, j…, b], with `fill` outside. Slices, reshapes and a
 * transpose where each place belongs to one window at most, else `patches`.
 */
export function windows(x: AnyTensor, axes: readonly Axis[], fill = 0): AnyTensor {
  if (!axes.every(isView)) return p.patches(x, axes, fill)
  const [a, b] = [x.aval.shape[0], x.aval.shape[axes.length + 1]]
  // Whole blocks, or one element of each window or of each tap.
  const step = (d: Axis): number => (d.window === 1 ? d.stride : d.count === 1 ? d.dilation : 1)
  const start = axes.map((d) => 0 - d.low)
  const limit = axes.map((d, i) => start[i] + (d.count * d.window - 1) * step(d) + 1)
  const whole = axes.every((d, i) => start[i] === 0 && limit[i] === d.size && step(d) === 1)
  const cut = whole ? x : p.slice(x, [0, ...start, 0], [a, ...limit, b], [1, ...axes.map(step), 1])
  if (axes.length === 1 || axes.every((d) => d.window === 1) || axes.every((d) => d.count === 1))
    return p.reshape(cut, [a, ...axes.map((d) => d.count), ...axes.map((d) => d.window), b])
  const apart = p.reshape(cut, [a, ...axes.flatMap((d) => [d.count, d.window]), b])
  const counts = axes.map((_, i) => 1 + 2 * i)
  return p.transpose(apart, [0, ...counts, ...counts.map((i) => i + 1), 1 + 2 * axes.length])
}
