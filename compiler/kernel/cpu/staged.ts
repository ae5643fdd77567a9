import type { Expr } from '../expr.js'
import { type Stmt, scratchBase } from '../ir.js'
import type { Body } from './body.js'
import { type Instance, instance } from './instance.js'
import type { Context } from './pieces.js'
import type { Places } from './reduced.js'
import { four } from './widen.js'

/** Instances of a body at its elements, stage by stage: values kept by one stage are there for the next ones. */
export interface Staged {
  /** A piece in a stage (after the last: what is put in memory). `slot`: where in scratch arrays its values are. */
  at(
    stage: number,
    width: 1 | 4,
    to: Places,
    slot: Expr,
    known?: Places,
  ): { before: Stmt[]; at: Instance; after: Stmt[] }
}

export function staged(c: Context, body: Body): Staged {
  const { e } = c
  const { kept } = body
  return {
    at(stage, width, to, slot, known = new Map()) {
      const values = new Map(known)
      const before: Stmt[] = []
      const place = instance(c, 1, to).value(slot)
      for (const [i, k] of kept.entries()) {
        if (k.stage >= stage) continue
        const name = c.fresh('kept')
        const t = width === 4 ? four(k.variable.t) : k.variable.t
        before.push({ k: 'let', name, value: e.load(scratchBase + i, t, place) })
        values.set(k.variable, e.variable(name, t))
      }
      const at = instance(c, width, to, values)
      const after = kept.flatMap((k, i): Stmt[] =>
        k.stage === stage ? [{ k: 'store', buffer: scratchBase + i, at: place, value: at.value(k.value) }] : [],
      )
      return { before, at, after }
    },
  }
}
