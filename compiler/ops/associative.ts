import type { AnyTensor } from './op.js'
import * as p from './prim.js'

const part = (x: AnyTensor, axis: number, start: number, limit: number, stride: number): AnyTensor => {
  const { shape } = x.aval
  return p.slice(
    x,
    shape.map((_, d) => (d === axis ? start : 0)),
    shape.map((n, d) => (d === axis ? limit : n)),
    shape.map((_, d) => (d === axis ? stride : 1)),
  )
}

/** Elements of `a` and `b` in turn along `axis`; `a` may have one more. */
function interleave(a: AnyTensor, b: AnyTensor, axis: number): AnyTensor {
  const n = b.aval.shape[axis]
  const apart = (x: AnyTensor): AnyTensor => {
    const { shape } = x.aval
    return p.reshape(x, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)])
  }
  const pairs = p.concat([apart(part(a, axis, 0, n, 1)), apart(b)], axis + 1)
  const joined = p.reshape(
    pairs,
    b.aval.shape.map((d, i) => (i === axis ? 2 * d : d)),
  )
  return a.aval.shape[axis] > n ? p.concat([joined, part(a, axis, n, n + 1, 1)], axis) : joined
}

/**
 * Prefixes of tensors along `axis` under a combination that is associative: halves the line by combining neighbours, solves that,
 * and fills in the other half. The tree is that of jax.lax.associative_scan (Blelloch 1990, "Prefix sums and their applications").
 */
export function associativeScan(
  combine: (a: readonly AnyTensor[], b: readonly AnyTensor[]) => AnyTensor[],
  xs: readonly AnyTensor[],
  axis: number,
): AnyTensor[] {
  const n = xs[0].aval.shape[axis]
  if (n < 2) return [...xs]
  const parts = (of: readonly AnyTensor[], start: number, limit: number, stride = 1): AnyTensor[] =>
    of.map((x) => part(x, axis, start, limit, stride))
  const pairs = combine(parts(xs, 0, n - 1, 2), parts(xs, 1, n, 2))
  const odd = associativeScan(combine, pairs, axis)
  const first = parts(xs, 0, 1)
  if (n === 2) return first.map((x, i) => p.concat([x, odd[i]], axis))
  const before = n % 2 ? odd : parts(odd, 0, Math.floor(n / 2) - 1)
  const even = combine(before, parts(xs, 2, n, 2))
  return first.map((x, i) => interleave(p.concat([x, even[i]], axis), odd[i], axis))
}
