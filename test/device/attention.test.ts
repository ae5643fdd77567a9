import { afterAll, describe, expect, test } from 'vitest'
import { attention, destroyDevice, getDevice, jit, tensor, vjp } from '../../index.js'
import { assertClose } from '../../stdlib/testing/assert-close.js'
import { hostTensor } from '../../stdlib/testing/values.js'
import { arraysOf, jaxCases } from '../laws/attention-cases.js'

afterAll(async () => {
  delete process.env.FOVEA_THREADS
  await destroyDevice()
})

/** The cases are multiples of a quarter, so operands are as they are in f16 and bf16; results are rounded, and sums of what is. */
const tolerances = { f32: [1e-5, 3e-5], f16: [1e-3, 4e-3], bf16: [8e-3, 3e-2] } as const

describe.each(['f32', 'f16', 'bf16'] as const)(
  'on the device, values and gradients of %s are those of jax.nn.dot_product_attention',
  (dtype) => {
    for (const c of jaxCases)
      test(c.name, async () => {
        const [rtol, slopes] = tolerances[dtype]
        const given = arraysOf(c).map((x, i) => hostTensor(i < 4 ? { ...x, dtype } : x))
        const [q, k, v, ct, ...last] = given as any[]
        const step = jit((...xs: any[]): any[] => {
          const mask = c.mask ? xs[xs.length - 1] : undefined
          const f = (...ys: any[]): any => attention(ys[0], ys[1], ys[2], { ...c.options, bias: ys[3], mask })
          const [out, pullback] = vjp(f, xs[0], xs[1], xs[2], ...(c.bias ? [xs[4]] : []))
          return [out, ...pullback(xs[3])]
        })
        const [out, ...grads] = (await step(q, k, v, ct, ...last)) as any[]
        expect([out, ...grads].map((x) => x.dtype)).toEqual([dtype, dtype, dtype, dtype, ...(c.bias ? ['f32'] : [])])
        await assertClose(await out.data(), Float64Array.from(c.y), { rtol, atol: rtol })
        for (const [i, g] of grads.entries())
          await assertClose(await g.data(), Float64Array.from(c.grads[i]), { rtol: slopes, atol: slopes })
      })
  },
)

/** Every bit of attention and its gradients with so many threads. */
async function bits(threads: number): Promise<number[][]> {
  await destroyDevice()
  process.env.FOVEA_THREADS = String(threads)
  expect((await getDevice()).info.description).toContain(`, ${threads} thread`)
  const array = (shift: number, ...shape: number[]): any =>
    tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 0.37 + shift)),
      shape,
    )
  const [q, ct] = [0, 1].map((shift) => array(shift, 2, 150, 4, 20))
  const [k, v] = [2, 3].map((shift) => array(shift, 2, 150, 2, 20))
  const bias = array(4, 4, 1, 150)
  const step = jit((...xs: any[]): any[] => {
    const f = (...ys: any[]): any => attention(ys[0], ys[1], ys[2], { bias: ys[3], isCausal: true })
    const [y, pullback] = vjp(f, ...(xs.slice(0, 4) as [any, any, any, any]))
    return [y, ...pullback(xs[4])]
  })
  const all = (await step(q, k, v, bias, ct)) as any[]
  return Promise.all(all.map(async (x) => [...new Uint8Array((await x.data()).buffer)]))
}

test.skipIf(process.env.FOVEA_DEVICE !== 'cpu')('attention has the same bits for 1 and 2 threads', async () => {
  expect(await bits(2)).toEqual(await bits(1))
})
