import type { Eqn, Fn, Var } from '../ir/types.js'
import { size } from '../ir/types.js'
import { opOf } from '../ops/op.js'
import { dce } from '../pass/dce.js'

/** An Fn in two parts: what is known first, and what waits for the unknown inputs. */
export interface Split {
  /** Known inputs → known outputs, then residuals that are not inputs. */
  readonly known: Fn
  /** Residuals, then unknown inputs → unknown outputs. */
  readonly unknown: Fn
  /** What the unknown part reads of the known one: values of the whole Fn. */
  readonly residuals: readonly Var[]
}

/**
 * Partial evaluation: splits `fn` where `unknown` says for each input and output on which side it is. What is cheap (constants and what
 * comes of them, views that are larger than their operand) is computed again on the unknown side instead of being kept.
 * `keep` says which values are kept instead; all others are computed again, from inputs if need be.
 *
 * Source: Frostig et al. 2021, "Decomposing reverse-mode automatic differentiation".
 */
export function split(
  fn: Fn,
  unknownInputs: readonly boolean[],
  unknownOutputs: readonly boolean[],
  keep: (eqn: Eqn) => boolean = (eqn) => !grows(eqn),
): Split {
  const isUnknown = new Set<Var>(fn.inputs.filter((_, i) => unknownInputs[i]))
  const constant = new Set<Var>()
  const again = new Set<Eqn>()
  for (const eqn of fn.eqns) {
    if (eqn.inputs.some((v) => isUnknown.has(v))) {
      for (const v of eqn.outputs) isUnknown.add(v)
      continue
    }
    const isConstant = eqn.inputs.every((v) => constant.has(v))
    if (isConstant) for (const v of eqn.outputs) constant.add(v)
    if (isConstant || !keep(eqn)) again.add(eqn)
  }
  const wanted = new Set<Var>(fn.outputs.filter((_, i) => unknownOutputs[i]))
  const late: Eqn[] = []
  for (let i = fn.eqns.length - 1; i >= 0; i--) {
    const eqn = fn.eqns[i]
    const here = eqn.outputs.filter((v) => wanted.has(v))
    if (!here.length || !(isUnknown.has(here[0]) || again.has(eqn))) continue
    late.push(eqn)
    for (const v of here) wanted.delete(v)
    for (const v of eqn.inputs) wanted.add(v)
  }
  const kept = [...wanted].filter((v) => !isUnknown.has(v))
  const inputs = new Set<Var>(fn.inputs)
  const knownInputs = fn.inputs.filter((_, i) => !unknownInputs[i])
  const known = fn.outputs.filter((_, i) => !unknownOutputs[i])
  return {
    known: dce({ ...fn, inputs: knownInputs, outputs: [...known, ...kept.filter((v) => !inputs.has(v))] }),
    unknown: {
      name: fn.name,
      inputs: [...kept, ...fn.inputs.filter((_, i) => unknownInputs[i])],
      eqns: late.reverse(),
      outputs: fn.outputs.filter((_, i) => unknownOutputs[i]),
    },
    residuals: kept,
  }
}

/** A view that is no smaller than its operand, which is kept instead. */
function grows({ op, inputs, outputs }: Eqn): boolean {
  const { kernel } = opOf(op)
  if (kernel.kind !== 'map' || kernel.cost > 0 || inputs.length !== 1) return false
  return size(inputs[0].aval.shape) <= size(outputs[0].aval.shape)
}

/** The values of `fn` that depend on nothing but the inputs in `from`. */
export function dependents(fn: Fn, from: readonly boolean[]): ReadonlySet<Var> {
  const only = new Set<Var>(fn.inputs.filter((_, i) => from[i]))
  for (const eqn of fn.eqns) if (eqn.inputs.every((v) => only.has(v))) for (const v of eqn.outputs) only.add(v)
  return only
}

/** Which outputs of `fn` depend on an input in `on`. */
export function reached(fn: Fn, on: readonly boolean[]): boolean[] {
  const some = new Set<Var>(fn.inputs.filter((_, i) => on[i]))
  for (const eqn of fn.eqns) if (eqn.inputs.some((v) => some.has(v))) for (const v of eqn.outputs) some.add(v)
  return fn.outputs.map((v) => some.has(v))
}
