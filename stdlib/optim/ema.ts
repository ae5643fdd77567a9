import { add, mul } from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { namedScope } from '../../compiler/trace/source.js'
import { type AnyTensor, treeMap } from '../../compiler/trace/tree.js'

/**
 * A running mean of parameters, which is often better than the last of them: decay · mean + (1 - decay) · parameters after every
 * step. It starts as a copy of the parameters.
 * Throws FoveaError 'input' when the decay is not in [0, 1), and 'tree' when the trees differ.
 * Source: Polyak and Juditsky 1992; the exponential form: Tarvainen and Valpola 2017, "Mean teachers".
 *
 * @example
 * const average = ema(0.9)
 * const mean = average.update(average.init({ w: zeros([2]) }), { w: ones([2]) })
 */
export function ema(decay: number) {
  if (!(decay >= 0 && decay < 1))
    throw new FoveaError('input', `ema: expected a decay of at least 0 and below 1, got ${decay}`)
  return {
    init: <P>(params: P): P => treeMap((x) => add(x, 0) as AnyTensor, params),
    update: <P>(mean: P, params: P): P =>
      namedScope('ema', () =>
        treeMap((m, x) => add(mul(m, decay) as AnyTensor, mul(x, 1 - decay) as AnyTensor) as AnyTensor, mean, params),
      ),
  }
}
