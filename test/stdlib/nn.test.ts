import { afterAll, expect, test } from 'vitest'
import { arange, destroyDevice, grad, jit, mean, mul, ones, sum, type Tensor, tensor } from '../../index.js'
import { crossEntropy, rmsNorm, rotary, rotaryTable } from '../../stdlib/nn/index.js'
import { checkGrads } from '../../stdlib/testing/index.js'

afterAll(destroyDevice)

const noise = (...shape: number[]): Tensor<any, 'f32'> =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(1.7 * i + 0.3)),
    shape,
  ) as Tensor<any, 'f32'>
const values = async (x: Tensor<any, any>): Promise<number[]> => [...(await x.data())]
const close = (got: readonly number[], want: readonly number[]): void => {
  expect(got).toHaveLength(want.length)
  got.forEach((x, i) => {
    expect(x).toBeCloseTo(want[i], 5)
  })
}

test('rmsNorm', async () => {
  const [x, w] = [noise(3, 5), noise(5)]
  const [a, b] = [await values(x), await values(w)]
  const row = (i: number): number => Math.sqrt(a.slice(5 * i, 5 * i + 5).reduce((s, v) => s + v * v, 0) / 5 + 1e-6)
  close(
    await values(await jit((y: any, v: any) => rmsNorm(y, v, 1e-6) as Tensor<any, 'f32'>)(x, w)),
    a.map((v, i) => (v / row(Math.floor(i / 5))) * b[i % 5]),
  )
  await checkGrads((y: any, v: any) => rmsNorm(y, v, 1e-6) as any, [x, w] as any, { order: 1 })
  expect(() => rmsNorm(x as any, ones([4]) as any, 1e-6)).toThrow(
    'rmsNorm: expected x [...s, d] and weight [d], got [3, 5] and [4]',
  )
})

test('crossEntropy: of each row, and its gradient softmax - oneHot', async () => {
  const x = noise(2, 2, 4)
  const labels = tensor(new Int32Array([0, 3, 1, 9]), [2, 2])
  const a = await values(x)
  const rows = [0, 1, 2, 3].map((i) => a.slice(4 * i, 4 * i + 4))
  const soft = rows.map((row) => row.map((v) => Math.exp(v) / row.reduce((s, u) => s + Math.exp(u), 0)))
  const got = await values(crossEntropy(x as any, labels as any))
  close(got.slice(0, 3), [-Math.log(soft[0][0]), -Math.log(soft[1][3]), -Math.log(soft[2][1])])
  // A label outside the classes.
  expect(got[3]).toBeNaN()
  const inside = tensor(new Int32Array([0, 3, 1, 2]), [2, 2])
  const g = grad((y: any) => sum(crossEntropy(y, inside as any) as any) as any)(x as any)
  const hot = [0, 3, 1, 2]
  close(
    await values(g as any),
    soft.flatMap((row, i) => row.map((v, c) => v - Number(c === hot[i]))),
  )
  expect(() => crossEntropy(x as any, tensor(new Int32Array([1]), [1]) as any)).toThrow(
    'crossEntropy: expected logits [...s, c] and labels [...s], got f32[2,2,4] and i32[1]',
  )
  expect(() => crossEntropy(x as any, ones([2, 2]) as any)).toThrow('crossEntropy: expected labels of i32')
  expect(await mean(crossEntropy(ones([2, 4]), tensor(new Int32Array([1, 2])))).item()).toBeCloseTo(Math.log(4), 5)
})

test('rotary: pairs are turned by position · rate, so products depend on distances alone', async () => {
  const table = rotaryTable(arange(6), 8)
  const x = noise(1, 6, 2, 8)
  const a = await values(x)
  const want = a.map((v, i) => {
    const [d, t] = [i % 8, Math.floor(i / 16)]
    const angle = t * 10_000 ** (-(d % 4) / 4)
    const other = a[d < 4 ? i + 4 : i - 4]
    return v * Math.cos(angle) + (d < 4 ? -other : other) * Math.sin(angle)
  })
  close(await values(await jit((y: any, p: any) => rotary(y, p) as Tensor<any, 'f32'>)(x, table)), want)

  const [q, k] = [mul(ones([1, 6, 1, 8]), 0.5), ones([1, 6, 1, 8])].map((y) => rotary(y as any, table as any) as any)
  const [u, v] = [await values(q), await values(k)]
  const product = (i: number, j: number): number =>
    Array.from({ length: 8 }, (_, d) => u[8 * i + d] * v[8 * j + d]).reduce((s, z) => s + z, 0)
  expect(product(3, 1)).toBeCloseTo(product(5, 3), 4)
  expect(product(3, 1)).not.toBeCloseTo(product(5, 1), 2)
  expect(() => rotaryTable(arange(6), 7)).toThrow('rotaryTable: expected an even width, got 7')
  expect(() => rotary(noise(1, 5, 2, 8) as any, table as any)).toThrow(
    'rotary: expected x [b, t, h, d] and a table [t, d/2], got [1, 5, 2, 8] and [6, 4]',
  )
})
