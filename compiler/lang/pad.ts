import { showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { AnyTensor, DTypeOf, ShapeOf } from '../types/operand.js'
import type { Ok, Param } from '../types/shape.js'
import type { Pad } from '../types/slices.js'
import { fail } from './fail.js'
import { constant, tensorOf } from './operand.js'

/** Where the elements outside come from: NumPy's modes. */
type Mode = 'edge' | 'reflect' | 'symmetric' | 'wrap'
const remainder = (i: number, n: number): number => ((i % n) + n) % n
const source: Record<Mode, (i: number, n: number) => number> = {
  edge: (i, n) => Math.min(Math.max(i, 0), n - 1),
  wrap: remainder,
  symmetric: (i, n) => {
    const at = remainder(i, 2 * n)
    return at < n ? at : 2 * n - 1 - at
  },
  reflect: (i, n) => {
    const at = remainder(i, Math.max(2 * n - 2, 1))
    return at < n ? at : 2 * n - 2 - at
  },
}

/**
 * `widths` holds [before, after] per axis: how many elements to add, or to take away where negative. They are `fill` when that is a number
 * (0 when absent), or with a mode of NumPy's the elements at the 'edge', mirrored without it ('reflect') or with it ('symmetric'), or
 * those from the other end ('wrap').
 * Throws FoveaError 'shape' when widths don't fit the axes, crop more than there is, or a mode has nothing to repeat.
 *
 * @example
 * const framed = pad(ones([4, 4]), [[1, 1], [1, 1]], 'reflect')
 */
export function pad<X extends AnyTensor, const W extends readonly (readonly [number, number])[]>(
  x: X,
  widths: Param<W, Pad<ShapeOf<X>, W>>,
  fill: number | Mode = 0,
): Tensor<Ok<Pad<ShapeOf<X>, W>>, DTypeOf<X>> {
  const t = tensorOf('pad', x)
  const { shape } = t.aval
  const w = widths as readonly (readonly [number, number])[]
  if (w.length !== shape.length) fail('shape', `pad: expected one [before, after] per axis of ${showShape(shape)}`)
  if (!w.flat().every(Number.isInteger)) fail('shape', `pad: widths must be whole, got [${w.join('], [')}]`)
  w.forEach(([a, b], i) => {
    if (Math.max(-a, 0) + Math.max(-b, 0) > shape[i])
      fail('shape', `pad: [${a}, ${b}] crops more than axis ${i} of ${showShape(shape)} has`)
  })
  if (typeof fill === 'number')
    return prim.pad(
      t,
      constant('pad', fill, [], t.aval.dtype),
      w.map(([before]) => before),
      w.map(([, after]) => after),
    )
  if (!(fill in source)) fail('shape', `pad: expected a number, edge, reflect, symmetric or wrap, got ${fill}`)
  return w.reduce<AnyTensor>((y, [before, after], i) => extended(y, i, before, after, source[fill]), t)
}

/** Axis `i` of `x` from -before to n + after, elements outside being those that `from` names. */
function extended(
  x: AnyTensor,
  i: number,
  before: number,
  after: number,
  from: (i: number, n: number) => number,
): AnyTensor {
  if (!before && !after) return x
  // What is added goes beside what is left.
  const kept = slab(x, i, Math.max(-before, 0), x.aval.shape[i] - Math.max(-after, 0))
  const n = kept.aval.shape[i]
  if (!n && (before > 0 || after > 0))
    fail('shape', `pad: axis ${i} of ${showShape(kept.aval.shape)} is empty, so there is nothing to repeat`)
  const outside = (start: number, end: number): AnyTensor[] => {
    const at = Array.from({ length: Math.max(end - start, 0) }, (_, k) => from(start + k, n))
    return runs(at).map(([first, last]) => run(kept, i, first, last))
  }
  const parts = [...outside(-before, 0), kept, ...outside(n, n + after)]
  return parts.length === 1 ? kept : prim.concat(parts, i)
}
/** Indices in pieces that count up by 1, down by 1, or single ones: [first, last]. */
function runs(at: readonly number[]): [number, number][] {
  const out: [number, number][] = []
  let step = 0
  for (const i of at) {
    const last = out[out.length - 1]
    const by = last ? i - last[1] : 0
    if (last && Math.abs(by) === 1 && (step === 0 || step === by)) {
      last[1] = i
      step = by
    } else {
      out.push([i, i])
      step = 0
    }
  }
  return out
}
const slab = (x: AnyTensor, i: number, from: number, to: number): AnyTensor =>
  from === 0 && to === x.aval.shape[i]
    ? x
    : prim.slice(
        x,
        x.aval.shape.map((_, d) => (d === i ? from : 0)),
        x.aval.shape.map((s, d) => (d === i ? to : s)),
      )
const run = (x: AnyTensor, i: number, first: number, last: number): AnyTensor =>
  first <= last ? slab(x, i, first, last + 1) : prim.reverse(slab(x, i, last, first + 1), [i])
