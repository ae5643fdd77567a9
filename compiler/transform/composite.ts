import type { OpRecord } from '../ops/op.js'
import { traceFn } from '../trace/collect.js'
import { type Flat, functionOp, mapped, perStructure } from './function-op.js'
import { jvpFn } from './jvp.js'

function compositeOp(name: string, f: Flat): OpRecord {
  return functionOp(
    name,
    f,
    ({ inputs, tangents }) => {
      const { fn, captured } = traceFn((...xs) => f(xs), inputs, name)
      return jvpFn(fn, [...inputs, ...captured], [...tangents, ...captured.map(() => null)]).tangents
    },
    (on) => compositeOp(name, mapped(f, on)),
  )
}

/**
 * `f` as one named op: in the IR's text, in errors and plans it stands under `name`, and its body once, not at every call. Derivatives,
 * batching and the compiler see through it. `f` may use no tensor that isn't an argument.
 * Throws FoveaError 'trace' when it does.
 *
 * @example
 * const rmsNorm = composite('rmsNorm', (x) => mul(x, rsqrt(mean(square(x), -1, { keepdims: true }))))
 * console.log(await rmsNorm(tensor([3, 3])).data()) // Float32Array(2) [ 1, 1 ]
 */
export const composite = <A extends readonly any[], R>(name: string, f: (...args: A) => R): ((...args: A) => R) =>
  perStructure(f, (_, flat) => compositeOp(name, flat))
