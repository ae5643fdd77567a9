import { showJson } from '../ir/print.js'
import { type Params, showAval, type Var } from '../ir/types.js'
import type { Graph } from './graph.js'

/** What values are computed from memory, as text that names them by number: what computes alike reads alike. */
export interface Spelling {
  /** The values so far, in the order of their numbers. */
  readonly values: readonly Var[]
  /** The number of `v`, and how it is computed where that is not written yet. */
  number(v: Var): number
  /** What was written since the last call. */
  take(): string
  /** Forgets all values but the first `n`. */
  cut(n: number): void
}

/** Equations are spelled for every group that they may be part of, their params once. */
const spelled = new WeakMap<Params, string>()
function spellParams(params: Params): string {
  let text = spelled.get(params)
  if (text === undefined) {
    text = showJson(params)
    spelled.set(params, text)
  }
  return text
}

export function speller(graph: Graph, inMemory: (v: Var) => boolean): Spelling {
  const values: Var[] = []
  const numbers = new Map<Var, number>()
  let text = ''
  const number = (v: Var): number => {
    const known = numbers.get(v)
    if (known !== undefined) return known
    const eqn = inMemory(v) ? undefined : graph.def.get(v)
    if (eqn) {
      const operands = eqn.inputs.map(number)
      const which = eqn.outputs.length > 1 ? `.${eqn.outputs.indexOf(v)}` : ''
      text += ` ${eqn.op}${which}(${operands})${spellParams(eqn.params)}`
    }
    text += ` ${showAval(v.aval)}`
    numbers.set(v, values.length)
    return values.push(v) - 1
  }
  const take = (): string => {
    const taken = text
    text = ''
    return taken
  }
  const cut = (n: number): void => {
    for (const v of values.splice(n)) numbers.delete(v)
  }
  return { values, number, take, cut }
}
