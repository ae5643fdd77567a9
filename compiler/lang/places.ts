import { showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import { Tensor } from '../trace/tensor.js'
import type { Index } from '../types/at.js'
import type { AnyTensor } from '../types/operand.js'
import { fail } from './fail.js'
import { broadcastShapes, expand, tensorOf } from './operand.js'

/** What becomes of places outside an axis: NaN (0 for integers), the nearest in it, or those that it repeats to. */
export type Mode = 'fill' | 'clip' | 'wrap'

/** Ids along an axis of `n`: those outside it stay so with 'fill', where -1 … -n count from the back. */
export function resolved(ids: AnyTensor, n: number, mode: Mode): AnyTensor {
  const k = (value: number): AnyTensor => prim.like(ids, value)
  const fromBack = (x: AnyTensor): AnyTensor => prim.select(prim.lt(x, k(0)), prim.add(x, k(n)), x)
  if (mode === 'fill') return fromBack(ids)
  if (mode === 'wrap') return fromBack(prim.rem(ids, k(Math.max(1, n))))
  return prim.min(prim.max(ids, k(0)), k(Math.max(0, n - 1)))
}
export const isInside = (ids: AnyTensor, n: number): AnyTensor =>
  prim.and(prim.ge(ids, prim.like(ids, 0)), prim.lt(ids, prim.like(ids, n)))

/** Which elements of a tensor an index names. */
export interface Places {
  /** Per axis: what is cut out of it; places are looked up in that. */
  readonly start: readonly number[]
  readonly limit: readonly number[]
  readonly step: readonly number[]
  /** Axes with places, and the places, of one shape; axes that stay. */
  readonly looked: readonly number[]
  readonly ids: readonly AnyTensor[]
  readonly kept: readonly number[]
  /** The shape of the places, and how many of the axes that stay come before it in the result. */
  readonly at: readonly number[]
  readonly before: number
}

/** NumPy's rules: numbers beside tensors are places too, and places that are not side by side come first in the result. */
export function placesOf(shape: readonly number[], index: Index): Places {
  const entries = Array.isArray(index) ? index : [index]
  if (entries.length > shape.length)
    fail('shape', `at: more indices than the ${shape.length} axes of ${showShape(shape)}`)
  const hasTensor = entries.some((x) => x instanceof Tensor)
  const [start, limit, step] = [shape.map(() => 0), [...shape], shape.map(() => 1)]
  const [looked, ids, kept]: [number[], AnyTensor[], number[]] = [[], [], []]
  shape.forEach((n, d) => {
    const entry = entries[d] ?? ':'
    if (entry instanceof Tensor) {
      looked.push(d)
      ids.push(tensorOf('at', entry, ['i32']))
    } else if (typeof entry === 'number') {
      const i = entry < 0 ? entry + n : entry
      if (!(Number.isInteger(i) && i >= 0 && i < n))
        fail('shape', `at: index ${entry} is out of range for axis ${d} of ${showShape(shape)}`)
      if (hasTensor) {
        looked.push(d)
        ids.push(prim.constant(i, 'i32'))
      } else [start[d], limit[d]] = [i, i + 1]
    } else {
      kept.push(d)
      if (entry === ':') return
      const { start: from = 0, limit: to = n, step: by = 1 } = entry
      if (!(from >= 0 && from <= to && to <= n))
        fail('shape', `at: ${from} to ${to} is out of range for axis ${d} of ${showShape(shape)}`)
      if (!(Number.isInteger(by) && by >= 1)) fail('shape', `at: step must be at least 1, got ${by}`)
      ;[start[d], limit[d], step[d]] = [from, to, by]
    }
  })
  const at = ids.reduce<readonly number[]>((s, x) => broadcastShapes('at: cannot broadcast', s, x.aval.shape), [])
  const isTogether = looked.every((d, i) => d === looked[0] + i)
  return {
    start,
    limit,
    step,
    looked,
    ids: ids.map((x) => expand(x, at)),
    kept,
    at,
    before: isTogether ? kept.filter((d) => d < looked[0]).length : 0,
  }
}

/**
 * Numbers of the rows that places name where their axes are one of `rows` elements. Negative ones count from the back; those outside are
 * moved into their axis when `clip`, else they are `rows`.
 */
export function rowsOf(
  { ids, looked }: Places,
  shape: readonly number[],
  mode: Mode,
): { rows: number; ids: AnyTensor } {
  const rows = looked.reduce((n, d) => n * shape[d], 1)
  let inside: AnyTensor | undefined
  let number: AnyTensor | undefined
  ids.forEach((x, i) => {
    const n = shape[looked[i]]
    const fromBack = resolved(x, n, 'fill')
    const id = mode === 'fill' ? fromBack : resolved(mode === 'clip' ? fromBack : x, n, mode)
    if (mode === 'fill') inside = inside ? prim.and(inside, isInside(id, n)) : isInside(id, n)
    number = number ? prim.add(prim.mul(number, prim.like(number, n)), id) : id
  })
  return { rows, ids: inside ? prim.select(inside, number!, prim.like(number!, rows)) : number! }
}
