import type { Json } from '../ir/types.js'
import { opOf } from '../ops/op.js'
import * as prim from '../ops/prim.js'
import { bind, type Tensor } from '../trace/tensor.js'
import { flatten, unflatten } from '../trace/tree.js'
import { bodyOf } from './bodies.js'
import { tensorOf } from './operand.js'

/** Which values inside a function its derivative saves (jax.checkpoint_policies). */
export type RematPolicy =
  | 'nothingSaveable'
  | 'everythingSaveable'
  | 'dotsSaveable'
  | 'dotsWithNoBatchDimsSaveable'
  | { readonly saveOnlyTheseNames: readonly string[] }

/**
 * `f`, whose reverse derivative computes again what it needs of the values inside instead of keeping them (jax.checkpoint, also named
 * jax.remat): less memory for more work. `policy` says what is kept nevertheless: 'nothingSaveable' (the default) only the arguments,
 * 'dotsSaveable' results of matrix products, 'dotsWithNoBatchDimsSaveable' those without batch dims, `{ saveOnlyTheseNames }` what
 * `checkpointName` has named, 'everythingSaveable' all.
 *
 * Source: Chen et al. 2016, "Training deep nets with sublinear memory cost".
 *
 * @example
 * const block = remat((x, w) => tanh(matmul(tanh(x), w)), { policy: 'dotsSaveable' })
 * const slope = grad((x) => sum(block(x, ones([2, 2]))))(zeros([1, 2]))
 * console.log(await slope.data()) // Float32Array(2) [ 2, 2 ]
 */
export function remat<A extends readonly any[], R>(
  f: (...args: A) => R,
  { policy = 'nothingSaveable' }: { readonly policy?: RematPolicy } = {},
): (...args: A) => R {
  return (...args) => {
    const body = bodyOf('remat', f, args)
    const operands = [...body.captured, ...flatten(args).leaves]
    return unflatten(body.out, bind(opOf('remat'), operands, { policy: policy as Json }, [body.fn])) as R
  }
}

/**
 * `x`, under a name by which a policy of `remat` may save it (jax.ad_checkpoint.checkpoint_name).
 *
 * @example
 * const f = remat((x) => sin(checkpointName(exp(x), 'e')), { policy: { saveOnlyTheseNames: ['e'] } })
 * console.log((await f(tensor([0])).item()).toFixed(4)) // 0.8415
 */
export const checkpointName = <S, D>(x: Tensor<S, D>, name: string): Tensor<S, D> =>
  prim.checkpointName(tensorOf('checkpointName', x), name) as Tensor<S, D>
