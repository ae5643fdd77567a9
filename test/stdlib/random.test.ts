import { afterAll, expect, test } from 'vitest'
import { arange, cast, destroyDevice, grad, log, mul, reshape, sum, tensor } from '../../index.js'
import {
  bernoulli,
  beta,
  bits,
  categorical,
  cauchy,
  choice,
  dirichlet,
  exponential,
  foldIn,
  gamma,
  gumbel,
  key,
  laplace,
  loggamma,
  logistic,
  normal,
  permutation,
  rademacher,
  randint,
  split,
  truncatedNormal,
  uniform,
} from '../../stdlib/random/index.js'
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

const table = (): any => mul(cast(reshape(arange(12), [3, 4]), 'f32'), 0.25)
const rows = (): any => reshape(arange(12), [6, 2])
type Any = any

test('integers, booleans and signs are equal', async () => {
  expect(await list(randint(k, [8], -5, 17))).toEqual(want.randint)
  expect(await list(randint(k, [6], -(2 ** 31), 2 ** 31 - 1))).toEqual(want.randintWide)
  expect(await list(randint(k, [3], 4, 4))).toEqual(want.randintOne)
  expect(await list(bernoulli(k, [12], 0.3))).toEqual(want.bernoulli)
  expect(await list(bernoulli(k, [3], tensor([0.1, 0.5, 0.9])))).toEqual(want.bernoulliTable)
  expect(await list(rademacher(k, [8]))).toEqual(want.rademacher)
})

test('continuous distributions up to rounding of the logarithm', async () => {
  const close = (x: Any, name: keyof typeof want): Promise<void> =>
    assertClose(x, (want[name] as number[]).flat() as number[], { atol: 1e-6, rtol: 2e-6 })
  await close(truncatedNormal(k, [8], -1, 2), 'truncatedNormal')
  await close(exponential(k, [6]), 'exponential')
  await close(gumbel(k, [6]), 'gumbel')
  await close(laplace(k, [6]), 'laplace')
  await close(cauchy(k, [6]), 'cauchy')
  await close(logistic(k, [6]), 'logistic')
})

test('gamma and what is made of it', async () => {
  const close = (x: Any, name: keyof typeof want): Promise<void> =>
    assertClose(x, (want[name] as number[]).flat() as number[], { atol: 1e-6, rtol: 2e-5 })
  await close(gamma(k, tensor([0.1, 0.5, 1, 2.5, 10, 100])), 'gamma')
  await close(loggamma(k, tensor([0.001, 0.5, 1, 2.5, 10, 100])), 'loggamma')
  await close(gamma(k, 2, [300]), 'gammaShape')
  await close(beta(k, 2, 3, [6]), 'beta')
  await close(reshape(dirichlet(k, tensor([0.5, 1, 3]), [2]) as Any, [6]), 'dirichlet')
  expect(() => grad((a: any) => sum(gamma(k, a)) as any)(tensor([1, 2]))).toThrow(
    'gamma: draws have no derivative by the shape parameter',
  )
})

test('draws of categories are equal', async () => {
  const p = log(
    tensor([
      [0.1, 0.2, 0.7],
      [0.5, 0.4, 0.1],
    ]),
  ) as Any
  expect(await list(categorical(k, p, { shape: [5, 2] }))).toEqual(want.categorical.flat())
  expect(await list(categorical(k, table()))).toEqual(want.categoricalRows)
  expect(await list(categorical(k, table(), { axis: 0 }))).toEqual(want.categoricalAxis0)
  expect(await list(categorical(k, table(), { shape: [2, 3], replace: false }))).toEqual(
    want.categoricalNoReplace.flat(),
  )
})

test('orders and choices are equal', async () => {
  expect(await list(permutation(k, 10))).toEqual(want.permutation)
  expect(await list(permutation(k, rows()))).toEqual(want.permutationRows.flat())
  expect(await list(permutation(k, rows(), { independent: true }))).toEqual(want.permutationIndependent.flat())
  expect((await list(permutation(k, 3000))).slice(0, 20)).toEqual(want.permutationLong)
  expect(await list(choice(k, 9, [6]))).toEqual(want.choice)
  expect(await list(choice(k, rows(), [3], { replace: false }))).toEqual(want.choiceRows.flat())
  const p = tensor([0.1, 0.4, 0.1, 0.1, 0.3])
  expect(await list(choice(k, 5, [7], { p }))).toEqual(want.choiceP)
  expect(await list(choice(k, 5, [3], { p, replace: false }))).toEqual(want.choicePNoReplace)
})

test('what can not be drawn is an error', () => {
  expect(() => randint(k, [2], 0.5, 3)).toThrow('randint: expected limits that are i32 integers, got 0.5')
  expect(() => truncatedNormal(k, [2], 1, 1)).toThrow('truncatedNormal: expected lower < upper, got 1 and 1')
  expect(() => categorical(k, table(), { shape: [2] })).toThrow('expected a shape that ends with [3], got [2]')
  expect(() => categorical(k, table(), { axis: 2 })).toThrow('axis 2 is out of range for [3, 4]')
  expect(() => categorical(k, table(), { shape: [5, 3], replace: false })).toThrow(
    'expected at most 4 distinct draws, got 5',
  )
  expect(() => choice(k, 3, [4], { replace: false })).toThrow('expected at most 3 distinct draws, got 4')
  expect(() => choice(k, 3, [4], { p: tensor([1, 2]) })).toThrow('expected p of shape [3], got [2]')
  expect(() => permutation(k, rows(), { axis: 2 })).toThrow('axis 2 is out of range for [6, 2]')
})

test('a bad seed is an error', () => {
  expect(() => key(-1)).toThrow('key: expected a non-negative integer seed, got -1')
  expect(() => key(0.5)).toThrow('got 0.5')
})
