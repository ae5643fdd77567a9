import { interpret } from '../../../compiler/interpret/interpret.js'
import { asDtype, held, isFloat } from '../../../compiler/ir/dtype.js'
import type { Fn, Var } from '../../../compiler/ir/types.js'
import { opOf, type RefArray } from '../../../compiler/ops/op.js'
import { difference, type Tolerance } from '../assert-close.js'
import { type Draw, seeded } from './draw.js'
import { type RandomProgram, run, show } from './program.js'

export interface Closeness extends Required<Pick<Tolerance, 'rtol' | 'atol'>> {
  /** The relative error that one operation may make. */
  readonly unit: number
}

const runs = 24
/** How many times the spread of the noisy runs a result may be off. */
const allowance = 16

/**
 * What differs between `got` and what the program gives, beyond what rounding explains; undefined when nothing does.
 * Rounding is measured where there is a doubt, by Monte Carlo arithmetic (Parker 1997): the program runs again and again with
 * each result off by a random error of `unit`. So a value next to a jump, such as floor's or a comparison's, is not a finding.
 */
export function disagreement(
  program: RandomProgram,
  got: readonly RefArray[],
  want: readonly RefArray[],
  { unit, ...tolerance }: Closeness,
  /** Another program of the same meaning, which makes more of the errors. */
  also: RandomProgram = program,
): string | undefined {
  const problem = (ys: readonly RefArray[]): string | undefined => {
    for (const [i, y] of ys.entries()) {
      const text = difference(y, want[i], tolerance)
      if (text) return `result ${i}: ${text}`
    }
    return undefined
  }
  if (!problem(got)) return undefined
  const draw = seeded(1)
  const sources = [...new Set([program, also])].map((source) => ({ source, still: run(source) }))
  const noisy = sources.flatMap(({ source, still }) =>
    Array.from({ length: runs }, () => ({ still, ys: blurred(source, unit, draw) })),
  )
  const explained = got.map((y, i) => {
    const data = y.data.map((x, k) => {
      const exact = want[i].data[k]
      const spread = Math.max(...noisy.map(({ still, ys }) => off(ys[i].data[k], still[i].data[k])))
      // Not a number in one run: the element says nothing.
      return Number.isNaN(spread) || off(x, exact) <= allowance * spread ? exact : x
    })
    return { ...y, data }
  })
  return problem(explained)
}

const off = (a: number, b: number): number => (Object.is(a, b) ? 0 : Math.abs(a - b))

/** The rounding of one operation in f64's stead; that of f32 is up to the law. */
const unitOf = { f32: 0, f16: 2 ** -10, bf16: 2 ** -7 }

/** A whole number that f32 holds. */
const isExact = (y: number): boolean => Number.isInteger(y) && Math.abs(y) <= 2 ** 24

/** Whole numbers stay: sums of them, counts and choices are exact in any arithmetic. So do values that are only moved. */
function blurred({ fn, inputs }: RandomProgram, unit: number, draw: Draw): RefArray[] {
  const moved = new Set<Var>()
  for (const eqn of fn.eqns) {
    const { kernel } = opOf(eqn.op)
    if (kernel.kind === 'map' && kernel.cost === 0) for (const v of eqn.outputs) moved.add(v)
  }
  const blur = (x: RefArray): RefArray => {
    if (!isFloat(x.dtype)) return x
    const error = Math.max(unit, unitOf[x.dtype])
    // f32 has a smaller range than f64, whose end is felt.
    const narrow = (y: number): number => (unit > 1e-10 ? held(y, x.dtype) : asDtype(y, x.dtype))
    return {
      ...x,
      data: x.data.map((y) => (isExact(y) ? y : narrow(y * (1 + error * draw.real(-1, 1))))),
    }
  }
  return interpret(fn, inputs.map(blur), (x, v) => (moved.has(v) ? x : blur(x)))
}

/** Whether results jump when values move by very little: the program runs on the border of what some op is defined for. */
export function onBorder({ fn, inputs }: RandomProgram): boolean {
  const draw = seeded(1)
  const want = interpret(fn, inputs)
  const moved = (x: RefArray): RefArray =>
    isFloat(x.dtype) ? { ...x, data: x.data.map((y) => y + draw.real(-1e-9, 1e-9)) } : x
  return Array.from({ length: 4 }, () => interpret(fn, inputs.map(moved), moved)).some((ys) =>
    ys.some((y, i) => y.data.some((v, k) => !(off(v, want[i].data[k]) <= 1e-6 * (1 + Math.abs(v))))),
  )
}

/** What differs when a pass or a printed text stands for the program's function. */
export function unlike(program: RandomProgram, after: Fn, closeness: Closeness): string | undefined {
  const changed = { fn: after, inputs: program.inputs }
  const problem = disagreement(program, run(changed), run(program), closeness)
  return problem && `${problem}\n${show(changed)}`
}
