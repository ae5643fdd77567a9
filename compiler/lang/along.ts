import * as prim from '../ops/prim.js'
import { stridesOf } from '../ops/rules.js'
import type { AnyTensor } from '../types/operand.js'

/** The numbers in row-major order of the elements of `shape` that `ids` name along `axis`: all of them in range. */
export function numbersAlong(ids: AnyTensor, shape: readonly number[], axis: number): AnyTensor {
  const strides = stridesOf(shape)
  const times = (x: AnyTensor, by: number): AnyTensor => (by === 1 ? x : prim.mul(x, prim.like(x, by)))
  return ids.aval.shape.reduce<AnyTensor>(
    (sum, n, d) => (d === axis || n === 1 ? sum : prim.add(sum, times(prim.iota(ids.aval.shape, d), strides[d]))),
    times(ids, strides[axis]),
  )
}

/** Elements of `x` at `ids` along `axis`, whose other dims are those of `x`. Ids are in range. */
export const along = (x: AnyTensor, ids: AnyTensor, axis: number): AnyTensor =>
  prim.gather(prim.reshape(x, [x.size]), numbersAlong(ids, x.aval.shape, axis))
