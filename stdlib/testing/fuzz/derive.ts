import { held, isFloat, isNarrow } from '../../../compiler/ir/dtype.js'
import type { Eqn, Fn } from '../../../compiler/ir/types.js'
import { type AnyTensor, opOf, type RefArray } from '../../../compiler/ops/op.js'
import { jvp, vjp, vmap } from '../../../compiler/transform/index.js'
import { hostTensor } from '../values.js'
import { type Draw, seeded } from './draw.js'
import { call, programOf, type RandomProgram, run } from './program.js'

/** Programs made of a program by the transforms. */

/** The program as a function of its float inputs alone, to its float results. */
export interface Smooth {
  readonly f: (...xs: AnyTensor[]) => AnyTensor[]
  readonly points: readonly RefArray[]
  /** Directions of the points and of the results, at random. */
  readonly tangents: readonly RefArray[]
  readonly cotangents: readonly RefArray[]
}

const float = (x: { readonly dtype: RefArray['dtype'] }): boolean => isFloat(x.dtype)
const direction = (draw: Draw, { shape, dtype, data }: RefArray): RefArray => ({
  shape,
  dtype,
  data: data.map(() => held(draw.real(-1, 1), dtype)),
})

/** Undefined when there is nothing to differentiate. */
export function smoothPart({ fn, inputs }: RandomProgram): Smooth | undefined {
  const points = inputs.filter(float)
  const f = (...xs: AnyTensor[]): AnyTensor[] => {
    let next = 0
    return call(
      fn,
      inputs.map((x) => (float(x) ? xs[next++] : hostTensor(x))),
    ).filter((y) => float(y.aval))
  }
  const results = run({ fn, inputs }).filter(float)
  if (!points.length || !results.length) return undefined
  const draw = seeded(7)
  return {
    f,
    points,
    tangents: points.map((x) => direction(draw, x)),
    cotangents: results.map((y) => direction(draw, y)),
  }
}

export const jvpOf = ({ f, points, tangents }: Smooth): Promise<RandomProgram> => {
  const n = points.length
  return programOf((...xs) => jvp(f, xs.slice(0, n), xs.slice(n))[1], [...points, ...tangents], 'jvp')
}

export const vjpOf = ({ f, points, cotangents }: Smooth): Promise<RandomProgram> => {
  const n = points.length
  return programOf(
    (...xs) => vjp(f, ...xs.slice(0, n))[1](xs.slice(n)) as AnyTensor[],
    [...points, ...cotangents],
    'vjp',
  )
}

/** Two examples: the inputs, and other numbers that the program takes as well. A loop might not end on numbers out of its range. */
export const examples = (x: RefArray, fn: Fn): RefArray[] => {
  const { data, dtype } = x
  const scale = isFloat(dtype) && !fn.eqns.some((q) => q.fns) ? 0.875 : 1
  return [x, { ...x, data: data.map((_, i) => held(scale * data[(i + 1) % data.length], dtype)) }]
}

export const stacked = (xs: readonly RefArray[]): RefArray => ({
  shape: [xs.length, ...xs[0].shape],
  dtype: xs[0].dtype,
  data: Float64Array.from(xs.flatMap((x) => [...x.data])),
})

/** The program on both examples of the inputs that are `mapped`. */
export function vmapOf({ fn, inputs }: RandomProgram, mapped: readonly boolean[]): Promise<RandomProgram> {
  const axes = mapped.map((on) => (on ? 0 : null))
  const f = vmap((...xs: AnyTensor[]) => call(fn, xs), axes) as (...xs: AnyTensor[]) => AnyTensor[]
  return programOf(
    f,
    inputs.map((x, i) => (mapped[i] ? stacked(examples(x, fn)) : x)),
    'vmap',
  )
}

/**
 * Whether derivatives are slopes. Not with ops whose derivative is another on purpose, as stopGradient's (none of their
 * samples is smooth), nor with those that only passes make and that have none.
 */
export const slopes = ({ fn }: RandomProgram): boolean =>
  everyEqn(fn, ({ op, outputs }) => {
    const { jvp, samples } = opOf(op)
    if (jvp === 'nondifferentiable') return !outputs.some((y) => isFloat(y.aval.dtype))
    return samples.some((s) => s.smooth !== false)
  })

/** Rounding to few digits hides slopes. */
export const wide = ({ fn }: RandomProgram): boolean =>
  ![...fn.inputs, ...fn.eqns.flatMap((q) => q.outputs)].some((v) => isFloat(v.aval.dtype) && isNarrow(v.aval.dtype))

export const reversible = (fn: Fn): boolean =>
  everyEqn(fn, ({ op }) => {
    const { transpose } = opOf(op)
    return typeof transpose !== 'object' || !('refuses' in transpose)
  })

/** Also of the functions that equations run. */
const everyEqn = (fn: Fn, holds: (eqn: Eqn) => boolean): boolean =>
  fn.eqns.every((q) => holds(q) && (q.fns ?? []).every((inner) => everyEqn(inner, holds)))
