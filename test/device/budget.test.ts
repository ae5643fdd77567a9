import { expect, test } from 'vitest'
import { getDevice, jit, matmul, namedScope, ones, relu, sum } from '../../index.js'
import { budgetBytes } from '../../runtime/budget.js'

const f = (x: any) => sum(namedScope('hidden', () => matmul(relu(matmul(x, x)) as any, x)) as any)
const x: any = ones([64, 64])
const array = 64 * 64 * 4

test('bytes as numbers and as text', () => {
  expect([1000, '1000', '2GB', '512MiB', '1.5 KiB'].map(budgetBytes)).toEqual([1000, 1000, 2e9, 2 ** 29, 1536])
  for (const wrong of [0, -1, Number.NaN, '2 parsecs', 'GB', '1.2.3MB', ''])
    expect(() => budgetBytes(wrong)).toThrow(/memory: expected bytes, as a number or as '2GB'/)
})

test('a program within its budget runs', async () => {
  const program = await jit(f).program(x)
  const exact = array + 4 + program.memory.tempBytes
  expect(await (await jit(f, { memory: exact })(x)).item()).toBe(64 ** 4)
  await expect(jit(f, { memory: exact - 1 })(x)).rejects.toThrow(/1 bytes more than its budget/)
})

test('a program over its budget says by how much, who holds most and what helps, and nothing runs', async () => {
  const { stats } = await getDevice()
  const before = stats.dispatches
  const err: any = await jit(f, { memory: '20KB', name: 'step' })(x).catch((e: unknown) => e)
  expect(err.code).toBe('out-of-memory')
  expect(err.message).toMatch(
    /^'step' takes .* of arguments, .* of results, .* of temporaries\), .* more than its budget of 19\.5 KiB/,
  )
  expect(err.message).toMatch(/16\.0 KiB of .*dotGeneral.* in hidden at .*budget\.test\.ts:\d+/)
  expect(err.message).toMatch(/remat around 'hidden'/)
  expect(stats.dispatches).toBe(before)
})
