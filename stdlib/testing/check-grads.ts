import { isFloat } from '../../compiler/ir/types.js'
import type { AnyTensor, RefArray } from '../../compiler/ops/op.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { flatten, unflatten } from '../../compiler/trace/tree.js'
import { jvp, vjp } from '../../compiler/transform/index.js'
import { difference } from './assert-close.js'
import { reference, refsOf } from './reference.js'
import { uniform } from './uniform.js'
import { hostTensor } from './values.js'

export type Mode = 'forward' | 'reverse'

export interface CheckGradsOptions {
  /** Highest derivative to check, default 1. At 2, the derivatives themselves are differentiated and checked. */
  readonly order?: number
  /** Default both. */
  readonly modes?: readonly Mode[]
  /** Step of the finite differences, default 1e-5: their error is about eps² beside f64 rounding. */
  readonly eps?: number
  /** Default 1e-6. */
  readonly rtol?: number
  /** Default 1e-7. */
  readonly atol?: number
}

/** A function of float tensors alone, and the point at which it is differentiated. */
interface Subject {
  readonly name: string
  readonly f: (...xs: AnyTensor[]) => AnyTensor[]
  readonly points: readonly AnyTensor[]
  readonly paths: readonly string[]
}

/**
 * Asserts that the derivatives of `f` at `args` (a tuple of trees of tensors, one per argument) agree with central finite
 * differences, along a random direction for each float leaf. Everything runs in the f64 reference interpreter: no device is
 * needed. `f` returns a tensor or a tree of them; it must be smooth at `args`.
 * Throws FoveaError 'assert' naming mode, order and leaf.
 *
 * @example
 * await checkGrads((x) => tanh(x), [tensor([0.5, -1])], { order: 2 })
 */
export async function checkGrads<A extends readonly any[]>(
  f: (...args: A) => unknown,
  args: A,
  options: CheckGradsOptions = {},
): Promise<void> {
  const { leaves, paths, tree } = flatten(args)
  const float = (x: AnyTensor): boolean => isFloat(x.aval.dtype)
  const ofFloats = (...xs: AnyTensor[]): AnyTensor[] => {
    let next = 0
    const whole = unflatten(
      tree,
      leaves.map((x) => (float(x) ? xs[next++] : x)),
    )
    return flatten(f(...(whole as A))).leaves.filter(float)
  }
  const points = leaves.filter(float)
  if (!points.length) throw new FoveaError('input', 'checkGrads: expected a float tensor among the arguments, got none')
  const subject = { name: f.name || 'f', f: ofFloats, points, paths: paths.filter((_, i) => float(leaves[i])) }
  await check(subject, 1, options)
}

async function check(subject: Subject, order: number, options: CheckGradsOptions): Promise<void> {
  const { order: highest = 1, modes = ['forward', 'reverse'], eps = 1e-5, rtol = 1e-6, atol = 1e-7 } = options
  const { f, points, paths } = subject
  const random = uniform(order)
  const direction = (shape: readonly number[]): AnyTensor => hostTensor(random(shape, -1, 1))
  const tangents = points.map((x) => direction(x.aval.shape))
  const at = await refsOf(points)
  const { run: value } = await reference((xs: AnyTensor[]) => f(...xs), [points])
  const outs = value(at)
  if (!outs.length)
    throw new FoveaError('input', `checkGrads: expected '${subject.name}' to return float tensors, got none`)
  const cotangents = outs.map((y) => direction(y.shape))
  const [v, w] = [await refsOf(tangents), await refsOf(cotangents)]

  /** Derivative of every output along leaf i's tangent: (f(x + eps v) - f(x - eps v)) / (2 eps). */
  const slopes = points.map((_, i) => {
    const shifted = (step: number): RefArray[] => value(at.map((x, j) => (j === i ? axpy(step, v[i], x) : x)))
    const [up, down] = [shifted(eps), shifted(-eps)]
    return up.map((y, k) => ({ ...y, data: y.data.map((a, n) => (a - down[k].data[n]) / (2 * eps)) }))
  })
  const compare = (mode: Mode, i: number, got: RefArray, want: RefArray): void => {
    const problem = difference(got, want, { rtol, atol })
    if (problem)
      throw new FoveaError(
        'assert',
        `checkGrads: ${mode} mode of '${subject.name}', order ${order}, with respect to '${paths[i]}': ${problem}`,
      )
  }

  for (const mode of modes) {
    if (mode === 'forward') {
      const { run: push } = await reference((xs: AnyTensor[], ts: AnyTensor[]) => jvp(f, xs, ts)[1], [points, tangents])
      points.forEach((_, i) => {
        const along = v.map((t, j) => (j === i ? t : { ...t, data: new Float64Array(t.data.length) }))
        push([...at, ...along]).forEach((got, k) => {
          compare(mode, i, got, slopes[i][k])
        })
      })
    } else {
      const { run: pull } = await reference(
        (xs: AnyTensor[], cts: AnyTensor[]) => vjp(f, ...xs)[1](cts),
        [points, cotangents],
      )
      const grads = pull([...at, ...w])
      points.forEach((_, i) => {
        compare(mode, i, scalar(dot(grads[i], v[i])), scalar(w.reduce((sum, ct, k) => sum + dot(ct, slopes[i][k]), 0)))
      })
    }
    if (order < highest) {
      const derivative = (...xs: AnyTensor[]): AnyTensor[] =>
        mode === 'forward' ? jvp(f, xs, tangents)[1] : (vjp(f, ...xs)[1](cotangents) as AnyTensor[])
      await check({ ...subject, f: derivative }, order + 1, options)
    }
  }
}

const axpy = (a: number, x: RefArray, y: RefArray): RefArray => ({
  ...y,
  data: y.data.map((n, i) => n + a * x.data[i]),
})
const dot = (a: RefArray, b: RefArray): number => a.data.reduce((sum, x, i) => sum + x * b.data[i], 0)
const scalar = (x: number): RefArray => ({ shape: [], dtype: 'f32', data: Float64Array.of(x) })
