import { sameShape, showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { Einsum } from '../types/einsum.js'
import type { AnyTensor, CommonAll, Float, Mixed, ShapesOf } from '../types/operand.js'
import type { Ok, Param } from '../types/shape.js'
import { fail } from './fail.js'
import { FLOAT, promoted } from './operand.js'

/** A tensor whose axes have names. */
interface Named {
  readonly x: AnyTensor
  readonly axes: readonly string[]
}

/**
 * Einstein summation: 'b q d, b k d -> b q k' or 'bqd,bkd->bqk'. Axes that the result does not name are summed; floats.
 * Axes are words when any term has a space inside, letters otherwise. More than two operands are contracted from the left.
 * Throws FoveaError 'shape' when an axis has two sizes or a term does not fit its operand.
 *
 * @example
 * const scores = einsum('b q d, b k d -> b q k', ones([2, 3, 8]), ones([2, 5, 8]))
 */
export function einsum<const Spec extends string, Ts extends readonly AnyTensor[]>(
  spec: Param<Spec, Mixed<'einsum', Ts, Einsum<Spec, ShapesOf<Ts>>, Float>>,
  ...operands: Ts
): Tensor<Ok<Mixed<'einsum', Ts, Einsum<Spec, ShapesOf<Ts>>, Float>>, CommonAll<Ts>> {
  const xs = promoted('einsum', operands, FLOAT)
  const { terms, out } = parse(spec as string, xs)
  const named = xs.map((x, i): Named => ({ x, axes: terms[i] }))
  const later = (i: number): Set<string> => new Set([...out, ...terms.slice(i).flat()])
  let acc = sumOut(named[0], later(1))
  for (let i = 1; i < named.length; i++) {
    const next = sumOut(named[i], new Set([...acc.axes, ...later(i + 1)]))
    acc = contract(sumOut(acc, new Set([...next.axes, ...later(i + 1)])), next, later(i + 1), out)
  }
  return arrange(acc, out).x
}

/** Axes of each operand and of the result, checked against the operands' shapes. */
function parse(spec: string, xs: readonly AnyTensor[]): { terms: string[][]; out: string[] } {
  const bad = (message: string): never => fail('shape', `einsum '${spec}': ${message}`)
  const arrow = spec.indexOf('->')
  if (arrow < 0) bad("expected '->' and the result's axes")
  const left = spec
    .slice(0, arrow)
    .split(',')
    .map((t) => t.trim())
  const right = spec.slice(arrow + 2).trim()
  const spaced = [...left, right].some((t) => t.includes(' '))
  const axesIn = (t: string): string[] => (spaced ? t.split(' ').filter(Boolean) : [...t])
  const terms = left.map(axesIn)
  const out = axesIn(right)
  const sizes = new Map<string, number>()
  terms.forEach((axes, i) => {
    if (i >= xs.length) bad(`no operand for '${left[i]}'`)
    const { shape } = xs[i].aval
    if (axes.length !== shape.length)
      bad(`'${left[i]}' names ${axes.length} axes but the operand is ${showShape(shape)}`)
    axes.forEach((a, d) => {
      if (axes.includes(a, d + 1)) bad(`axis '${a}' is named twice in one term`)
      const known = sizes.get(a)
      if (known !== undefined && known !== shape[d])
        bad(`axis '${a}' is ${known} in one operand and ${shape[d]} in another`)
      sizes.set(a, shape[d])
    })
  })
  if (xs.length > terms.length) bad('more operands than terms')
  out.forEach((a, i) => {
    if (out.includes(a, i + 1)) bad(`axis '${a}' is named twice in one term`)
    if (!sizes.has(a)) bad(`axis '${a}' of the result is in no operand`)
  })
  return { terms, out }
}

/** Sums over the axes that nothing else needs. */
function sumOut(n: Named, keep: ReadonlySet<string>): Named {
  const drop = n.axes.flatMap((a, i) => (keep.has(a) ? [] : [i]))
  return drop.length ? { x: prim.reduceSum(n.x, drop), axes: n.axes.filter((a) => keep.has(a)) } : n
}

/** The product of two, summed over the axes both have and `keep` has not. */
function contract(a: Named, b: Named, keep: ReadonlySet<string>, out: readonly string[]): Named {
  const shared = a.axes.filter((x) => b.axes.includes(x))
  const summed = shared.filter((x) => !keep.has(x))
  const order = (axes: readonly string[]): string[] => [...axes].sort((x, y) => out.indexOf(x) - out.indexOf(y))
  const batch = order(shared.filter((x) => keep.has(x)))
  if (!summed.length) return outer(a, b, out)
  const product = (l: Named, r: Named): Named => ({
    x: prim.dotGeneral(l.x, r.x, {
      lhsContract: summed.map((x) => l.axes.indexOf(x)),
      rhsContract: summed.map((x) => r.axes.indexOf(x)),
      lhsBatch: batch.map((x) => l.axes.indexOf(x)),
      rhsBatch: batch.map((x) => r.axes.indexOf(x)),
    }),
    axes: free(l, r),
  })
  const free = (l: Named, r: Named): string[] => [
    ...batch,
    ...l.axes.filter((x) => !shared.includes(x)),
    ...r.axes.filter((x) => !shared.includes(x)),
  ]
  // The order that needs no transpose afterwards, when there is one.
  return free(b, a).join() === out.join() ? product(b, a) : product(a, b)
}

/** Nothing to sum: an elementwise product with broadcasting, which fuses with its neighbours. */
function outer(a: Named, b: Named, out: readonly string[]): Named {
  const all = [...a.axes, ...b.axes.filter((x) => !a.axes.includes(x))]
  const axes = [...all].sort((x, y) => out.indexOf(x) - out.indexOf(y))
  const sizeOf = (name: string): number => {
    const n = a.axes.includes(name) ? a : b
    return n.x.aval.shape[n.axes.indexOf(name)]
  }
  const shape = axes.map(sizeOf)
  const spread = (n: Named): AnyTensor => {
    const own = axes.filter((x) => n.axes.includes(x))
    const { x } = arrange(n, own)
    return sameShape(x.aval.shape, shape)
      ? x
      : prim.broadcastInDim(
          x,
          shape,
          own.map((name) => axes.indexOf(name)),
        )
  }
  return { x: prim.mul(spread(a), spread(b)), axes }
}

/** Transposed so that the axes are in the order `axes`. */
function arrange(n: Named, axes: readonly string[]): Named {
  const permutation = axes.map((a) => n.axes.indexOf(a))
  return permutation.every((d, i) => d === i) ? { x: n.x, axes } : { x: prim.transpose(n.x, permutation), axes }
}
