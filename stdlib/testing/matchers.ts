import { showShape } from '../../compiler/ir/types.js'
import type { AnyTensor } from '../../compiler/ops/op.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { assertClose, type Tolerance } from './assert-close.js'
import { type CheckGradsOptions, checkGrads } from './check-grads.js'
import type { Values } from './values.js'

interface Outcome {
  readonly pass: boolean
  readonly message: () => string
}

/** What `expect` has with `matchers`, for the declaration that a test project makes once (docs/testing.md). */
export interface TensorMatchers<R = unknown> {
  /** As `assertClose`, which reads tensors: await it. */
  toBeAllClose(expected: Values, tolerance?: Tolerance): Promise<R>
  /** A tensor's shape. */
  toHaveShape(shape: readonly number[]): R
  /** As `checkGrads` of a function, at these arguments: await it. */
  toHaveGradients(args: readonly any[], options?: CheckGradsOptions): Promise<R>
}

/** A check that throws, as a matcher's outcome. What is no failure of the check, such as bad input, stays an error. */
async function outcome(check: Promise<void>, otherwise: string): Promise<Outcome> {
  try {
    await check
    return { pass: true, message: () => otherwise }
  } catch (err) {
    if (!(err instanceof FoveaError && err.code === 'assert')) throw err
    return { pass: false, message: () => err.message }
  }
}

/**
 * Matchers for `expect` of vitest and Jest: `expect.extend(matchers)`.
 *
 * @example
 * const { pass } = await matchers.toBeAllClose(add(tensor([1]), 1), [2])
 * console.log(pass) // true
 */
export const matchers = {
  toBeAllClose: (actual: Values, expected: Values, tolerance?: Tolerance): Promise<Outcome> =>
    outcome(assertClose(actual, expected, tolerance), 'expected the arrays to differ, and they are close'),

  toHaveShape: ({ shape }: AnyTensor, expected: readonly number[]): Outcome => ({
    pass: shape.join() === expected.join(),
    message: () => `expected shape ${showShape(expected)}, got ${showShape(shape as readonly number[])}`,
  }),

  toHaveGradients: (
    f: (...args: any[]) => unknown,
    args: readonly any[],
    options?: CheckGradsOptions,
  ): Promise<Outcome> =>
    outcome(
      checkGrads(f, [...args], options),
      "expected the function's derivatives not to be its slopes, and they are",
    ),
}
