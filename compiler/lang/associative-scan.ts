import * as prim from '../ops/prim.js'
import { flatten, unflatten } from '../trace/tree.js'
import type { Part, SameCarry } from '../types/control.js'
import type { AnyTensor } from '../types/operand.js'
import { axisOf } from './axes.js'
import { sameCarry } from './bodies.js'
import { fail } from './fail.js'

type Trees = (a: readonly AnyTensor[], b: readonly AnyTensor[]) => readonly AnyTensor[]

/**
 * Running combinations along an axis, e₀, e₀∘e₁, e₀∘e₁∘e₂, …, of an associative function, in about 2·log₂ n steps of whole tensors
 * (lax.associative_scan). `fn(a, b)` combines trees of tensors like `elems`, with any number of elements along `axis` (0 when absent) at
 * once: it must work element by element along it. `reverse` starts at the end.
 * Throws FoveaError 'shape' when sizes along the axis differ, or `fn` changes a shape or dtype.
 *
 * Source: Blelloch 1990, "Prefix sums and their applications".
 *
 * @example
 * const products = associativeScan((a, b) => mul(a, b), tensor([1, 2, 3, 4]))
 * console.log(await products.data()) // Float32Array(4) [ 1, 2, 6, 24 ]
 */
export function associativeScan<E, R, const A extends number = 0>(
  fn: (a: NoInfer<Part<E, A>>, b: NoInfer<Part<E, A>>) => R & SameCarry<'associativeScan', Part<E, A>, R>,
  elems: E,
  options: { readonly reverse?: boolean; readonly axis?: A } = {},
): E {
  const { leaves, tree } = flatten(elems)
  if (!leaves.length) return elems
  const axis = axisOf('associativeScan', options.axis ?? 0, leaves[0].aval.shape)
  const n = leaves[0].aval.shape[axis]
  if (leaves.some((x) => x.aval.shape[axis] !== n)) fail('shape', `associativeScan: sizes along axis ${axis} differ`)
  const combine: Trees = (a, b) => {
    const whole = unflatten(tree, a)
    const result = fn(whole as Part<E, A>, unflatten(tree, b) as Part<E, A>)
    sameCarry('associativeScan', whole, result)
    return flatten(result).leaves
  }
  const turned = (xs: readonly AnyTensor[]): readonly AnyTensor[] =>
    options.reverse ? xs.map((x) => prim.reverse(x, [axis])) : xs
  return unflatten(tree, turned(prefixes(combine, turned(leaves), axis))) as E
}

/** Combines neighbours, scans the half as many, and fills in those between. */
function prefixes(combine: Trees, xs: readonly AnyTensor[], axis: number): readonly AnyTensor[] {
  const n = xs[0].aval.shape[axis]
  if (n < 2) return xs
  const half = Math.floor(n / 2)
  const odd = prefixes(combine, combine(every(xs, axis, 0, 2 * half, 2), every(xs, axis, 1, n, 2)), axis)
  const first = every(xs, axis, 0, 1)
  const rest = Math.ceil(n / 2) - 1
  const between = rest ? combine(every(odd, axis, 0, rest), every(xs, axis, 2, n, 2)) : []
  const even = rest ? first.map((x, i) => prim.concat([x, between[i]], axis)) : first
  return even.map((x, i) => interleaved(x, odd[i], axis))
}

/** Elements start, start + stride, … below limit along the axis. */
const every = (xs: readonly AnyTensor[], axis: number, start: number, limit: number, stride = 1): AnyTensor[] =>
  xs.map((x) => {
    const { shape } = x.aval
    return prim.slice(
      x,
      shape.map((_, d) => (d === axis ? start : 0)),
      shape.map((size, d) => (d === axis ? limit : size)),
      shape.map((_, d) => (d === axis ? stride : 1)),
    )
  })

/** a₀, b₀, a₁, b₁, …; `a` has as many elements as `b` or one more. */
function interleaved(a: AnyTensor, b: AnyTensor, axis: number): AnyTensor {
  const { shape } = a.aval
  const n = shape[axis] + b.aval.shape[axis]
  const padded = n % 2 ? prim.concat([b, every([a], axis, 0, 1)[0]], axis) : b
  const pairs = [a, padded].map((x) => prim.reshape(x, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)]))
  const whole = prim.reshape(
    prim.concat(pairs, axis + 1),
    shape.map((size, d) => (d === axis ? 2 * size : size)),
  )
  return every([whole], axis, 0, n)[0]
}
