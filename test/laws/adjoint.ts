import { expect } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.js'
import { type DType, isFloat } from '../../compiler/ir/types.js'
import { verify } from '../../compiler/ir/verify.js'
import type { AnyTensor, RefArray } from '../../compiler/ops/op.js'
import { jvp, vjp } from '../../compiler/transform/index.js'
import { difference } from '../../stdlib/testing/assert-close.js'
import { uniform } from '../../stdlib/testing/uniform.js'
import { hostTensor } from '../../stdlib/testing/values.js'
import { keepsMeaning, traced } from './keeps-meaning.js'

const float = (x: { readonly dtype: DType }): boolean => isFloat(x.dtype)

/** ⟨J v, w⟩ = ⟨v, Jᵀ w⟩ for random v and w, and passes keep the meaning of both derivatives. Inputs that are not float stay fixed. */
export async function adjoint(f: (...xs: AnyTensor[]) => AnyTensor[], inputs: readonly RefArray[]): Promise<void> {
  const points = inputs.filter(float)
  const ofFloats = (...xs: AnyTensor[]): AnyTensor[] => {
    let next = 0
    return f(...inputs.map((x) => (float(x) ? xs[next++] : hostTensor(x)))).filter((y) => float(y.aval))
  }
  const random = uniform(7)
  const value = await traced(ofFloats, points)
  const v = points.map((x) => random(x.shape, -1, 1))
  const w = value.fn.outputs.map((y) => random(y.aval.shape, -1, 1))
  const n = points.length
  const push = await traced((...xs) => jvp(ofFloats, xs.slice(0, n), xs.slice(n))[1], [...points, ...v], 'jvp')
  const pull = await traced((...xs) => vjp(ofFloats, ...xs.slice(0, n))[1](xs.slice(n)), [...points, ...w], 'vjp')

  const left = inner(interpret(verify(push.fn), push.inputs), w)
  const right = inner(v, interpret(verify(pull.fn), pull.inputs))
  // Both are NaN where a derivative is not defined, as that of a power of a negative base by its exponent.
  expect(difference(scalar(left), scalar(right), { rtol: 1e-9, atol: 1e-9 })).toBeUndefined()
  for (const { fn, inputs } of [push, pull]) keepsMeaning(fn, inputs)
}

const scalar = (x: number): RefArray => ({ shape: [], dtype: 'f32', data: Float64Array.of(x) })
const inner = (a: readonly RefArray[], b: readonly RefArray[]): number =>
  a.reduce((total, x, i) => total + x.data.reduce((sum, y, k) => sum + y * b[i].data[k], 0), 0)
