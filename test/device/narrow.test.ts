import { afterAll, describe, expect, expectTypeOf, test } from 'vitest'
import {
  add,
  attention,
  cast,
  dynamicUpdateSlice,
  gelu,
  grad,
  jit,
  matmul,
  mul,
  scan,
  sum,
  type Tensor,
  tensor,
  vjp,
  zeros,
} from '../../index.js'
import { destroyDevice, getDevice } from '../../runtime/device.js'
import { toHalf } from '../../runtime/half.js'

afterAll(destroyDevice)

const dtypes = ['f16', 'bf16', 'i8', 'u8'] as const

describe('arrays take what their elements take', () => {
  test.each(dtypes)('%s', async (dtype) => {
    const bytes = dtype.endsWith('8') ? 1 : 2
    const x = tensor(
      Array.from({ length: 4096 }, (_, i) => i % 100),
      [64, 64],
      dtype,
    )
    const { buffers, outputs } = await jit((x: any) => add(x, x)).program(x)
    expect(buffers.map((b) => b.bytes)).toEqual([4096 * bytes, 4096 * bytes])
    expect(outputs[0].dtype).toBe(dtype)
    const device = await getDevice()
    const y = await jit((x: any) => add(x, 1))(x)
    const before = device.stats.bytesInUse
    y.dispose()
    const freed = before - device.stats.bytesInUse
    expect(freed).toBeGreaterThanOrEqual(4096 * bytes)
    expect(freed).toBeLessThan(4096 * bytes * 1.2)
  })

  test.each(dtypes)('a donated %s array becomes the result', async (dtype) => {
    const f = jit((x: any) => add(mul(x, 2), 1), { donate: [0] })
    const x = tensor([1, 2, 3, 4, 5, 6, 7], undefined, dtype)
    expect((await f.program(x)).outputs[0].donated).toBe(true)
    expect([...(await (await f(x)).data())]).toEqual([3, 5, 7, 9, 11, 13, 15])
  })

  test.each(dtypes)('single elements of %s are stored beside their neighbours', async (dtype) => {
    // Rows of 3 reduced and joined: nothing is stored four at a time.
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], [5, 3], dtype)
    const y = await jit((x: any) => cast(sum(x, 1) as any, dtype))(x)
    expect([...(await y.data())]).toEqual([6, 15, 24, 33, 42])
  })
})

describe('windows are written in place, and what shares a word with them stays', () => {
  const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i % 50)
  const windows = dtypes.flatMap((dtype) => [4, 5, 6].map((size) => ({ dtype, size })))

  test.each(windows)('$size of $dtype in an array that is donated', async ({ dtype, size }) => {
    const write = jit((x: any, u: any, i: any) => dynamicUpdateSlice(x, add(u, 1), [i] as any), { donate: [0] })
    const [x, u, i] = [tensor(count(23), undefined, dtype), tensor(count(size), undefined, dtype), tensor(3, [], 'i32')]
    const { dispatches, outputs, memory } = await write.program(x, u, i)
    expect([dispatches.length, outputs[0].donated, memory.peakBytes]).toEqual([1, true, 0])
    const want = count(23).map((v, at) => (at >= 3 && at < 3 + size ? at - 2 : v))
    expect([...(await (await write(x, u, i)).data())]).toEqual(want)
  })

  test.each(windows)('rows of $size of $dtype that a loop stacks', async ({ dtype, size }) => {
    const stack = jit(
      (x: any): any =>
        scan(
          (carry: any, row: any) => [add(carry, row), add(carry, row)] as any,
          cast(zeros([size]), dtype) as any,
          x,
        )[1],
    )
    const x = tensor(
      count(7 * size).map((v) => v % 5),
      [7, size],
      dtype,
    )
    const rows = count(7 * size).map((v) => v % 5)
    const want = rows.map((_, at) => rows.reduce((n, v, i) => (i <= at && i % size === at % size ? n + v : n), 0))
    expect([...(await (await stack(x)).data())]).toEqual(want)
  })

  test.each(['f16', 'bf16'] as const)('a product of %s is stored in its window', async (dtype) => {
    const write = jit((x: any, a: any, b: any, i: any) => dynamicUpdateSlice(x, matmul(a, b) as any, [i, 1] as any), {
      donate: [0],
    })
    const [x, a, b] = [
      tensor(count(9 * 11), [9, 11], dtype),
      tensor(count(6), [3, 2], dtype),
      tensor(count(14), [2, 7], dtype),
    ]
    const i = tensor(4, [], 'i32')
    const { dispatches, outputs } = await write.program(x, a, b, i)
    expect([dispatches.length, outputs[0].donated]).toEqual([1, true])
    const want = count(99).map((v, at) => {
      const [r, c] = [Math.floor(at / 11) - 4, (at % 11) - 1]
      return r >= 0 && r < 3 && c >= 0 && c < 7 ? 2 * r * c + (2 * r + 1) * (7 + c) : v
    })
    expect([...(await (await write(x, a, b, i)).data())]).toEqual(want)
  })
})

type Mlp<D extends 'f32' | 'f16' | 'bf16'> = {
  readonly w1: Tensor<[64, 128], D>
  readonly b1: Tensor<[128], D>
  readonly w2: Tensor<[128, 64], D>
}
const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => Math.sin(i) / 8)
const params = <D extends 'f32' | 'f16' | 'bf16'>(dtype: D): Mlp<D> => ({
  w1: tensor(numbers(64 * 128), [64, 128], dtype),
  b1: tensor(numbers(128), [128], dtype),
  w2: tensor(numbers(128 * 64), [128, 64], dtype),
})

