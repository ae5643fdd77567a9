import type { Eqn, Fn, Var } from '../ir/types.js'
import { type KernelRule, opOf } from '../ops/op.js'

/** Who makes and who reads each value of a function. */
export interface Graph {
  readonly fn: Fn
  readonly def: ReadonlyMap<Var, Eqn>
  readonly uses: ReadonlyMap<Var, readonly Eqn[]>
  readonly isOutput: (v: Var) => boolean
}

export function graphOf(fn: Fn): Graph {
  const def = new Map<Var, Eqn>()
  const uses = new Map<Var, Eqn[]>()
  for (const eqn of fn.eqns) {
    for (const v of eqn.outputs) def.set(v, eqn)
    for (const v of new Set(eqn.inputs)) {
      const list = uses.get(v)
      if (list) list.push(eqn)
      else uses.set(v, [eqn])
    }
  }
  const outputs = new Set(fn.outputs)
  return { fn, def, uses, isOutput: (v) => outputs.has(v) }
}

export type MapRule = KernelRule & { kind: 'map' }
/** The map rule of an equation, if each of its elements is an expression of its operands' elements. */
export const mapRule = (eqn: Eqn): MapRule | null => {
  const { kernel } = opOf(eqn.op)
  return kernel.kind === 'map' && !eqn.params.inPlace ? kernel : null
}
/** How an equation that `updates` chose writes its window into operand 0's memory. */
export const updateRule = (eqn: Eqn): MapRule['update'] => {
  const { kernel } = opOf(eqn.op)
  return kernel.kind === 'map' && eqn.params.inPlace ? kernel.update : undefined
}
/** Its results are in memory whatever is fused: reductions, products, what has a kernel of its own. */
export const isAnchor = (eqn: Eqn): boolean => kindOf(eqn) !== 'map'
export const kindOf = (eqn: Eqn): KernelRule['kind'] => opOf(eqn.op).kernel.kind
/** The op has a kernel of its own, which reads its operands in memory. */
export const hasOwnKernel = (eqn: Eqn): boolean =>
  ['attention', 'dot', 'scatter', 'segments', 'cumulative', 'digitCounts', 'digitSort', 'control'].includes(kindOf(eqn))
/** The operands that such a kernel finds in memory; it computes the others. */
export const inMemoryOperands = (eqn: Eqn): readonly Var[] => {
  const { kernel } = opOf(eqn.op)
  return kernel.kind === 'attention' ? eqn.inputs.slice(0, kernel.inMemory) : eqn.inputs
}
/** Its kernel can store pointwise values that follow: a product's, a scatter's. */
export const takesMore = (eqn: Eqn): boolean => kindOf(eqn) === 'dot' || kindOf(eqn) === 'scatter'
/** Every operand is read at the output's own index. */
export const isElementwise = (eqn: Eqn): boolean => mapRule(eqn) !== null && opOf(eqn.op).batch === 'elementwise'
