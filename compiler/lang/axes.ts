import { type DType, dtypes } from '../ir/dtype.js'
import { showShape } from '../ir/types.js'
import { Tensor } from '../trace/tensor.js'
import { fail } from './fail.js'

/** Counts one axis from the front. */
export function axisOf(op: string, axis: number, shape: readonly number[]): number {
  const i = axis < 0 ? axis + shape.length : axis
  if (!Number.isInteger(axis) || i < 0 || i >= shape.length)
    fail('shape', `${op}: axis ${axis} is out of range for ${showShape(shape)}`)
  return i
}

/** Counts axes from the front, in the order given; all axes when `axes` is undefined. */
export function axesOf(op: string, axes: number | readonly number[] | undefined, shape: readonly number[]): number[] {
  if (axes === undefined) return shape.map((_, i) => i)
  const out: number[] = []
  for (const axis of typeof axes === 'number' ? [axes] : axes) {
    const i = axisOf(op, axis, shape)
    if (out.includes(i)) fail('shape', `${op}: axis ${axis} of ${showShape(shape)} is named twice`)
    out.push(i)
  }
  return out
}

/** Checks that a shape given by the user has whole sizes, none negative. */
export function sizesOf(op: string, shape: readonly number[]): readonly number[] {
  if (!Array.isArray(shape) || !shape.every((d) => Number.isInteger(d) && d >= 0))
    fail('shape', `${op}: expected a shape of whole sizes, got ${showGiven(shape)}`)
  return shape
}

/** Whatever was given as a shape; a tensor in it has no text by itself. */
const showGiven = (shape: unknown): string =>
  Array.isArray(shape)
    ? `[${shape.map((d) => (d instanceof Tensor ? d.toString() : String(d))).join(', ')}]`
    : typeof shape

/** Checks the name of a dtype. */
export function dtypeOf<D extends DType>(op: string, dtype: D): D {
  if (!dtypes.includes(dtype))
    fail('dtype', `${op}: expected a dtype (${dtypes.join(', ')}), got ${JSON.stringify(dtype)}`)
  return dtype
}
