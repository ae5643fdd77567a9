import { interpret } from '../../../compiler/interpret/interpret.js'
import type { Eqn, Params, Var } from '../../../compiler/ir/types.js'
import { isFloat, size } from '../../../compiler/ir/types.js'
import { sameAval } from '../../../compiler/ir/verify.js'
import { opOf, type RefArray } from '../../../compiler/ops/op.js'
import { changeNumber, mapNumbers, numbersIn } from './params.js'
import type { RandomProgram } from './program.js'
import { legal } from './values.js'

/** A program in the making: what it reads, computes and returns, under the old program's names. */
interface Parts {
  readonly inputs: readonly (readonly [Var, RefArray])[]
  readonly eqns: readonly Eqn[]
  readonly outputs: readonly Var[]
}

/** Programs that are simpler than this one by one change, those that leave out most first. */
export function* simpler(program: RandomProgram): Generator<RandomProgram> {
  const before = weight(program)
  for (const parts of changes(program)) {
    const next = rebuilt(program.fn.name, parts)
    if (next && lighter(weight(next), before)) yield next
  }
}

/** Follows simpler programs for as long as they fail, within a number of tries. */
export async function shrink(
  program: RandomProgram,
  fails: (program: RandomProgram) => Promise<boolean>,
  tries = 2000,
): Promise<RandomProgram> {
  let best = program
  let left = tries
  for (let found = true; found; ) {
    found = false
    for (const next of simpler(best)) {
      if (left-- <= 0) return best
      if (!(await fails(next))) continue
      best = next
      found = true
      break
    }
  }
  return best
}

function* changes(program: RandomProgram): Generator<Parts> {
  const { fn } = program
  const inputs = fn.inputs.map((v, i): [Var, RefArray] => [v, program.inputs[i]])
  const { eqns, outputs } = fn
  const whole: Parts = { inputs, eqns, outputs }
  if (outputs.length > 1) for (const v of outputs) yield { ...whole, outputs: [v] }
  for (const eqn of eqns) for (const v of eqn.outputs) yield { ...whole, outputs: [v] }

  const known = new Map(inputs)
  interpret(fn, program.inputs, (x, v) => {
    known.set(v, x)
    return x
  })
  for (const [i, eqn] of [...eqns.entries()].reverse()) {
    const without = eqns.filter((_, k) => k !== i)
    yield {
      ...whole,
      inputs: [...inputs, ...eqn.outputs.map((v): [Var, RefArray] => [v, known.get(v)!])],
      eqns: without,
    }
    for (const x of eqn.inputs)
      if (sameAval(x.aval, eqn.outputs[0].aval)) yield renamed({ ...whole, eqns: without }, eqn.outputs[0], x)
    if (eqn.inputs.length > 1 && variadic(eqn))
      for (const k of eqn.inputs.keys())
        yield replaced(whole, i, { ...eqn, inputs: eqn.inputs.filter((_, n) => n !== k) })
  }
  // A loop may not end on other numbers.
  const loops = eqns.some((q) => q.fns)
  for (const [i, [v]] of loops ? [] : inputs.entries())
    for (const [w] of inputs.slice(0, i)) if (sameAval(v.aval, w.aval)) yield renamed(whole, v, w)

  yield* sizes(whole)
  for (const [i, eqn] of eqns.entries())
    for (const [at, x] of numbersIn(eqn.params).entries())
      for (const to of [0, 1, Math.trunc(x / 2), x - Math.sign(x)])
        yield replaced(whole, i, { ...eqn, params: changeNumber(eqn.params, at, () => to) as Params })
  for (const [i, [v, x]] of loops ? [] : inputs.entries())
    for (const f of [() => 0, () => 1, Math.round, (y: number) => Math.round(y * 8) / 8])
      yield { ...whole, inputs: inputs.map((entry, k) => (k === i ? [v, { ...x, data: x.data.map(f) }] : entry)) }
}

/** Ops whose samples differ in how many operands they have. */
const variadic = ({ op }: Eqn): boolean => new Set(opOf(op).samples.map((s) => s.inputs.length)).size > 1

const replaced = (whole: Parts, i: number, eqn: Eqn): Parts => ({
  ...whole,
  eqns: whole.eqns.map((q, k) => (k === i ? eqn : q)),
})
const renamed = (whole: Parts, from: Var, to: Var): Parts => {
  const now = (v: Var): Var => (v === from ? to : v)
  return {
    inputs: whole.inputs,
    eqns: whole.eqns.map((q) => ({ ...q, inputs: q.inputs.map(now) })),
    outputs: whole.outputs.map(now),
  }
}

