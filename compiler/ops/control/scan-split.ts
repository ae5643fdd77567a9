import type { Fn, Params, Var } from '../../ir/types.js'
import { dce } from '../../pass/dce.js'
import { inline } from '../../trace/region.js'
import { dependents, split } from '../../transform/split.js'
import type { AnyTensor } from '../op.js'
import { bindScan } from './scan-operands.js'

/** What an input of a scan's body is. */
export type Role = 'consts' | 'carry' | 'xs'

/** A scan in two: the known one has run; the rest is a body that takes its residuals first among its constants, and first among its xs. */
export interface ScanSplit {
  readonly outs: readonly AnyTensor[]
  readonly body: Fn
  readonly consts: readonly AnyTensor[]
  readonly xs: readonly AnyTensor[]
}

/**
 * Runs the known part of a scan, whose residuals for the rest are stacked along the leading axis; those that are the same in each step are
 * computed once, outside. `operands` has null for what is unknown. Roles come in order, among the known and among the unknown inputs.
 */
export function splitScan(
  body: Fn,
  roles: readonly Role[],
  operands: readonly (AnyTensor | null)[],
  unknownOutputs: readonly boolean[],
  params: Params,
): ScanSplit {
  const { known, unknown, residuals } = split(
    body,
    operands.map((x) => x === null),
    unknownOutputs,
  )
  const given = new Map<Var, number>(body.inputs.map((v, i) => [v, i]))
  const isConst = body.inputs.map((_, i) => roles[i] === 'consts' && operands[i] !== null)
  const invariant = dependents(body, isConst)
  const roleOf = (v: Var): Role => {
    const i = given.get(v)
    return i === undefined ? (invariant.has(v) ? 'consts' : 'xs') : roles[i] === 'carry' ? 'xs' : roles[i]
  }
  const [hoisted, stacked] = [invariant.has.bind(invariant), (v: Var) => !invariant.has(v)].map((side) =>
    residuals.filter((v) => side(v) && (!given.has(v) || roles[given.get(v)!] === 'carry')),
  )
  const values = new Map<Var, AnyTensor>()
  for (const [v, i] of given) if (operands[i] && roles[i] !== 'carry') values.set(v, operands[i])
  const once = dce({ ...body, inputs: body.inputs.filter((_, i) => isConst[i]), outputs: hoisted })
  inline(
    once,
    once.inputs.map((v) => values.get(v)!),
  ).forEach((x, i) => {
    values.set(hoisted[i], x)
  })

  const outputs = body.outputs.filter((_, i) => !unknownOutputs[i])
  const of = (role: Role): AnyTensor[] =>
    known.inputs.flatMap((v) => (roles[given.get(v)!] === role ? [operands[given.get(v)!]!] : []))
  const carry = of('carry')
  const first = dce({ ...known, outputs: [...outputs, ...stacked] })
  const outs = bindScan({ fn: first, captured: [] }, of('consts'), carry, of('xs'), params)
  stacked.forEach((v, i) => {
    values.set(v, outs[outputs.length + i])
  })

  const kept = (role: Role): Var[] => residuals.filter((v) => roleOf(v) === role)
  const waiting = unknown.inputs.slice(residuals.length)
  const late = (role: Role): Var[] => waiting.filter((v) => roles[given.get(v)!] === role)
  return {
    outs: outs.slice(0, outputs.length),
    body: {
      ...unknown,
      inputs: [...kept('consts'), ...late('consts'), ...late('carry'), ...kept('xs'), ...late('xs')],
    },
    consts: kept('consts').map((v) => values.get(v)!),
    xs: kept('xs').map((v) => values.get(v)!),
  }
}
