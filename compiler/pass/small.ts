import type { Target } from '../ir/program.js'
import type { Aval, Eqn, Fn, Var } from '../ir/types.js'
import { lowerAll } from '../kernel/alike.js'
import { group } from './group.js'
import type { Work } from './region.js'

/** Kernels that a plan adds: a copy of a value into other memory, and a zero. */
export interface SmallWork {
  copy(from: Var, to: Var, at: Place): Work
  zero(to: Var, at: Place): Work
}
/** The equation that it is done for. */
type Place = Pick<Eqn, 'loc' | 'scope'>

export function smallWork(target: Target): SmallWork {
  const known = new Map<string, Work>()
  const make = (op: string, inputs: readonly Aval[], out: Aval, params: Eqn['params'] = {}): Work => {
    const key = JSON.stringify([op, out])
    const done = known.get(key)
    if (done) return done
    const vars = inputs.map((aval, id): Var => ({ id, aval }))
    const y: Var = { id: inputs.length, aval: out }
    const main: Eqn = { op, inputs: vars, params, outputs: [y], scope: '' }
    const fn: Fn = { name: op, inputs: vars, eqns: [main], outputs: [y] }
    const [lowered] = lowerAll(group(fn, target), target)
    const work: Work = { kind: 'work', lowered: lowered!, takes: [], eqns: [main], main }
    known.set(key, work)
    return work
  }
  /** The same kernel over other values. */
  const over = (work: Work, values: readonly Var[], { loc, scope }: Place): Work => {
    const { inputs, outputs } = work.main
    const own = [...inputs, ...outputs]
    const buffers = work.lowered.buffers.map((v) => values[own.indexOf(v)])
    const main = { ...work.main, ...(loc && { loc }), scope }
    return { ...work, lowered: { ...work.lowered, buffers }, eqns: [main], main }
  }
  return {
    // At run time stopGradient is the identity.
    copy: (from, to, at) => over(make('stopGradient', [from.aval], to.aval), [from, to], at),
    zero: (to, at) => over(make('constant', [], to.aval, { value: 0, dtype: to.aval.dtype }), [to], at),
  }
}
