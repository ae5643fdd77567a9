import { type ConvParams, convAxes, type Layout, layouts } from './conv-dims.js'
import type { AnyTensor } from './op.js'
import { sumTaps } from './patches.js'
import * as p from './prim.js'
import { type Axis, exchanged, inverse, windows } from './windows.js'

/** A tensor whose dims have names: n batch, c features, o output features, g groups of both, and for spatial dim d its places hd, positions id and taps jd. */
interface Named {
  readonly x: AnyTensor
  readonly names: readonly string[]
}

/**
 * A convolution as a product. Of its three indices per spatial dim, the places h of the input, the positions i of the result
 * and the taps j of the kernel, any two give the third, so there are three ways to make it one:
 *
 * - windows on the input, [n, i, j, c] · [j, c, o], summed over taps and features ("im2col", Chellapilla et al. 2006);
 * - the product first, [n, h, c] · [j, c, o], and then the sum of what falls on each i ("col2im"): where the input is spread
 *   by lhsDilation, so that windows on it would be zeros for the most part;
 * - windows on the kernel, [n, h, c] · [i, h, c, o]: likewise where the spread input is as long as the kernel, as in the
 *   gradient of the kernel of a transposed convolution.
 */
export function expandConv(lhs: AnyTensor, rhs: AnyTensor, q: ConvParams): AnyTensor {
  const at = layouts(q.dimensionNumbers)
  const axes = convAxes(lhs.aval.shape, rhs.aval.shape, q)
  const input = { x: lhs, names: namesOf(at.lhs, 'n', 'c', 'h') }
  const kernel = { x: rhs, names: namesOf(at.rhs, 'o', 'c', 'j') }
  const result = namesOf(at.out, 'n', 'o', 'i')

  const pairs = (of: (a: Axis) => number): number => axes.reduce((n, a) => n * of(a), 1)
  const onInput = pairs((a) => a.count * a.window)
  if (2 * pairs((a) => a.size * a.window) <= onInput) return productFirst(input, kernel, axes, q.groups, result)
  if (q.groups === 1 && 2 * pairs((a) => a.count * a.size) <= onInput) {
    const solved = axes.map((a) => exchanged(inverse(exchanged(a))))
    return product(input, slide(kernel, 'j', 'o', solved, 'h'), result)
  }
  const w = grouped(kernel, 'o', q.groups)
  const patches = grouped(slide(input, 'h', 'n', axes, 'j'), 'c', q.groups)
  const few = q.groups > 1 && rhs.aval.shape[at.rhs.outer] / q.groups < fewOutputs
  const make = few ? sumOfProducts : product
  return ungrouped(make(patches, w, withGroups(result, q.groups)), result, q.groups)
}
/** With fewer outputs per group, as in depthwise convolutions, each group's product would be one of vectors: a reduction instead. */
const fewOutputs = 4

function namesOf(at: Layout, outer: string, feature: string, spatial: string): string[] {
  const names = [...at.spatial, outer, feature].map(() => '')
  names[at.outer] = outer
  names[at.feature] = feature
  at.spatial.forEach((dim, d) => {
    names[dim] = `${spatial}${d}`
  })
  return names
}
const numbered = (letter: string, axes: readonly Axis[]): string[] => axes.map((_, d) => `${letter}${d}`)

function arrange({ x, names }: Named, order: readonly string[]): AnyTensor {
  const permutation = order.map((name) => names.indexOf(name))
  return permutation.every((d, i) => d === i) ? x : p.transpose(x, permutation)
}

const withGroups = (names: readonly string[], groups: number): string[] =>
  names.flatMap((name) => (groups > 1 && name === 'o' ? ['g', 'o'] : [name]))
/** Splits a dim of features into groups and the features of each. */
function grouped({ x, names }: Named, name: string, groups: number): Named {
  if (groups === 1) return { x, names }
  const dim = names.indexOf(name)
  const { shape } = x.aval
  return {
    x: p.reshape(x, [...shape.slice(0, dim), groups, shape[dim] / groups, ...shape.slice(dim + 1)]),
    names: [...names.slice(0, dim), 'g', ...names.slice(dim)],
  }
}
/** The groups of `o` joined again. */
function ungrouped(x: AnyTensor, names: readonly string[], groups: number): AnyTensor {
  if (groups === 1) return x
  const dim = names.indexOf('o')
  const { shape } = x.aval
  return p.reshape(x, [...shape.slice(0, dim), groups * shape[dim + 1], ...shape.slice(dim + 2)])
}

