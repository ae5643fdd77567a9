import { expect, expectTypeOf, test } from 'vitest'
import type { Tensor } from '../../compiler/trace/tensor.js'
import { tensor } from '../../runtime/tensor.js'

const elements = (x: Tensor<any, any>) =>
  x.node.kind === 'array' ? x.node.storage.read() : Promise.reject(new Error('not an array'))

test('shape and dtype follow the data', async () => {
  const x = tensor([
    [1, 2],
    [3, 4],
    [5, 6],
  ])
  expectTypeOf(x).toEqualTypeOf<Tensor<[3, 2], 'f32'>>()
  expect([x.shape, x.dtype, await elements(x)]).toEqual([[3, 2], 'f32', Float32Array.of(1, 2, 3, 4, 5, 6)])

  const mask = tensor([true, false])
  expectTypeOf(mask).toEqualTypeOf<Tensor<[2], 'bool'>>()
  expect(await elements(mask)).toEqual(Uint8Array.of(1, 0))

  const scalar = tensor(3)
  expectTypeOf(scalar).toEqualTypeOf<Tensor<[], 'f32'>>()
  expect([scalar.shape, await elements(scalar)]).toEqual([[], Float32Array.of(3)])

  expect(tensor(Uint32Array.of(1)).dtype).toBe('u32')
  expect(await elements(tensor(BigInt64Array.of(-1n, 2n)))).toEqual(Int32Array.of(-1, 2))
  expect(tensor([]).shape).toEqual([0])
})

test('shape and dtype can be given', async () => {
  const x = tensor(new Int32Array(6), [2, 3])
  expectTypeOf(x).toEqualTypeOf<Tensor<[2, 3], 'i32'>>()
  const y = tensor([1, 0], [2, 1], 'bool')
  expectTypeOf(y).toEqualTypeOf<Tensor<[2, 1], 'bool'>>()
  expect(await elements(tensor([4294967295], [1], 'u32'))).toEqual(Uint32Array.of(4294967295))
})

test('the data is copied', async () => {
  const data = Float32Array.of(1, 2)
  const x = tensor(data)
  data[0] = 9
  expect(await elements(x)).toEqual(Float32Array.of(1, 2))
  const read = await elements(x)
  read[1] = 9
  expect(await elements(x)).toEqual(Float32Array.of(1, 2))
})

test.each([
  [() => tensor([1, 2, 3], [2, 2]), 'shape', 'shape [2, 2] has 4 elements, the data has 3'],
  [() => tensor([[1, 2], [3]]), 'shape', 'expected 2 elements at depth 1, got 1'],
  [() => tensor([[1, 2], 3]), 'shape', 'expected an array of 2 at depth 1, got 3'],
  [() => tensor([1, [2]]), 'shape', 'expected a number at depth 1, got 1'],
  [() => tensor([1, 2], [-2]), 'shape', 'expected a shape of whole numbers, got [-2]'],
  [() => tensor([1.5], [1], 'i32'), 'dtype', 'for i32, got 1.5 at element 0'],
  [() => tensor([-1], [1], 'u32'), 'dtype', 'for u32, got -1'],
  [() => tensor([2], [1], 'bool'), 'dtype', 'for bool, got 2'],
  [() => tensor('x' as never), 'dtype', 'got string'],
])('wrong data is refused (%#)', (make, code, text) => {
  expect(make).toThrow(expect.objectContaining({ code, message: expect.stringContaining(text) }))
})
