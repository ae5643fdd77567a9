import { op } from '../op.js'

export const barrier = op({
  name: 'barrier',
  doc: 'The operands themselves, all computed before any is read on: no pass sees through it. params.id keeps equal barriers apart.',
  infer: (ins) => [...ins],
  eval: (ins) => [...ins],
  jvp: 'nondifferentiable',
  transpose: 'nonlinear',
  batch: 'elementwise',
  kernel: { kind: 'control' },
  samples: [
    { inputs: [{ shape: [2, 3] }, { shape: [4], dtype: 'i32' }], params: { id: 0 } },
    { inputs: [{ shape: [] }], params: { id: 1 } },
  ],
})
