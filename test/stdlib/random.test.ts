import { afterAll, expect, test } from 'vitest'
import { destroyDevice } from '../../index.js'
import { bits, foldIn, key, normal, split, uniform } from '../../stdlib/random/index.js'
import { assertClose } from '../../stdlib/testing/index.js'
import want from './jax-random.json' with { type: 'json' }

afterAll(destroyDevice)

/** jax-random.json: what jax.random gives for PRNGKey(42) on the CPU, default settings (threefry, partitionable). */
const k = key(want.seed)
const list = async (x: { data(): Promise<ArrayLike<number>> }): Promise<number[]> => Array.from(await x.data())

test('keys and bits are those of jax.random', async () => {
  expect(await Promise.all(split(k, 3).map(list))).toEqual(want.split)
  expect(await list(foldIn(k, 7))).toEqual(want.foldIn7)
  expect(await list(bits(k, [2, 3]))).toEqual(want.bits.flat())
  expect(await list(bits(key(2 ** 32 - 1), [3]))).toEqual(want.bigSeed)
})

test('uniform is equal bit for bit, normal up to rounding of the logarithm', async () => {
  expect(await list(uniform(k, [5]))).toEqual(want.uniform)
  await assertClose(uniform(k, [5], -2, 3), want.uniformRange, { atol: 3e-7, rtol: 0 })
  await assertClose(normal(k, [300]), want.normal, { atol: 2e-5, rtol: 2e-5 })
})

test('a bad seed is an error', () => {
  expect(() => key(-1)).toThrow('key: expected a non-negative integer seed, got -1')
  expect(() => key(0.5)).toThrow('got 0.5')
})
