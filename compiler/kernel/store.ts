import type { Var } from '../ir/types.js'
import { type Graph, updateRule } from '../pass/graph.js'
import { type Domain, type Group, type Placement, placeStore } from '../pass/group.js'
import { type EmitContext, emitter } from './emit.js'
import type { Expr } from './expr.js'

type Context = Omit<EmitContext, 'moves'>

/** What of a stored value a group goes through: all of it, or the window that an update in place writes. */
const windowOf = (graph: Graph, v: Var): Var => {
  const eqn = graph.def.get(v)
  return eqn && updateRule(eqn) ? eqn.inputs[1] : v
}
/** Whether a stored value is stored once per element of a group's domain, or once per line. */
export const levelOf = ({ e, graph, inMemory }: Context, g: Group, v: Var, domain: Domain): Placement['level'] =>
  placeStore(e, graph, g, windowOf(graph, v), domain, inMemory)!.level

/** Where an element of a stored value goes, and the element. */
export interface Store {
  readonly level: Placement['level']
  readonly index: readonly Expr[]
  readonly value: Expr
}

/**
 * The element of `v` that a group has at this place of its domain, or null when `v` can't be stored there. Of an update in place
 * it is an element of the window. Throws NotAtHand.
 */
export function storeOf(c: Context, g: Group, v: Var, domain: Domain): Store | null {
  const eqn = c.graph.def.get(v)
  const update = eqn && updateRule(eqn)
  const x = windowOf(c.graph, v)
  const placed = placeStore(c.e, c.graph, g, x, domain, c.inMemory)
  if (!placed) return null
  const { level, index, moves } = placed
  const emit = emitter({ ...c, moves })
  const value = emit(x, index)
  if (!eqn || !update) return { level, index, value }
  const ins = eqn.inputs.map((y) => y.aval)
  const at = update({ e: c.e, read: (i, from) => emit(eqn.inputs[i], from), index, params: eqn.params, ins })
  return { level, index: at, value }
}