/** One size made smaller: everywhere, in all inputs, or in one dim of one input. */
function* sizes(whole: Parts): Generator<Parts> {
  const found = new Set(whole.inputs.flatMap(([, x]) => x.shape).concat(whole.eqns.flatMap((q) => numbersIn(q.params))))
  for (const n of found)
    for (const to of [1, 2, n - 1].filter((m) => m >= 1 && m < n)) {
      const rename = (x: number): number => (x === n ? to : x)
      const inputs = whole.inputs.map(([v, x]): [Var, RefArray] => [v, cropped(x, x.shape.map(rename))])
      yield {
        ...whole,
        inputs,
        eqns: whole.eqns.map((q) => ({ ...q, params: mapNumbers(q.params, rename) as Params })),
      }
      yield { ...whole, inputs }
    }
  for (const [i, [, x]] of whole.inputs.entries())
    for (const [d, n] of x.shape.entries())
      for (const to of [1, n - 1].filter((m) => m >= 1 && m < n))
        yield {
          ...whole,
          inputs: whole.inputs.map(([v, y], k) => [
            v,
            k === i
              ? cropped(
                  y,
                  y.shape.map((m, e) => (e === d ? to : m)),
                )
              : y,
          ]),
        }
}

/** The first elements along each dim. */
function cropped(x: RefArray, shape: readonly number[]): RefArray {
  const data = new Float64Array(size(shape))
  for (let at = 0; at < data.length; at++) {
    let [rest, from, stride] = [at, 0, 1]
    for (let d = shape.length - 1; d >= 0; d--) {
      from += (rest % shape[d]) * stride
      rest = Math.floor(rest / shape[d])
      stride *= x.shape[d]
    }
    data[at] = x.data[from]
  }
  return { ...x, shape, data }
}

/** The program of these parts, with types inferred anew and without what no result needs; undefined when a record refuses. */
function rebuilt(name: string, { inputs, eqns, outputs }: Parts): RandomProgram | undefined {
  const needed = new Set<Var>(outputs)
  const kept = eqns
    .slice()
    .reverse()
    .filter((eqn) => {
      if (!eqn.outputs.some((v) => needed.has(v))) return false
      for (const v of eqn.inputs) needed.add(v)
      return true
    })
    .reverse()
  let id = 0
  const now = new Map<Var, Var>()
  const define = (v: Var, aval: Var['aval']): Var => {
    const next = { id: id++, aval }
    now.set(v, next)
    return next
  }
  const read = inputs.filter(([v]) => needed.has(v))
  const newInputs = read.map(([v, { shape, dtype }]) => define(v, { shape, dtype }))
  const newEqns: Eqn[] = []
  for (const eqn of kept) {
    const operands = eqn.inputs.map((v) => now.get(v))
    if (operands.includes(undefined)) return undefined
    const ins = operands as Var[]
    const avals = legal(() =>
      opOf(eqn.op).infer(
        ins.map((v) => v.aval),
        eqn.params,
        eqn.fns,
      ),
    )
    if (avals?.length !== eqn.outputs.length || avals.some((a) => a.shape.some((n) => !(n >= 0)))) return undefined
    newEqns.push({ ...eqn, inputs: ins, outputs: eqn.outputs.map((v, i) => define(v, avals[i])) })
  }
  const results = outputs.map((v) => now.get(v))
  if (results.includes(undefined)) return undefined
  return { fn: { name, inputs: newInputs, eqns: newEqns, outputs: results as Var[] }, inputs: read.map(([, x]) => x) }
}

/** What a reader has to take in, the heaviest first. */
function weight({ fn, inputs }: RandomProgram): number[] {
  const numbers = fn.eqns.flatMap((q) => numbersIn(q.params))
  const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0)
  return [
    fn.eqns.length,
    fn.outputs.length + inputs.length,
    sum(fn.eqns.map((q) => q.inputs.length)),
    sum(
      [...inputs, ...fn.eqns.flatMap((q) => q.outputs.map((v) => v.aval))].map((x) => size(x.shape) + x.shape.length),
    ),
    sum(numbers.map(Math.abs)),
    sum(
      inputs.flatMap((x) =>
        Array.from(x.data, (y) =>
          y === 0 ? 0 : y === 1 ? 1 : Number.isInteger(y) ? 2 : Number.isInteger(y * 8) || !isFloat(x.dtype) ? 3 : 4,
        ),
      ),
    ),
  ]
}
const lighter = (a: readonly number[], b: readonly number[]): boolean => {
  const at = a.findIndex((x, i) => x !== b[i])
  return at >= 0 && a[at] < b[at]
}
