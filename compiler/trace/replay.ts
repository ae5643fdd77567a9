import type { Fn, Var } from '../ir/types.js'
import { opOf } from '../ops/op.js'
import { at } from './source.js'
import { bind } from './tensor.js'
import type { AnyTensor } from './tree.js'

/** Applies an Fn to tensors: the graph it describes, made anew on these inputs. Places and scopes are kept. */
export function replay(fn: Fn, inputs: readonly AnyTensor[]): AnyTensor[] {
  const env = new Map<Var, AnyTensor>(fn.inputs.map((v, i) => [v, inputs[i]]))
  for (const eqn of fn.eqns) {
    const outs = at(
      () => eqn.loc,
      eqn.scope,
      () =>
        bind(
          opOf(eqn.op),
          eqn.inputs.map((v) => env.get(v)!),
          eqn.params,
        ),
    )
    eqn.outputs.forEach((v, i) => {
      env.set(v, outs[i])
    })
  }
  return fn.outputs.map((v) => env.get(v)!)
}
