import { interpret } from '../../interpret/interpret.js'
import { parse } from '../../ir/parse.js'
import { bind } from '../../trace/tensor.js'
import { mappedOutputs, mappedRegion } from '../../transform/region-vmap.js'
import { op } from '../op.js'
import { fnCount, inputTypes, outputTypes, sameTypes } from './check.js'
import { rematJvp, rematTranspose } from './remat-derivative.js'

export const remat = op({
  name: 'remat',
  doc: 'Runs fns[0]. Its derivative computes again what it needs of the values inside, except those that params.policy saves.',
  infer: (ins, _params, fns = []) => {
    fnCount('remat', fns, 1)
    sameTypes('remat: operands', ins, inputTypes(fns[0]))
    return outputTypes(fns[0])
  },
  eval: (ins, _params, _outs, fns = []) => interpret(fns[0], ins),
  jvp: rematJvp,
  transpose: rematTranspose,
  batch: ({ inputs, batched: on, size, axisName, params, fns: [fn] }) => {
    const axis = { size, name: axisName }
    const batched = mappedOutputs(fn, on, axis)
    const f = mappedRegion(fn, on, axis, batched)
    return { outs: bind(remat, [...f.captured, ...inputs], params, [f.fn]), batched }
  },
  kernel: { kind: 'control' },
  samples: [
    {
      inputs: [{ shape: [3] }, { shape: [3] }],
      params: { policy: 'nothingSaveable' },
      fns: [
        parse(
          'fn f(%0: f32[3], %1: f32[3]) { %2: f32[3] = sin(%0) %3: f32[3] = mul(%2, %1) %4: f32[3] = tanh(%3) return %4, %2 }',
        ),
      ],
    },
  ],
})
