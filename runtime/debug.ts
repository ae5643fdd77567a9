import { print } from '../compiler/trace/prints.js'
import { nans } from './nans.js'

/**
 * Aids to see into a traced function.
 *
 * `debug.print(format, ...values)` prints a line with a value, a tensor or a pytree, for each `{}`. In a jitted function the
 * line comes at every call, when the program has run, in the order of the program; the call resolves after it. Under
 * `grad` it prints what the function computes; under `vmap` the whole batch. Outside `jit` the values are computed and
 * printed at once. Large tensors are shown by their edges. Throws FoveaError 'input' when values and `{}` differ in number,
 * and 'trace' in the body of a loop, a branch, or a function with its own derivative.
 *
 * `debug.nans()` switches a check on (`debug.nans(false)` off): a call, or a value read outside `jit`, whose results hold NaN
 * or an infinity rejects with FoveaError 'nan', which names the op that made the first one, its operands' shapes and
 * ranges, the scope and the line. Results are read back for it, and donated arguments are not written over: for
 * debugging.
 *
 * @example
 * const f = jit((x) => {
 *   const y = mul(x, 2)
 *   debug.print('y is {}', y)
 *   return sum(y)
 * })
 * await f(tensor([1, 2])) // prints: y is [2, 4]
 * debug.nans()
 * const error = await log(tensor([-1])).data().catch((err) => err)
 * debug.nans(false)
 * console.log(error.code) // nan
 */
export const debug = { print, nans } as const
