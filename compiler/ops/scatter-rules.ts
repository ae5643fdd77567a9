import type { Target } from '../ir/program.js'
import { type Aval, type Params, size } from '../ir/types.js'
import { bind1 } from '../trace/tensor.js'
import { type AnyTensor, type BatchRule, opOf } from './op.js'
import * as p from './prim.js'
import { sortLines } from './sort.js'

/** What the records of scatters share. */

export type Combine = 'add' | 'mul' | 'max' | 'min'
/** Rows of `updates` [...S, …rest] combined by `ids` [...S] into [rows, …rest]. */
export type Scatter = (ids: AnyTensor, updates: AnyTensor, rows: number) => AnyTensor

export const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)
/** ids spread over the dims of rows: [...S] → [...S, …rest]. */
export const overRows = (ids: AnyTensor, shape: readonly number[]): AnyTensor =>
  p.broadcastInDim(ids, shape, range(ids.aval.shape.length))
export const inRange = (ids: AnyTensor, rows: number): AnyTensor =>
  p.and(p.ge(ids, p.like(ids, 0)), p.lt(ids, p.like(ids, rows)))

export const batchScatter =
  (scatter: Scatter): BatchRule =>
  ({ inputs: [ids, updates], batched, size: n, params }) => {
    const rows = params.rows as number
    const s = ids.aval.shape.length - (batched[0] ? 1 : 0)
    if (!batched[0]) {
      // The mapped axis of the updates becomes the first of the row's dims.
      const moved = p.transpose(updates, [...range(s, 1), 0, ...range(updates.aval.shape.length - s - 1, s + 1)])
      const y = scatter(ids, moved, rows)
      return [p.transpose(y, [1, 0, ...range(y.aval.shape.length - 2, 2)])]
    }
    const full = batched[1]
      ? updates
      : p.broadcastInDim(updates, [n, ...updates.aval.shape], range(updates.aval.shape.length, 1))
    const offset = p.mul(p.iota(ids.aval.shape, 0), p.like(ids, rows))
    const y = scatter(p.select(inRange(ids, rows), p.add(ids, offset), p.like(ids, n * rows)), full, n * rows)
    return [p.reshape(y, [n, rows, ...y.aval.shape.slice(1)])]
  }

/** Looks at ids (one for each row and id) up to which an adapter searches instead of sorting. */
const mostLooks = 2 ** 18

/**
 * On adapters a row looks through all ids. Where these are many they are sorted, so that a row finds its own side by side, still in
 * their order: work grows with rows plus ids then, instead of with their product.
 */
export const sortedWhereLarge = (combine: Combine) => ({
  fits: ([ids]: readonly Aval[], params: Params, target: Target): boolean =>
    target.class === 'cpu' || size(ids.shape) * (params.rows as number) <= mostLooks,
  expand: ([ids, updates]: readonly AnyTensor[], params: Params): AnyTensor[] => {
    const rows = params.rows as number
    const count = size(ids.aval.shape)
    // Negative ids wrap above every row; all that are outside come last.
    const keys = p.min(p.cast(p.reshape(ids, [count]), 'u32'), p.full([count], rows, 'u32'))
    const order = p.reshape(sortLines(p.reshape(keys, [1, count]), 1 + Math.floor(Math.log2(rows))), [count])
    const sorted = p.cast(p.gather(keys, order), 'i32')
    const starts = p.countBefore(sorted, p.iota([rows + 1], 0))
    const flat = p.reshape(updates, [count, ...updates.aval.shape.slice(ids.aval.shape.length)])
    return [bind1(opOf('sortedSegments'), [starts, order, flat], { combine })]
  },
})
