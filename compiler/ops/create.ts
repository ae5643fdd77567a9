import { asDtype, isNarrow } from '../ir/dtype.js'
import type { Aval, DType } from '../ir/types.js'
import { size } from '../ir/types.js'
import { op } from './op.js'
import * as p from './prim.js'
import { eachIndex, fail } from './rules.js'

/** The number a `constant` equation holds: JSON has no NaN, infinities or -0, so these are strings. */
export const constantValue = (value: unknown): number => (value === '-0' ? -0 : Number(value))

/** f32 is rounded by the printers. */
const fitting = (value: number, dtype: DType): number => (isNarrow(dtype) ? asDtype(value, dtype) : value)

export const constant = op({
  name: 'constant',
  doc: 'A scalar known while tracing: params.value.',
  infer: (_ins, params): Aval[] => [{ shape: [], dtype: params.dtype as DType }],
  eval: (_ins, params, [out]) => [{ ...out, data: Float64Array.of(asDtype(constantValue(params.value), out.dtype)) }],
  jvp: () => [null],
  transpose: 'nonlinear',
  batch: ({ size: n, params }) => [batchedConstant(n, params.value, params.dtype as DType)],
  kernel: {
    kind: 'map',
    cost: 0,
    value: ({ e, params, out }) => e.lit(out.dtype, fitting(constantValue(params.value), params.dtype as DType)),
  },
  samples: [
    { inputs: [], params: { value: 1.5, dtype: 'f32' } },
    { inputs: [], params: { value: 'Infinity', dtype: 'f32' } },
    { inputs: [], params: { value: 4294967295, dtype: 'u32' } },
  ],
})
const batchedConstant = (n: number, value: unknown, dtype: DType) => p.full([n], constantValue(value), dtype)

export const iota = op({
  name: 'iota',
  doc: 'Counts 0, 1, 2, … along params.axis.',
  infer: (_ins, params): Aval[] => {
    const shape = params.shape as number[]
    const axis = params.axis as number
    if (!(axis >= 0 && axis < shape.length)) fail(`iota: axis ${axis} is out of range for shape [${shape.join(', ')}]`)
    return [{ shape, dtype: params.dtype as DType }]
  },
  eval: (_ins, params, [out]) => {
    const data = new Float64Array(size(out.shape))
    eachIndex(out.shape, (index, at) => {
      data[at] = asDtype(index[params.axis as number], out.dtype)
    })
    return [{ ...out, data }]
  },
  jvp: () => [null],
  transpose: 'nonlinear',
  batch: ({ size: n, params }) => [
    p.iota([n, ...(params.shape as number[])], (params.axis as number) + 1, params.dtype as DType),
  ],
  kernel: {
    kind: 'map',
    cost: 0,
    value: ({ e, index, params, out }) => {
      const i = index[params.axis as number]
      return out.dtype === 'u32' ? i : e.call('cast', out.dtype, [i])
    },
  },
  samples: [
    { inputs: [], params: { shape: [2, 3], axis: 1, dtype: 'i32' } },
    { inputs: [], params: { shape: [4], axis: 0, dtype: 'f32' } },
  ],
})
