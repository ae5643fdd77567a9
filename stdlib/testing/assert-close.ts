import { sameShape, showShape, size } from '../../compiler/ir/types.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { type Flat, flat, type Values } from './values.js'

export interface Tolerance {
  /** Absolute, default 1e-6 (f16 1e-3, bf16 1e-2, 0 for integers and bool). */
  readonly atol?: number
  /** Relative to the expected value, default 1e-5 (f16 2e-3, bf16 2e-2, 0 for integers and bool). */
  readonly rtol?: number
  /** Or this many steps on the grid of f32. Where it is given, atol and rtol are 0 unless they are too. */
  readonly ulp?: number
  /** Bound on the mean absolute difference, beside the bound on each element. */
  readonly meanAtol?: number
}

/**
 * Asserts that every element of `actual` is within atol + rtol · |expected| of `expected`, or within `ulp` units in the last
 * place, in the same shape (a typed array stands for any shape of its size). NaN equals NaN, and an infinity only itself. Throws FoveaError 'assert' with the worst
 * element's index, both values, their absolute and relative difference and their distance in f32 units in the last place.
 *
 * @example
 * await assertClose(add(tensor([1, 2]), 1), [2, 3], { atol: 1e-6 })
 * await assertClose(exp(tensor([1])), [Math.E], { ulp: 2 })
 */
export async function assertClose(actual: Values, expected: Values, tolerance: Tolerance = {}): Promise<void> {
  const problem = difference(await flat(actual), await flat(expected), tolerance)
  if (problem) throw new FoveaError('assert', `assertClose: ${problem}`)
}

/** Of two dtypes the one of higher order decides. */
const defaults: Readonly<Record<string, { readonly order: number; readonly atol: number; readonly rtol: number }>> = {
  f32: { order: 0, atol: 1e-6, rtol: 1e-5 },
  f16: { order: 1, atol: 1e-3, rtol: 2e-3 },
  bf16: { order: 2, atol: 1e-2, rtol: 2e-2 },
  integer: { order: 3, atol: 0, rtol: 0 },
}

/** What `assertClose` reports, or undefined when the arrays are close. */
export function difference(got: Flat, want: Flat, tolerance: Tolerance = {}): string | undefined {
  const shape = want.shape ?? got.shape ?? [want.data.length]
  if (got.shape && want.shape && !sameShape(got.shape, want.shape))
    return `shapes differ: got ${showShape(got.shape)}, want ${showShape(want.shape)}`
  if (got.data.length !== want.data.length || got.data.length !== size(shape))
    return `sizes differ: got ${got.data.length} elements, want ${want.data.length} for shape ${showShape(shape)}`

  const usual = [got.dtype, want.dtype].map((dtype) => defaults[dtype ?? 'f32'] ?? defaults.integer)
  const coarser = usual[0].order > usual[1].order ? usual[0] : usual[1]
  const { ulp, meanAtol } = tolerance
  const { atol = ulp === undefined ? coarser.atol : 0, rtol = ulp === undefined ? coarser.rtol : 0 } = tolerance
  const nans = { got: [] as number[], want: [] as number[] }
  let over = 0
  let worst = -1
  let worstExcess = 0
  let sum = 0
  for (let i = 0; i < want.data.length; i++) {
    const [g, w] = [got.data[i], want.data[i]]
    if (Number.isNaN(g) !== Number.isNaN(w)) (Number.isNaN(g) ? nans.got : nans.want).push(i)
    if (Number.isNaN(g) || Number.isNaN(w) || g === w) continue
    const distance = Math.abs(g - w)
    sum += distance
    // Against an infinite value only itself is close: the bound would be infinite too.
    const excess = Number.isFinite(w) ? distance - (atol + rtol * Math.abs(w)) : Number.POSITIVE_INFINITY
    if (excess <= 0 || (ulp !== undefined && Number.isFinite(w) && ulps(g, w) <= ulp)) continue
    over++
    if (worst < 0 || excess > worstExcess) [worst, worstExcess] = [i, excess]
  }
  const mean = want.data.length ? sum / want.data.length : 0
  const meanOver = meanAtol !== undefined && !(mean <= meanAtol)
  if (!over && !nans.got.length && !nans.want.length && !meanOver) return undefined

  const lines = [
    `${over} of ${want.data.length} elements differ by more than ${bound(atol, rtol, ulp)}, in shape ${showShape(shape)}`,
  ]
  if (worst >= 0) lines.push(element(worst, got.data[worst], want.data[worst], shape))
  if (nans.got.length) lines.push(`NaN where a number is wanted: ${places(nans.got, shape)}`)
  if (nans.want.length) lines.push(`a number where NaN is wanted: ${places(nans.want, shape)}`)
  lines.push(`mean absolute difference ${digits(mean)}${meanOver ? `, more than ${meanAtol}` : ''}`)
  return lines.join('\n  ')
}

const bound = (atol: number, rtol: number, ulp: number | undefined): string =>
  `${ulp === undefined || atol || rtol ? `${atol} + ${rtol} · |want|` : ''}${ulp === undefined ? '' : `${atol || rtol ? ' and ' : ''}${ulp} ulp (f32)`}`

function element(i: number, got: number, want: number, shape: readonly number[]): string {
  const absolute = Math.abs(got - want)
  return [
    `worst at ${place(i, shape)}: got ${got}, want ${want}`,
    `absolute ${digits(absolute)}, relative ${digits(absolute / Math.abs(want))}, ${ulps(got, want)} ulp (f32)`,
  ].join('\n    ')
}

const digits = (x: number): string => String(Number(x.toPrecision(3)))

function place(i: number, shape: readonly number[]): string {
  const index: number[] = []
  for (let d = shape.length - 1; d >= 0; d--) {
    index.unshift(i % shape[d])
    i = Math.floor(i / shape[d])
  }
  return showShape(index)
}

function places(at: readonly number[], shape: readonly number[]): string {
  const shown = at.slice(0, 5).map((i) => place(i, shape))
  return `${shown.join(', ')}${at.length > shown.length ? ` and ${at.length - shown.length} more` : ''}`
}

/** Steps between two numbers on the grid of f32. Bit patterns order like the values once negatives are mirrored (Dawson 2012). */
function ulps(a: number, b: number): number {
  const bits = new Int32Array(Float32Array.of(a, b).buffer)
  const [x, y] = Array.from(bits, (n) => (n < 0 ? -2147483648 - n : n))
  return Math.abs(x - y)
}
