import { sameShape, showShape, size } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { Dims } from '../types/dim.js'
import type { AnyTensor, DTypeOf, ShapeOf } from '../types/operand.js'
import type { Rearrange } from '../types/rearrange.js'
import type { Ok, Param } from '../types/shape.js'
import { fail } from './fail.js'
import { tensorOf } from './operand.js'

type Sizes = Readonly<Record<string, number>>

/**
 * Splits, reorders and merges axes in einops notation: 'b (h p) (w q) c -> b (h w) (p q c)'. `sizes` gives what a split cannot
 * infer; `1` is a dim of size 1.
 * Throws FoveaError 'shape' when a dim does not divide or an axis is not on both sides.
 *
 * @example
 * const heads = rearrange(ones([2, 16, 512]), 'b t (h d) -> b h t d', { h: 8 })
 */
export function rearrange<X extends AnyTensor, const Spec extends string, const Z extends Sizes = {}>(
  x: X,
  spec: Param<Spec, Rearrange<Spec, ShapeOf<X>, SizeDims<Z>>>,
  sizes?: Z,
): Tensor<Ok<Rearrange<Spec, ShapeOf<X>, SizeDims<Z>>>, DTypeOf<X>> {
  const t = tensorOf('rearrange', x)
  const pattern = spec as string
  const bad = (message: string): never => fail('shape', `rearrange '${pattern}': ${message}`)
  const arrow = pattern.indexOf('->')
  if (arrow < 0) bad("expected '->'")
  const left = terms(pattern.slice(0, arrow))
  const right = terms(pattern.slice(arrow + 2))
  checkNames(left.flat(), right.flat(), bad)
  const extra = Object.keys(sizes ?? {}).find((a) => !left.flat().includes(a))
  if (extra) bad(`there is no axis '${extra}' to give a size`)
  const known = solve(left, t.aval.shape, { ...sizes }, bad)
  const from = left.flat()
  const to = right.flat()
  const view = (y: AnyTensor, shape: readonly number[]): AnyTensor =>
    sameShape(y.aval.shape, shape) ? y : prim.reshape(y, shape)
  const split = view(
    t,
    from.map((a) => known[a]),
  )
  const permutation = to.map((a) => from.indexOf(a))
  const moved = permutation.every((d, i) => d === i) ? split : prim.transpose(split, permutation)
  return view(
    moved,
    right.map((group) => size(group.map((a) => known[a]))),
  )
}
/** Sizes that are named dims keep their names. */
type SizeDims<Z> = { [K in keyof Z]: Dims<[Z[K]]>[0] }

/** Terms of one side, each a list of axes: 'b (h p) 1' → [['b'], ['h', 'p'], []]. */
const terms = (side: string): string[][] =>
  [...side.matchAll(/\(([^)]*)\)|[^\s()]+/g)].map(([word, group]) =>
    group === undefined ? (word === '1' ? [] : [word]) : group.split(' ').filter(Boolean),
  )

/** Each axis once on the left and once on the right. */
function checkNames(left: readonly string[], right: readonly string[], bad: (message: string) => never): void {
  const twice = (axes: readonly string[]): string | undefined => axes.find((a, i) => axes.includes(a, i + 1))
  const sides = [twice(left), twice(right), left.find((a) => !right.includes(a)), right.find((a) => !left.includes(a))]
  const says = [
    'is named twice on the left',
    'is named twice on the right',
    'is only on the left',
    'is only on the right',
  ]
  const at = sides.findIndex((a) => a !== undefined)
  if (at >= 0) bad(`axis '${sides[at]}' ${says[at]}`)
}

/** Sizes of all axes, from the dims and the given sizes. A term may have one axis of unknown size. */
function solve(
  left: readonly string[][],
  shape: readonly number[],
  known: Record<string, number>,
  bad: (message: string) => never,
): Record<string, number> {
  if (left.length !== shape.length) bad(`the left side names ${left.length} axes but the tensor is ${showShape(shape)}`)
  left.forEach((group, i) => {
    const unknown = group.filter((a) => !(a in known))
    const product = size(group.flatMap((a) => (a in known ? [known[a]] : [])))
    const words = group.join(' ')
    if (unknown.length > 1) bad(`(${words}) has more than one axis of unknown size; give sizes`)
    if (!unknown.length) {
      if (product !== shape[i]) bad(`(${words}) is ${product} but the dim is ${shape[i]}`)
      return
    }
    if (!(product > 0 && shape[i] % product === 0)) bad(`dim ${shape[i]} is not divisible by ${product} in (${words})`)
    known[unknown[0]] = shape[i] / product
  })
  return known
}
