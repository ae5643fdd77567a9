import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.js'
import { parse } from '../../compiler/ir/parse.js'
import { print } from '../../compiler/ir/print.js'
import { isFloat, showAval, size } from '../../compiler/ir/types.js'
import { verify } from '../../compiler/ir/verify.js'
import { type AnyTensor, allOps, type RefArray, type Sample } from '../../compiler/ops/index.js'
import { bind } from '../../compiler/trace/tensor.js'
import { jvp, vjp } from '../../compiler/transform/index.js'
import { difference } from '../../stdlib/testing/assert-close.js'
import { checkGrads } from '../../stdlib/testing/check-grads.js'
import { uniform } from '../../stdlib/testing/uniform.js'
import { hostTensor } from '../../stdlib/testing/values.js'
import { keepsMeaning, traced } from './keeps-meaning.js'
import { drawInputs } from './sample.js'

/** Every record is held to every law on every sample. */
for (const record of allOps())
  describe(record.name, () => {
    test('has a sentence of documentation and samples', () => {
      expect(record.doc).toMatch(/\.$/)
      expect(record.samples.length).toBeGreaterThan(0)
    })

    record.samples.forEach((sample, n) => {
      const params = sample.params ?? {}
      const inputs = drawInputs(sample, n + 1)
      const outs = record.infer(inputs, params)
      const f = (...xs: AnyTensor[]): AnyTensor[] => bind(record, xs, params)
      const title = `${n}: ${titleOf(sample)}`

      test(`${title}: infer says what eval gives`, () => {
        const results = record.eval(inputs, params, outs)
        expect(results.map(showAval)).toEqual(outs.map(showAval))
        expect(results.map((y) => y.data.length)).toEqual(outs.map((y) => size(y.shape)))
      })

      test(`${title}: text and passes keep the meaning`, async () => {
        const { fn } = await traced(f, inputs, record.name)
        expect(parse(print(verify(fn)))).toEqual(fn)
        keepsMeaning(fn, inputs)
      })

      const differentiable = record.jvp !== 'nondifferentiable' && inputs.some(float) && outs.some(float)
      if (differentiable && sample.smooth !== false)
        test(`${title}: jvp and vjp agree with finite differences`, async () => {
          await checkGrads(f, inputs.map(hostTensor), { rtol: 1e-5, atol: 1e-6 })
        })
      if (differentiable)
        test(`${title}: ⟨J v, w⟩ = ⟨v, Jᵀ w⟩, and passes keep derivatives`, async () => {
          await adjoint(f, inputs)
        })
    })
  })

const float = (x: { readonly dtype: RefArray['dtype'] }): boolean => isFloat(x.dtype)
const titleOf = (sample: Sample): string =>
  `(${sample.inputs.map((x) => showAval({ shape: x.shape, dtype: x.dtype ?? 'f32' })).join(', ')}) ${JSON.stringify(sample.params ?? {})}`

async function adjoint(f: (...xs: AnyTensor[]) => AnyTensor[], inputs: readonly RefArray[]): Promise<void> {
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
