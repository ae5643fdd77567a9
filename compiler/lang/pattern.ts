import { sameShape, showShape, size } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { AnyTensor } from '../types/operand.js'
import type { Einops } from '../types/rearrange.js'
import { fail } from './fail.js'

/** An einops pattern read against a tensor: its sides' axes, group by group, and the size of each axis. */
export interface Pattern {
  readonly left: readonly string[][]
  readonly right: readonly string[][]
  readonly sizes: Readonly<Record<string, number>>
}

export function readPattern(
  op: Einops,
  pattern: string,
  shape: readonly number[],
  given: Readonly<Record<string, number>>,
): Pattern {
  const bad = (message: string): never => fail('shape', `${op} '${pattern}': ${message}`)
  const arrow = pattern.indexOf('->')
  if (arrow < 0) bad("expected '->'")
  const left = terms(pattern.slice(0, arrow), 'L')
  const right = terms(pattern.slice(arrow + 2), 'R')
  checkNames(op, left.flat(), right.flat(), Object.keys(given), bad)
  const numbers = [...left, ...right].flat().filter(isNumber)
  const known = { ...given, ...Object.fromEntries(numbers.map((a) => [a, Number.parseInt(a, 10)])) }
  return { left, right, sizes: solve(left, shape, known, bad) }
}

export const sizesOfAxes = (axes: readonly string[], { sizes }: Pattern): number[] => axes.map((a) => sizes[a])
/** A group's axes as one dim. */
export const merged = (groups: readonly string[][], p: Pattern): number[] => groups.map((g) => size(sizesOfAxes(g, p)))
export const view = (x: AnyTensor, shape: readonly number[]): AnyTensor =>
  sameShape(x.aval.shape, shape) ? x : prim.reshape(x, shape)
/** Dims of `x`, which are `from`, in the order `to`. */
export function ordered(x: AnyTensor, from: readonly string[], to: readonly string[]): AnyTensor {
  const permutation = to.map((a) => from.indexOf(a))
  return permutation.every((d, i) => d === i) ? x : prim.transpose(x, permutation)
}

/** Terms of one side, each a list of axes: 'b (h p) 1' → [['b'], ['h', 'p'], []]. A number is an axis of its own: '2@L1.0'. */
const terms = (side: string, at: string): string[][] =>
  [...side.matchAll(/\(([^)]*)\)|[^\s()]+/g)].map(([word, group], i) =>
    group === undefined
      ? word === '1'
        ? []
        : tagged([word], `${at}${i}`)
      : tagged(group.split(' ').filter(Boolean), `${at}${i}`),
  )
const tagged = (axes: readonly string[], at: string): string[] =>
  axes.map((a, k) => (/^\d+$/.test(a) ? `${a}@${at}.${k}` : a))
const isNumber = (axis: string): boolean => axis.includes('@')
const shown = (axis: string): string => axis.split('@')[0]

/** Each axis once on a side, and on the other side unless it is dropped or added; sizes are given for axes that exist. */
function checkNames(
  op: Einops,
  left: readonly string[],
  right: readonly string[],
  given: readonly string[],
  bad: (message: string) => never,
): void {
  const twice = (axes: readonly string[]): string | undefined => axes.find((a, i) => axes.includes(a, i + 1))
  const say = (axis: string | undefined, message: string): void => {
    if (axis !== undefined) bad(`axis '${axis}' ${message}`)
  }
  say(twice(left), 'is named twice on the left')
  say(twice(right), 'is named twice on the right')
  const named = op === 'reduce' ? right : op === 'repeat' ? left : [...left, ...right]
  const nameless = named.find(isNumber)
  if (nameless) bad(`${shown(nameless)} needs a name here`)
  if (op !== 'reduce')
    say(
      left.find((a) => !right.includes(a)),
      'is only on the left',
    )
  const added = right.filter((a) => !left.includes(a))
  const unsized = op === 'repeat' ? added.filter((a) => !given.includes(a) && !isNumber(a)) : added
  say(unsized[0], `is only on the right${op === 'repeat' ? '; give its size' : ''}`)
  const extra = given.find((a) => !left.includes(a) && !(op === 'repeat' && right.includes(a)))
  if (extra) bad(`there is no axis '${extra}' to give a size`)
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
    const words = group.map(shown).join(' ')
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
