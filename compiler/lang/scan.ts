import { opOf } from '../ops/op.js'
import { bind, inputTensor } from '../trace/tensor.js'
import { flatten, unflatten } from '../trace/tree.js'
import type { HasSteps, SameCarry, Slice, Stacked, StepCount } from '../types/control.js'
import type { AnyTensor } from '../types/operand.js'
import type { Param } from '../types/shape.js'
import { bodyOf, sameCarry } from './bodies.js'
import { fail } from './fail.js'
import { describe } from './trees.js'

/** How `scan` steps. */
export interface ScanOptions<N> {
  /** How many steps; needed without xs. */
  readonly length?: N
  /** From the last slice to the first. */
  readonly reverse?: boolean
}

/**
 * A loop over the leading axis of the tensors of `xs`: `[carry, y] = f(carry, x)` for each slice x, from `init` on; [last carry, ys stacked]
 * (lax.scan). Carry, xs and ys are trees of tensors, xs may be null when `length` is given; the carry keeps its shapes and dtypes. `f` is
 * traced once, whatever the length, and may use tensors from outside. Derivatives go through it in both modes; in reverse what `f`'s
 * derivative needs of each step is kept: `remat` keeps less.
 * Throws FoveaError 'shape' when the carry changes, or leading dims differ.
 *
 * @example
 * const [total, sums] = scan((carry, x) => { const y = add(carry, x); return [y, y] }, tensor(0), tensor([1, 2, 3]))
 * console.log(await total.item(), await sums.data()) // 6 Float32Array(3) [ 1, 3, 6 ]
 */
export function scan<C, X, R, Y, const N extends number | undefined = undefined>(
  f: (carry: C, x: NoInfer<Slice<X>>) => readonly [R & SameCarry<'scan', C, R>, Y],
  init: C,
  xs: Param<X, HasSteps<'scan', X, N>>,
  options: ScanOptions<N> = {},
): [carry: C, ys: Stacked<Y, StepCount<X, N>>] {
  return scanned('scan', f as Step, init, xs, options) as [C, Stacked<Y, StepCount<X, N>>]
}

/**
 * `f` of each slice along the leading axis of `xs`, one after the other, results stacked (lax.map): `vmap` with the memory of one step.
 * Throws FoveaError 'shape' when leading dims differ.
 *
 * @example
 * const norms = map((x) => sum(mul(x, x)), tensor([[1, 2], [3, 4]]))
 * console.log(await norms.data()) // Float32Array(2) [ 5, 25 ]
 */
export function map<X, Y>(
  f: (x: NoInfer<Slice<X>>) => Y,
  xs: Param<X, HasSteps<'map', X>>,
): Stacked<Y, StepCount<X, undefined>> {
  const step: Step = (carry, x) => [carry, f(x as Slice<X>)]
  return scanned('map', step, [], xs, {})[1] as Stacked<Y, StepCount<X, undefined>>
}

type Step = (carry: unknown, x: unknown) => readonly [carry: unknown, y: unknown]

function scanned(op: string, f: Step, init: unknown, xs: unknown, options: ScanOptions<number | undefined>): unknown[] {
  const carry = flatten(init)
  const sequences = flatten(xs)
  const length = stepsOf(op, sequences.leaves, options.length)
  const slices = sequences.leaves.map(({ aval }, i) =>
    inputTensor({ ...aval, shape: aval.shape.slice(1) }, sequences.paths[i]),
  )
  const step = bodyOf(op, f, [init, unflatten(sequences.tree, slices)])
  const { result, out } = step
  if (!Array.isArray(result) || result.length !== 2 || out.kind !== 'array')
    return fail('shape', `${op}: the body must return [carry, y]`)
  sameCarry(op, init, result[0])
  const params = { length, reverse: options.reverse ?? false, consts: step.captured.length, carry: carry.leaves.length }
  const outs = bind(opOf('scan'), [...step.captured, ...carry.leaves, ...sequences.leaves], params, [step.fn])
  return unflatten({ ...out, items: [carry.tree, out.items[1]] }, outs) as unknown[]
}

function stepsOf(op: string, xs: readonly AnyTensor[], length: number | undefined): number {
  if (!xs.length) {
    if (length === undefined) fail('shape', `${op}: expected xs or length`)
    if (!(Number.isInteger(length) && length >= 0))
      fail('shape', `${op}: length must be a whole number of at least 0, got ${length}`)
    return length
  }
  for (const x of xs) if (!x.aval.shape.length) fail('shape', `${op}: xs must have a leading axis, got ${describe(x)}`)
  const steps = xs[0].aval.shape[0]
  if (xs.some((x) => x.aval.shape[0] !== steps)) fail('shape', `${op}: leading dims of xs differ`)
  if (length !== undefined && length !== steps)
    fail('shape', `${op}: length is ${length}, but xs have leading dim ${steps}`)
  return steps
}