/**
 * Windows on the dims `spatial` of `v`, taps of which are named by `taps`. The dims keep the order they have in memory, so that
 * windows on one array are one value, whichever of forward and backward pass asks.
 */
function slide({ x, names }: Named, spatial: string, outer: string, axes: readonly Axis[], taps: string): Named {
  const [first, last] = names.filter((name) => !name.startsWith(spatial))
  const places = arrange({ x, names }, [first, ...numbered(spatial, axes), last])
  const [i, j] = [numbered('i', axes), numbered(taps, axes)]
  return first === outer
    ? { x: windows(places, axes), names: [first, ...i, ...j, last] }
    : { x: windows(places, axes.map(exchanged)), names: [first, ...j, ...i, last] }
}

/** Sums products over the names that both have and `order` has not. */
function product(a: Named, b: Named, order: readonly string[]): AnyTensor {
  const shared = a.names.filter((name) => b.names.includes(name))
  const batch = shared.filter((name) => order.includes(name))
  const contract = shared.filter((name) => !order.includes(name))
  const dims = (v: Named, which: readonly string[]): number[] => which.map((name) => v.names.indexOf(name))
  const x = p.dotGeneral(a.x, b.x, {
    lhsContract: dims(a, contract),
    rhsContract: dims(b, contract),
    lhsBatch: dims(a, batch),
    rhsBatch: dims(b, batch),
  })
  const free = [...a.names, ...b.names].filter((name) => !shared.includes(name))
  return arrange({ x, names: [...batch, ...free] }, order)
}

/** The same as a reduction. Groups and outputs are last, neighbours in memory where channels are. */
function sumOfProducts(a: Named, b: Named, order: readonly string[]): AnyTensor {
  const sizes = new Map([a, b].flatMap(({ x, names }) => names.map((name, d) => [name, x.aval.shape[d]] as const)))
  const all = [...sizes.keys()].filter((name) => name !== 'g' && name !== 'o').concat('g', 'o')
  const spread = (v: Named): AnyTensor => {
    const own = all.filter((name) => v.names.includes(name))
    return p.broadcastInDim(
      arrange(v, own),
      all.map((name) => sizes.get(name)!),
      own.map((name) => all.indexOf(name)),
    )
  }
  const summed = all.flatMap((name, d) => (order.includes(name) ? [] : [d]))
  const x = p.reduceSum(p.mul(spread(a), spread(b)), summed)
  return arrange({ x, names: all.filter((name) => order.includes(name)) }, order)
}

function productFirst(
  input: Named,
  kernel: Named,
  axes: readonly Axis[],
  groups: number,
  result: readonly string[],
): AnyTensor {
  // Windows side by side that are read backwards: turn the kernel, which is smaller than what it makes.
  const backwards = axes.every(
    (a) => a.stride === 1 && a.dilation === 1 && a.lhsDilation === a.window && a.low === a.window - 1,
  )
  const taps = kernel.names.flatMap((name, d) => (name.startsWith('j') ? [d] : []))
  const w = backwards ? { ...kernel, x: p.reverse(kernel.x, taps) } : kernel
  const order = ['n', ...numbered('h', axes), ...numbered('j', axes), 'o']
  const products = product(grouped(input, 'c', groups), grouped(w, 'o', groups), withGroups(order, groups))
  const landed = land(
    ungrouped(products, order, groups),
    backwards ? axes.map((a) => ({ ...a, dilation: -1, low: 0 })) : axes,
  )
  return arrange({ x: landed, names: ['n', ...numbered('i', axes), 'o'] }, result)
}

/** [n, h…, j…, o] → [n, i…, o]: the sum of what falls on each position. Where nothing overlaps, taps stand side by side. */
function land(x: AnyTensor, axes: readonly Axis[]): AnyTensor {
  const apart = axes.every(
    (a) => a.stride === 1 && a.lhsDilation === a.window && a.low === 0 && (a.dilation === -1 || a.window === 1),
  )
  if (!apart) return sumTaps(p.patches(x, axes), axes)
  const [n, o] = [x.aval.shape[0], x.aval.shape[2 * axes.length + 1]]
  const pairs = axes.flatMap((_, d) => [1 + d, 1 + axes.length + d])
  const whole = p.reshape(p.transpose(x, [0, ...pairs, 2 * axes.length + 1]), [
    n,
    ...axes.map((a) => a.size * a.window),
    o,
  ])
  const missing = [0, ...axes.map((a) => a.count - a.size * a.window), 0]
  const none = missing.map(() => 0)
  return missing.every((m) => m === 0) ? whole : p.pad(whole, p.constant(0, whole.dtype), none, missing)
}
