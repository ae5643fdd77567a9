import { afterAll, describe, expect, test } from 'vitest'
import { type DType, dtypes, isFloat } from '../../compiler/ir/dtype.js'
import { showAval } from '../../compiler/ir/types.js'
import { type AnyTensor, allOps, type OpRecord, type Sample } from '../../compiler/ops/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { bind } from '../../compiler/trace/tensor.js'
import { destroyDevice } from '../../runtime/device.js'
import { checkJit } from '../../stdlib/testing/check-jit.js'
import { hostTensor } from '../../stdlib/testing/values.js'
import { drawInputs } from './sample.js'

afterAll(destroyDevice)

/** Every op in every dtype: the device does what the reference does, or the op says that it doesn't take the dtype. */

/** Of f16 and bf16 a few results a unit in the last place apart are allowed: the device computes in f32 what the reference has in f64. */
const tolerances: Readonly<Record<DType, number>> = {
  ...{ bool: 0, u8: 0, i8: 0, u32: 0, i32: 0 },
  ...{ f32: 1e-5, f16: 2e-3, bf16: 1.6e-2 },
}
const limits: Partial<Record<DType, readonly [number, number]>> = {
  u8: [0, 15],
  u32: [0, 15],
  i8: [-8, 11],
  i32: [-8, 11],
}

/** The sample with its operands in another dtype: those that are f32, or all where none is. */
function inDtype(sample: Sample, dtype: DType): Sample {
  const floats = sample.inputs.some((x) => (x.dtype ?? 'f32') === 'f32')
  // Operands that are so already may fit each other.
  if (!floats && sample.inputs.every((x) => x.dtype === dtype)) return sample
  const range = limits[dtype]
  const inputs = sample.inputs.map((x) => {
    if (floats && (x.dtype ?? 'f32') !== 'f32') return x
    if (isFloat(dtype)) return { ...x, dtype }
    if (dtype === 'bool') return { ...x, dtype, low: 0, high: 1, values: undefined }
    const [low, high] = range!
    const values = x.values?.map((v) => (Number.isFinite(v) ? Math.min(Math.max(Math.round(v), low), high) : low))
    return {
      ...x,
      dtype,
      low: Math.max(low, Math.ceil(x.low ?? low)),
      high: Math.max(low + 1, Math.min(high, x.high ?? high)),
      values,
    }
  })
  return { ...sample, inputs }
}

// What runs functions, or orders what runs, has the dtypes of those.
for (const record of allOps().filter((r) => r.kernel.kind !== 'control'))
  describe(record.name, () => {
    for (const dtype of dtypes) test(dtype, () => holds(record, dtype))
  })

async function holds(record: OpRecord, dtype: DType): Promise<void> {
  for (const [n, sample] of record.samples.entries()) {
    const given = inDtype(sample, dtype)
    const inputs = drawInputs(given, n + 1)
    const params = sample.params ?? {}
    const refused = refusal(() => record.infer(inputs, params))
    if (refused) {
      expect(refused.code, refused.message).toBe('dtype')
      expect(refused.message).toContain(record.name)
      expect(refused.message).toContain(dtype)
      continue
    }
    const outs = record.infer(inputs, params)
    const tolerance = Math.max(...[...inputs, ...outs].map((x) => tolerances[x.dtype]), sample.tolerance ?? 0)
    const f = (...xs: AnyTensor[]): AnyTensor[] => bind(record, xs, params)
    await checkJit(f, inputs.map(hostTensor), { rtol: tolerance, atol: tolerance }).catch((err: Error) => {
      throw new Error(`sample ${n} (${inputs.map(showAval)}): ${err.message}`, { cause: err })
    })
  }
}

function refusal(infer: () => unknown): FoveaError | undefined {
  try {
    infer()
    return undefined
  } catch (err) {
    if (err instanceof FoveaError) return err
    throw err
  }
}
