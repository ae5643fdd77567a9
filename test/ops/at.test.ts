import { afterAll, expect, test } from 'vitest'
import { at, destroyDevice, grad, mul, sum, type Tensor, tensor } from '../../index.js'
import { checkJit } from '../../stdlib/testing/index.js'

afterAll(destroyDevice)

type Any = Tensor<any, any>
const drawn = (n: number, by: number, shape: readonly number[]): Any =>
  tensor(
    Float32Array.from({ length: n }, (_, i) => ((i * by) % 17) / 4 - 2),
    shape,
  ) as Any
const ids = (n: number, by: number, rows: number): Any =>
  tensor(Int32Array.from({ length: n }, (_, i) => ((i * by) % (rows + 6)) - 3)) as Any

/** Few ids are searched for and many are sorted, on adapters: with places outside, ties and repeats. */
for (const [rows, count, width] of [
  [7, 20, 3],
  [600, 1000, 4],
])
  test(`updates of ${rows} rows at ${count} places, and their gradients`, async () => {
    const x = drawn(rows * width, 7, [rows, width])
    const v = drawn(count * width, 5, [count, width])
    const i = ids(count, 13, rows)
    for (const method of ['set', 'add', 'max', 'min'] as const) {
      const f = (t: Any, u: Any, k: Any): Any => (at(t, k) as any)[method](u)
      await checkJit(f, [x, v, i], { rtol: 1e-5, atol: 1e-5 })
      const slopes = (t: Any, u: Any, k: Any): unknown =>
        grad(((a: Any, b: Any) => sum(mul(f(a, b, k), f(a, b, k)) as Any)) as any, { argnums: [0, 1] })(t, u)
      await checkJit(slopes as any, [x, v, i], { rtol: 1e-4, atol: 1e-4 })
    }
    await checkJit((t: Any, k: Any) => at(t, [k, 1]).get() as Any, [x, i])
  })

test('slices and bools', async () => {
  const x = drawn(30, 7, [5, 6])
  for (const method of ['set', 'add', 'mul', 'max'] as const)
    await checkJit(
      (t: Any, u: Any) => (at(t, [{ start: 1, limit: 5, step: 2 }, { limit: 3 }]) as any)[method](u),
      [x, drawn(3, 3, [3])],
    )
  const flags = tensor([true, false, false]) as Any
  await checkJit((t: Any) => at(t, tensor(new Int32Array([2])) as Any).set(1) as Any, [flags])
  expect(await (at(flags, 1).set(1) as Any).data()).toEqual(new Uint8Array([1, 1, 0]))
})
