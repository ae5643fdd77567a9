import { describe, expect, test } from 'vitest'
import { parse } from '../../compiler/ir/parse.js'
import { print } from '../../compiler/ir/print.js'
import { type DType, isFloat, showAval, size } from '../../compiler/ir/types.js'
import { verify } from '../../compiler/ir/verify.js'
import { type AnyTensor, allOps, type Sample } from '../../compiler/ops/index.js'
import { bind } from '../../compiler/trace/tensor.js'
import { vjp } from '../../compiler/transform/index.js'
import { checkGrads } from '../../stdlib/testing/check-grads.js'
import { hostTensor } from '../../stdlib/testing/values.js'
import { adjoint } from './adjoint.js'
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
      const fns = sample.fns ?? []
      const outs = record.infer(inputs, params, fns)
      const f = (...xs: AnyTensor[]): AnyTensor[] => bind(record, xs, params, fns)
      const title = `${n}: ${titleOf(sample)}`

      test(`${title}: infer says what eval gives`, () => {
        const results = record.eval(inputs, params, outs, fns)
        expect(results.map(showAval)).toEqual(outs.map(showAval))
        expect(results.map((y) => y.data.length)).toEqual(outs.map((y) => size(y.shape)))
      })

      test(`${title}: text and passes keep the meaning`, async () => {
        const { fn } = await traced(f, inputs, record.name)
        expect(parse(print(verify(fn)))).toEqual(fn)
        keepsMeaning(fn, inputs)
      })

      const differentiable = record.jvp !== 'nondifferentiable' && inputs.some(float) && outs.some(float)
      const { transpose } = record
      const refuses = typeof transpose === 'object' ? transpose.refuses : undefined
      if (differentiable && refuses)
        test(`${title}: jvp agrees with finite differences, and reverse mode is refused`, async () => {
          const points = inputs.map(hostTensor)
          await checkGrads(f, points, { rtol: 1e-5, atol: 1e-6, modes: ['forward'] })
          const [, pullback] = vjp(f, ...points)
          expect(() => pullback(outs.map((y) => hostTensor({ ...y, data: new Float64Array(size(y.shape)) })))).toThrow(
            refuses,
          )
        })
      if (differentiable && !refuses && sample.smooth !== false)
        test(`${title}: jvp and vjp agree with finite differences`, async () => {
          await checkGrads(f, inputs.map(hostTensor), { rtol: 1e-5, atol: 1e-6 })
        })
      if (differentiable && !refuses)
        test(`${title}: ⟨J v, w⟩ = ⟨v, Jᵀ w⟩, and passes keep derivatives`, async () => {
          await adjoint(f, inputs)
        })
    })
  })

const float = (x: { readonly dtype: DType }): boolean => isFloat(x.dtype)
const titleOf = (sample: Sample): string =>
  `(${sample.inputs.map((x) => showAval({ shape: x.shape, dtype: x.dtype ?? 'f32' })).join(', ')}) ${JSON.stringify(sample.params ?? {})}`
