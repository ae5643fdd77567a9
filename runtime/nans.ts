import { type Eqn, type Fn, isFloat, showAval, type Var } from '../compiler/ir/types.js'
import { opOf } from '../compiler/ops/op.js'
import { FoveaError } from '../compiler/trace/error.js'
import { at } from '../compiler/trace/source.js'
import { arrayTensor, bind, type Storage } from '../compiler/trace/tensor.js'
import type { AnyTensor } from '../compiler/trace/tree.js'

let on = false
/** Whether results are checked. */
export const nansWanted = (): boolean => on
export const nans = (check = true): void => {
  on = check
}

/** A call that ended. `run` makes arrays of tensors, unchecked. */
export interface Finished {
  readonly fn: Fn
  readonly inputs: readonly Storage[]
  readonly outputs: readonly Storage[]
  readonly run: (tensors: readonly AnyTensor[]) => Promise<void>
  /** What the user calls an input, a result. */
  readonly inputName?: (i: number) => string | undefined
  readonly outputName?: (i: number) => string | undefined
}

/** A value is as bad as its worst element: 2 for NaN, 1 for an infinity. */
interface Seen {
  readonly badness: 0 | 1 | 2
  readonly low: number
  readonly high: number
}

/**
 * Throws FoveaError 'nan' when a result of the call holds NaN or an infinity, and names the op that made the first one. To
 * find it the function is run again an op at a time, each a program of its own: slow, but every device has what it takes,
 * and the values are its own.
 */
export async function checkFinite(call: Finished): Promise<void> {
  const seen = await Promise.all(call.outputs.map(look))
  const worst = Math.max(0, ...seen.map(({ badness }) => badness))
  if (worst === 0) return
  const first = seen.findIndex(({ badness }) => badness === worst)
  const result = call.outputName?.(first)
  const head = `debug.nans: ${worst === 2 ? 'NaN' : 'an infinity'} in the result ${result ? `'${result}' ` : ''}${showAval(call.outputs[first])}${call.fn.name === 'lazy' ? '' : ` of '${call.fn.name}'`}`
  const { text, eqn } = await origin(call, call.fn.outputs[first], worst as 1 | 2)
  throw new FoveaError('nan', `${head}: ${text}`, eqn?.loc)
}

async function origin(
  { fn, inputs, run, inputName }: Finished,
  bad: Var,
  badness: 1 | 2,
): Promise<{ text: string; eqn?: Eqn }> {
  const eqns = ancestors(fn, bad)
  const values = new Map<Var, AnyTensor>(fn.inputs.map((v, i) => [v, arrayTensor(inputs[i])]))
  const seen = new Map<Var, Seen>()
  for (const [i, v] of fn.inputs.entries()) {
    const known = await look(inputs[i])
    seen.set(v, known)
    if (known.badness >= badness && eqns.some((q) => q.inputs.includes(v))) {
      const name = inputName?.(i)
      return { text: `it is there in ${name ? `the argument '${name}'` : 'a captured tensor'} ${showAval(v.aval)}` }
    }
  }
  const lastUse = new Map<Var, Eqn>(eqns.flatMap((q) => q.inputs.map((v) => [v, q])))
  const own = new Set(fn.inputs)
  let constant: Eqn | undefined
  for (const eqn of eqns) {
    const operands = eqn.inputs.map((v) => values.get(v)!)
    const place = (): Eqn['loc'] => eqn.loc
    const outs = at(place, eqn.scope, () => bind(opOf(eqn.op), operands, eqn.params, eqn.fns))
    await run(outs)
    for (const [i, v] of eqn.outputs.entries()) {
      values.set(v, outs[i])
      seen.set(v, await look(storage(outs[i])))
    }
    const made = eqn.outputs.find((v) => seen.get(v)!.badness >= badness)
    // An infinity that is written down, as in a mask, is meant.
    if (made && !eqn.inputs.length && badness === 1) constant ??= eqn
    else if (made && !eqn.inputs.some((v) => seen.get(v)!.badness >= badness))
      return { text: describe(eqn, made, seen), eqn }
    for (const v of eqn.inputs) if (lastUse.get(v) === eqn && !own.has(v)) values.get(v)!.dispose()
  }
  return constant
    ? { text: `it comes from a constant`, eqn: constant }
    : { text: 'run an op at a time, the same values stay finite: it comes from how ops were fused' }
}

function describe(eqn: Eqn, made: Var, seen: ReadonlyMap<Var, Seen>): string {
  const operand = (v: Var): string => {
    const { low, high } = seen.get(v)!
    return `${showAval(v.aval)}${low <= high ? ` in [${Number(low.toPrecision(4))}, ${Number(high.toPrecision(4))}]` : ''}`
  }
  const from = eqn.inputs.length ? ` from ${eqn.inputs.map(operand).join(' and ')}` : ''
  return `${eqn.op} made the first, ${showAval(made.aval)}${from}${eqn.scope ? `, in scope '${eqn.scope}'` : ''}`
}

/** Equations that `v` depends on, in order. */
function ancestors(fn: Fn, v: Var): Eqn[] {
  const needed = new Set<Var>([v])
  const found: Eqn[] = []
  for (let i = fn.eqns.length - 1; i >= 0; i--) {
    if (!fn.eqns[i].outputs.some((y) => needed.has(y))) continue
    for (const x of fn.eqns[i].inputs) needed.add(x)
    found.push(fn.eqns[i])
  }
  return found.reverse()
}

const storage = (x: AnyTensor): Storage => {
  if (x.node.kind !== 'array') throw new Error('internal: expected an array')
  return x.node.storage
}

async function look(array: Storage): Promise<Seen> {
  let badness: Seen['badness'] = 0
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const x of await array.read()) {
    if (Number.isNaN(x)) badness = 2
    else if (!Number.isFinite(x)) badness = badness === 2 ? 2 : 1
    if (x < low) low = x
    if (x > high) high = x
  }
  return { badness: isFloat(array.dtype) ? badness : 0, low, high }
}
