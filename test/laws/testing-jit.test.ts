import { afterAll, expect, test } from 'vitest'
import type { AnyTensor } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { destroyDevice } from '../../runtime/device.js'
import { checkJit } from '../../stdlib/testing/index.js'
import { hostTensor } from '../../stdlib/testing/values.js'

afterAll(destroyDevice)

test('checkJit holds the device to the reference and names the leaf that differs', { timeout: 60_000 }, async () => {
  const x = hostTensor({ shape: [2, 3], dtype: 'f32', data: Float64Array.of(0.1, -0.2, 0.3, 1, 2, -3) })
  const f = (y: AnyTensor) => ({ soft: p.softmax(y, 1), sum: p.reduceSum(p.tanh(y), [0]) })
  await checkJit(f, [x])
  await expect(checkJit(f, [x], { atol: 0, rtol: 0 })).rejects.toThrow(
    /^checkJit: result '(soft|sum)' of 'f': \d of \d elements/,
  )
})
