import { op } from '../op.js'
import * as p from '../prim.js'

export const barrier = op({
  name: 'barrier',
  doc: 'The operands themselves, all computed before any is read on: no pass sees through it. params.id keeps equal barriers apart.',
  infer: (ins) => [...ins],
  eval: (ins) => [...ins],
  jvp: ({ tangents }) => [...tangents],
  transpose: ({ cotangents }) => [...cotangents],
  batch: ({ inputs, batched }) => ({ outs: p.barrier(inputs), batched }),
  kernel: { kind: 'control' },
  samples: [
    { inputs: [{ shape: [2, 3] }, { shape: [4], dtype: 'i32' }], params: { id: 0 } },
    { inputs: [{ shape: [] }], params: { id: 1 } },
  ],
})
