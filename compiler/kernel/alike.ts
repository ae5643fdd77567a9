import type { Target } from '../ir/program.js'
import type { Var } from '../ir/types.js'
import { kindOf } from '../pass/graph.js'
import { type Group, type Grouping, inMemoryFor, members } from '../pass/group.js'
import { speller } from '../pass/spell.js'
import type { Lowered } from './build.js'
import { lower } from './lower.js'

/**
 * Every group as a kernel, but those that run functions. Groups that compute alike, as those of a network's layers do, share one: a kernel depends only on
 * what its group computes from memory, so the others only bind their own values.
 */
export function lowerAll(grouping: Grouping, target: Target): (Lowered | undefined)[] {
  const known = new Map<string, { readonly lowered: Lowered; readonly values: readonly Var[] }>()
  return grouping.groups.map((g) => {
    if (g.anchors.some((eqn) => kindOf(eqn) === 'control')) return undefined
    const { text, values } = spell(grouping, g)
    const first = known.get(text)
    if (first) {
      const buffers = first.lowered.buffers.map((v) => values[first.values.indexOf(v)])
      return { kernel: first.lowered.kernel, buffers }
    }
    const lowered = lower(grouping, g, target)
    known.set(text, { lowered, values })
    return lowered
  })
}

function spell(grouping: Grouping, g: Group): { text: string; values: readonly Var[] } {
  const spelling = speller(grouping.graph, inMemoryFor(grouping, g))
  const all = members(g)
  const numbers = all.map((v) => `${spelling.number(v)}${grouping.stored.has(v) ? ' stored' : ''}`)
  const text = `${g.kind} [${g.full}] [${g.axes}] ${g.anchors.length} of ${numbers}:${spelling.take()}`
  return { text, values: spelling.values }
}
