import { isFloat } from '../ir/types.js'
import type { OpRecord } from '../ops/op.js'
import { type AnyTensor, flatten, unflatten } from '../trace/tree.js'
import { type Flat, functionOp, mapped, perStructure, sameAvals, zerosFor } from './function-op.js'

type FlatJvp = (primals: readonly AnyTensor[], tangents: readonly AnyTensor[]) => AnyTensor[]

function jvpOp(name: string, f: Flat, rule: FlatJvp): OpRecord {
  return functionOp(
    name,
    f,
    ({ inputs, outs, tangents }) => {
      const results = rule(inputs, zerosFor(tangents, inputs))
      sameAvals(name, 'tangents', results, outs)
      return results.map((t, i) => (isFloat(outs[i].aval.dtype) ? t : null))
    },
    (on) =>
      jvpOp(name, mapped(f, on), (primals, tangents) =>
        mapped((xs) => rule(xs.slice(0, on.length), xs.slice(on.length)), [...on, ...on])([...primals, ...tangents]),
      ),
  )
}

/**
 * `f` with a forward derivative of your own: `rule(primals, tangents)` returns [value, tangent of the value], and must be
 * linear in the tangents, so that it can be transposed for reverse mode. `f` may use no tensor that isn't an argument.
 * Throws FoveaError 'trace' when it does, 'shape' or 'tree' when the tangent is not like the value.
 *
 * @example
 * // log(1 + eˣ), whose derivative is written so that it doesn't overflow
 * const log1pexp = customJvp(
 *   (x) => log(add(1, exp(x))),
 *   ([x], [dx]) => [log(add(1, exp(x))), mul(sigmoid(x), dx)],
 * )
 * console.log(await grad((x) => sum(log1pexp(x)))(tensor([0])).data()) // Float32Array(1) [ 0.5 ]
 */
export function customJvp<A extends readonly any[], R>(
  f: (...args: A) => R,
  rule: (primals: A, tangents: A) => readonly [value: R, tangent: R],
): (...args: A) => R {
  const name = `customJvp ${f.name || 'f'}`
  return perStructure(f, (tree, flat) =>
    jvpOp(name, flat, (primals, tangents) => {
      const [, t] = rule(unflatten(tree, primals) as unknown as A, unflatten(tree, tangents) as unknown as A)
      return flatten(t).leaves
    }),
  )
}