test.each(['f16', 'bf16'] as const)(
  'an MLP of %s takes the dispatches of one of f32, and comes near it',
  async (dtype) => {
    const forward = (p: any, x: any): any => matmul(gelu(add(matmul(x, p.w1), p.b1) as any), p.w2)
    const step = (p: any, x: any): any => grad((q: any) => sum(cast(mul(forward(q, x), 0.25) as any, 'f32')) as any)(p)
    const input = <D extends 'f32' | 'f16' | 'bf16'>(d: D): Tensor<[16, 64], D> => tensor(numbers(16 * 64), [16, 64], d)
    for (const f of [forward, step]) {
      const [wide, narrow] = await Promise.all([
        jit(f).program(params('f32'), input('f32')),
        jit(f).program(params(dtype), input(dtype)),
      ])
      expect(narrow.dispatches.length).toBe(wide.dispatches.length)
      const bytes = (p: typeof wide): number => p.buffers.reduce((n, b) => n + b.bytes, 0)
      expect(bytes(narrow)).toBeLessThanOrEqual(bytes(wide) / 2 + 64)
    }
    const want = await (await jit(forward)(params('f32'), input('f32'))).data()
    const got = await (await jit(forward)(params(dtype), input(dtype))).data()
    const far = Math.max(...got.map((v: number, i: number) => Math.abs(v - want[i])))
    expect(far).toBeLessThan(dtype === 'f16' ? 3e-3 : 3e-2)
    const grads = await jit(step)(params(dtype), input(dtype))
    expect([grads.w1.dtype, grads.b1.dtype, grads.w2.dtype]).toEqual([dtype, dtype, dtype])
  },
)

test('mixed params get gradients of their own dtypes', async () => {
  const p = { a: tensor([1, 2], undefined, 'f16'), b: tensor([3, 4], undefined, 'bf16'), c: tensor([5, 6]) }
  const grads = await jit((q: typeof p) => grad((r: typeof p) => sum(mul(mul(r.a, r.b), r.c)))(q))(p)
  expectTypeOf(grads).toEqualTypeOf<typeof p>()
  expect([grads.a.dtype, grads.b.dtype, grads.c.dtype]).toEqual(['f16', 'bf16', 'f32'])
  expect([...(await grads.a.data())]).toEqual([15, 24])
  expect([...(await grads.c.data())]).toEqual([3, 8])
})

test('tensor takes numbers, fitting arrays and bits, and data gives arrays that JavaScript has', async () => {
  const half = tensor([1, 0.1, 65520, 1e-8], undefined, 'f16')
  expectTypeOf(half).toEqualTypeOf<Tensor<[4], 'f16'>>()
  const read = await half.data()
  expectTypeOf(read).toEqualTypeOf<Float32Array>()
  expect([...read]).toEqual([1, 0.0999755859375, Number.POSITIVE_INFINITY, 0])
  expect([...(await tensor(new Uint16Array([0x3f80, 0xc000, 0x7fc0]), [3], 'bf16').data())]).toEqual([
    1,
    -2,
    Number.NaN,
  ])
  const bytes = await tensor(new Int8Array([-128, 127]), [2], 'i8').data()
  expectTypeOf(bytes).toEqualTypeOf<Int8Array>()
  expect(bytes).toEqual(new Int8Array([-128, 127]))
  expect(await tensor([0, 255], undefined, 'u8').data()).toEqual(new Uint8Array([0, 255]))
  expect(() => tensor([256], undefined, 'u8')).toThrow(
    'expected whole numbers from 0 to 255 for u8, got 256 at element 0',
  )
})

test('every f16 and bf16 goes to the device and back', async () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i)
  for (const dtype of ['f16', 'bf16'] as const) {
    const x = tensor(all, [65536], dtype)
    const back = await (await jit((x: any) => cast(x, 'f32'))(x)).data()
    const again = await (await jit((x: any) => cast(x, dtype))(tensor(back))).data()
    const want = await x.data()
    expect(again).toEqual(want)
    expect(Float32Array.from(back)).toEqual(want)
    want.forEach((v, i) => {
      if (!Number.isNaN(v) && toHalf(v, dtype) !== i) throw new Error(`${dtype} ${i} became ${toHalf(v, dtype)}`)
    })
  }
})

test.each(['f16', 'bf16'] as const)(
  'attention of %s takes the kernels of one of f32, and half its memory',
  async (dtype) => {
    const f = (q: any, k: any, v: any): any => attention(q, k, v, { isCausal: true })
    const step = (q: any, k: any, v: any, ct: any): any => vjp(f, q, k, v)[1](ct)
    const x = (d: 'f32' | 'f16' | 'bf16'): any => tensor(numbers(520 * 2 * 8), [1, 520, 2, 8], d)
    for (const [g, operands] of [
      [f, 3],
      [step, 4],
    ] as const) {
      const of = (d: 'f32' | 'f16' | 'bf16') => jit(g as any).program(...(Array(operands).fill(x(d)) as [any]))
      const [wide, narrow] = await Promise.all([of('f32'), of(dtype)])
      expect(narrow.dispatches.map((d) => d.ops.includes('attention'))).toEqual(
        wide.dispatches.map((d) => d.ops.includes('attention')),
      )
      const bytes = (p: typeof wide): number => p.buffers.reduce((n, b) => n + b.bytes, 0)
      // Logarithms of sums and the like stay f32, a number for each query and head.
      expect(bytes(narrow)).toBeLessThanOrEqual(bytes(wide) / 2 + 2 * 4 * 520 * 2)
    }
  },
)
