import { afterAll, expect, test } from 'vitest'
import { destroyDevice, grad, jit, matmul, mul, ones, type Tensor, tensor, transpose, zeros } from '../../index.js'
import { contrastive } from '../../models/clip/index.js'
import { contrastiveLoss } from '../../stdlib/nn/index.js'
import { key, normal } from '../../stdlib/random/index.js'
import { assertClose, checkGrads } from '../../stdlib/testing/index.js'

afterAll(destroyDevice)
type Any = Tensor<any, any>

const explicit = (x: Any, y: Any, s: Any): any => contrastive(mul(matmul(x, transpose(y) as Any) as Any, s) as any)
const streamed = (x: Any, y: Any, s: Any): any => contrastiveLoss(x, y, s, { rows: 4 })

test('the loss and its gradients are those of the table of scores', async () => {
  const [x, y] = [normal(key(1), [12, 5]), normal(key(2), [12, 5])] as [Any, Any]
  const s = tensor(3) as Any
  await assertClose(streamed(x, y, s), await explicit(x, y, s).data(), { rtol: 1e-5 })
  const both = await jit((a: Any, b: Any, c: Any) => [
    grad(explicit as any, { argnums: [0, 1, 2] })(a, b, c),
    grad(streamed as any, { argnums: [0, 1, 2] })(a, b, c),
  ])(x, y, s)
  const [want, got] = both as unknown as [Any[], Any[]]
  for (const i of [0, 1, 2]) await assertClose(got[i], await want[i].data(), { rtol: 1e-4, atol: 1e-5 })
  await checkGrads(streamed, [x, y, s] as any, { rtol: 1e-4, atol: 1e-5 })
})

test('no table of all pairs is ever in memory, in the gradient either', async () => {
  const n = 4096
  const step = jit(
    grad(((x: Any, y: Any, s: Any) => contrastiveLoss(x, y, s, { rows: 64 })) as any, { argnums: [0, 1] }) as any,
  )
  const { memory } = await step.program(zeros([n, 8]) as any, zeros([n, 8]) as any, ones([]) as any)
  // The table takes 64 MiB.
  expect(memory.peakBytes).toBeLessThan(8 * 2 ** 20)
})

test('shapes that differ are an error', () => {
  expect(() => contrastiveLoss(normal(key(1), [4, 5]) as any, normal(key(1), [3, 5]) as any, 1 as any)).toThrow(
    'expected images and texts of one shape [n, e], got [4, 5] and [3, 5]',
  )
})
