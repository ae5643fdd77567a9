import type { Eqn, Json } from '../../ir/types.js'
import { region } from '../../trace/region.js'
import { bind } from '../../trace/tensor.js'
import { dualRegion, marked, pullback, spread } from '../../transform/region-jvp.js'
import { split } from '../../transform/split.js'
import { type AnyTensor, opOf, type TransposeRule, type WholeJvp } from '../op.js'
import * as p from '../prim.js'
import { typesOf } from './check.js'

/** Which equations' results a policy saves, as `params.policy` says it; undefined: what any function's derivative saves. */
function savedBy(policy: Json): ((eqn: Eqn) => boolean) | undefined {
  if (policy === 'everythingSaveable') return undefined
  const isDot = (eqn: Eqn): boolean => opOf(eqn.op).kernel.kind === 'dot'
  if (policy === 'dotsSaveable') return isDot
  if (policy === 'dotsWithNoBatchDimsSaveable')
    return (eqn) => isDot(eqn) && !(eqn.params.lhsBatch as readonly number[] | undefined)?.length
  const names = (policy as { readonly saveOnlyTheseNames?: readonly string[] }).saveOnlyTheseNames ?? []
  return (eqn) => eqn.op === 'checkpointName' && names.includes(eqn.params.name as string)
}

/**
 * Forwards, values and tangents at once. To be transposed, the tangents are one linear equation on the inputs, and on what the policy saves,
 * which computes the rest again.
 *
 * Source: Chen et al. 2016, "Training deep nets with sublinear memory cost".
 */
export const rematJvp: WholeJvp = {
  whole: ({ inputs, tangents, params, fns: [fn], linear }) => {
    const on = tangents.map((t) => t !== null)
    const ts = marked(tangents, on) as AnyTensor[]
    const dual = dualRegion(fn, on)
    const given = [...dual.captured, ...inputs]
    const heads = fn.outputs.length
    if (!linear) {
      const outs = bind(opOf('remat'), [...given, ...ts], params, [dual.fn])
      return { outs: outs.slice(0, heads), tangents: spread(outs.slice(heads), dual.active) }
    }
    const { known, unknown, residuals } = split(
      dual.fn,
      dual.fn.inputs.map((_, i) => i >= given.length),
      dual.fn.outputs.map((_, i) => i >= heads),
      savedBy(params.policy),
    )
    const saves = known.outputs.length > heads
    const outs = saves ? bind(opOf('remat'), given, params, [known]) : bind(opOf('remat'), inputs, params, [fn])
    let saved = heads
    const values = residuals.map((v) => {
      const i = dual.fn.inputs.indexOf(v)
      return i < 0 ? outs[saved++] : given[i]
    })
    const slopes = bind(opOf('remat'), [...values, ...ts], params, [unknown])
    return { outs: outs.slice(0, heads), tangents: spread(slopes, dual.active) }
  },
}

/** Computes again what the cotangents meet, when they are there: behind a barrier, so that no pass shares it with the first time. */
export const rematTranspose: TransposeRule = ({ cotangents, inputs, linear, params, fns: [fn] }) => {
  const known = marked(
    inputs,
    linear.map((yes) => !yes),
  )
  const present = cotangents.map((ct) => ct !== null)
  const cts = marked(cotangents, present) as AnyTensor[]
  const back = region(
    (xs) => {
      const behind = p.barrier(xs)
      return pullback(fn, linear, behind.slice(0, known.length), spread(behind.slice(known.length), present))
    },
    typesOf([...known, ...cts]),
    fn.name,
  )
  return spread(bind(opOf('remat'), [...back.captured, ...known, ...cts], params, [back.fn]), linear)
}
