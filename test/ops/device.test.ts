import { afterAll, describe, test } from 'vitest'
import { isFloat, showAval } from '../../compiler/ir/types.js'
import { type AnyTensor, allOps } from '../../compiler/ops/index.js'
import { bind } from '../../compiler/trace/tensor.js'
import { vjp } from '../../compiler/transform/index.js'
import { destroyDevice } from '../../runtime/device.js'
import { checkJit } from '../../stdlib/testing/check-jit.js'
import { hostTensor } from '../../stdlib/testing/values.js'
import { drawInputs } from '../laws/sample.js'

afterAll(destroyDevice)

/** Every record's samples on the device against the f64 reference: the value, and the pullback of ones where there is one. */
for (const record of allOps())
  describe(record.name, () => {
    record.samples.forEach((sample, n) => {
      const inputs = drawInputs(sample, n + 1).map(hostTensor)
      const tolerance = { rtol: sample.tolerance ?? 1e-5, atol: sample.tolerance ?? 1e-5 }
      const f = (...xs: AnyTensor[]): AnyTensor[] => bind(record, xs, sample.params ?? {}, sample.fns)
      const title = `${n} (${inputs.map((x) => showAval(x.aval)).join(', ')}) ${JSON.stringify(sample.params ?? {})}`

      test(`${title}: value`, () => checkJit(f, inputs, tolerance))

      const outs = record.infer(
        inputs.map((x) => x.aval),
        sample.params ?? {},
        sample.fns,
      )
      if (
        record.jvp !== 'nondifferentiable' &&
        sample.smooth !== false &&
        outs.every((y) => isFloat(y.dtype)) &&
        inputs.some((x) => isFloat(x.aval.dtype))
      )
        test(`${title}: gradient`, () =>
          checkJit(
            (...xs: AnyTensor[]) => {
              const [ys, pullback] = vjp(f, ...xs)
              return pullback(ys)
            },
            inputs,
            { rtol: 3e-5, atol: 3e-5 },
          ))
    })
  })
