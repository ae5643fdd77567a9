import { showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { AnyTensor } from '../types/operand.js'
import { axisOf } from './axes.js'
import { fail } from './fail.js'

/** Tensors of one dtype joined along `axis`; the other dims must agree. */
export function joined(op: string, xs: readonly AnyTensor[], axis: number): AnyTensor {
  if (!xs.length) fail('shape', `${op}: expected at least one tensor`)
  const first = xs[0].aval.shape
  const i = axisOf(op, axis, first)
  xs.slice(1).reduce<readonly number[]>((a, x) => {
    const b = x.aval.shape
    if (b.length !== a.length) fail('shape', `${op}: ranks differ: ${showShape(a)} and ${showShape(b)}`)
    const d = a.findIndex((n, j) => j !== i && n !== b[j])
    if (d >= 0) fail('shape', `${op}: ${showShape(a)} and ${showShape(b)} differ in axis ${d}: ${a[d]} vs ${b[d]}`)
    return a.map((n, j) => (j === i ? n + b[j] : n))
  }, first)
  return xs.length === 1 ? xs[0] : prim.concat(xs, i)
}
