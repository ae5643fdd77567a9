import { fileURLToPath } from 'node:url'
import { afterAll, expect, test, vi } from 'vitest'
import {
  add,
  destroyDevice,
  exp,
  FoveaError,
  getDevice,
  matmul,
  mul,
  ones,
  sum,
  type Tensor,
  tensor,
} from '../../index.js'

/** Outside `jit` a tensor is a pending graph until a value is read. */
afterAll(destroyDevice)
const here = fileURLToPath(import.meta.url)

/** Programs that ran: a read may be a submit too. */
async function counting<T>(run: () => Promise<T>): Promise<{ result: T; programs: number }> {
  const inTurn = vi.spyOn(await getDevice(), 'inTurn')
  try {
    return { result: await run(), programs: inTurn.mock.calls.length }
  } finally {
    inTurn.mockRestore()
  }
}

test('equal graphs compile once', async () => {
  const device = await getDevice()
  const prepare = vi.spyOn(device, 'prepare')
  const read = (value: number): Promise<Float32Array> => exp(mul(tensor([value, 1, 2, 3, 4, 5, 6]), 0.25)).data()
  await read(0)
  expect(prepare).toHaveBeenCalledTimes(1)
  expect((await read(4))[0]).toBeCloseTo(Math.E)
  expect(prepare).toHaveBeenCalledTimes(1)
  prepare.mockRestore()
})

test('values wanted in the same turn are one program, in which what they share is computed once', async () => {
  const shared = exp(tensor([0, 1]))
  const [a, b] = [add(shared, 1), mul(shared, 2)]
  const { result, programs } = await counting(() => Promise.all([a.data(), b.data(), a.data()]))
  expect(programs).toBe(1)
  expect([result[0][0], result[1][0], result[2][0]]).toEqual([2, 2, 2])
  // They are arrays now.
  expect((await counting(() => Promise.all([a.data(), b.data()]))).programs).toBe(0)
})

test('a value that was read is not computed again by what uses it', async () => {
  const shared = matmul(ones([4, 4]), ones([4, 4]))
  await shared.data()
  const prepare = vi.spyOn(await getDevice(), 'prepare')
  expect([...(await sum(shared).data())]).toEqual([64])
  const [[program]] = prepare.mock.calls
  expect(program.dispatches.flatMap(({ ops }) => ops)).toEqual(['reduceSum'])
  prepare.mockRestore()
})

test('a mistake in one of several values is its own', async () => {
  const bad = ones([2])
  await bad.data()
  bad.dispose()
  const [good, other] = [add(tensor([1]), 1), add(bad, 1)]
  const [value, error] = await Promise.allSettled([good.data(), other.data()])
  expect(value).toMatchObject({ status: 'fulfilled', value: Float32Array.of(2) })
  expect(error.status).toBe('rejected')
  const { reason } = error as PromiseRejectedResult
  expect(reason).toBeInstanceOf(FoveaError)
  expect(reason.code).toBe('disposed')
  expect(reason.loc.file).toBe(here)
})

test('a long chain and many pending graphs', async () => {
  let x: Tensor<[1], 'f32'> = tensor([0])
  for (let i = 0; i < 3000; i++) x = add(x, 1)
  expect(await x.item()).toBe(3000)
  const many = Array.from({ length: 300 }, (_, i) => add(ones([3]), i))
  const { result, programs } = await counting(() => Promise.all(many.map((y) => y.data())))
  expect(programs).toBe(1)
  expect(result.map((data) => data[0])).toEqual(many.map((_, i) => i + 1))
})

test('what is dropped before it is read takes no memory', async () => {
  const { stats } = await getDevice()
  const before = stats.bytesInUse
  for (let i = 0; i < 100; i++) exp(ones([1000, 1000]))
  expect(stats.bytesInUse).toBe(before)
  {
    using y = exp(ones([1000]))
    await y.data()
    expect(stats.bytesInUse).toBeGreaterThan(before)
  }
  expect(stats.bytesInUse).toBe(before)
})
