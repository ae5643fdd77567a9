import { type DType, held, isFloat } from '../../compiler/ir/dtype.js'
import { size } from '../../compiler/ir/types.js'
import type { RefArray, Sample } from '../../compiler/ops/op.js'
import { uniform } from '../../stdlib/testing/uniform.js'

const ranges: Record<DType, readonly [low: number, high: number]> = {
  f32: [-2, 2],
  f16: [-2, 2],
  bf16: [-2, 2],
  i32: [-8, 8],
  i8: [-8, 8],
  u32: [0, 8],
  u8: [0, 8],
  bool: [0, 1],
}

/** Inputs of a sample: its listed values in turn, or seeded draws from its range. elements are representable, integers inclusive of both ends. */
export function drawInputs(sample: Sample, seed = 1): RefArray[] {
  const random = uniform(seed)
  return sample.inputs.map(({ shape, dtype = 'f32', low = ranges[dtype][0], high = ranges[dtype][1], values }) => {
    const data = values
      ? Float64Array.from({ length: size(shape) }, (_, i) => values[i % values.length])
      : random(shape, low, isFloat(dtype) ? high : high + 1).data
    return { shape, dtype, data: data.map((x) => held(isFloat(dtype) ? x : Math.floor(x), dtype)) }
  })
}
