import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest'
import {
  add,
  customJvp,
  debug,
  destroyDevice,
  exp,
  FoveaError,
  getDevice,
  grad,
  greater,
  jit,
  jvp,
  mul,
  namedScope,
  ones,
  show,
  sqrt,
  sum,
  type Tensor,
  tensor,
  vmap,
  where,
} from '../../index.js'

type Any = Tensor<any, any>
type F<S> = Tensor<S, 'f32'>
const here = fileURLToPath(import.meta.url)

let printed: string[] = []
let console_: MockInstance
beforeEach(() => {
  printed = []
  console_ = vi.spyOn(console, 'log').mockImplementation((line) => void printed.push(line))
})
afterEach(() => {
  debug.nans(false)
  console_.mockRestore()
})
afterAll(destroyDevice)

async function failure(run: () => unknown): Promise<FoveaError> {
  try {
    await run()
  } catch (err) {
    if (err instanceof FoveaError) return err
    throw err
  }
  throw new Error('expected an error')
}
const square = (x: F<[2]>): F<[]> => {
  const y = mul(x, x)
  debug.print('y {}', y)
  return sum(y)
}

describe('debug.print', () => {
  test('prints at each call, in the order of the program, before the call resolves', async () => {
    const f = jit((x: F<[2]>) => {
      debug.print('first {} of {}', x, 'two')
      const y = add(x, 1)
      debug.print('second {}', { y, n: 2, parts: [sum(y)] })
      return y
    })
    await f(tensor([1, 2]))
    expect(printed).toEqual(['first [1, 2] of two', 'second { y: [2, 3], n: 2, parts: [5] }'])
    const results = await Promise.all([f(tensor([3, 4])), f(tensor([5, 6]))])
    expect(printed.slice(2).map((line) => line.slice(0, 13))).toEqual([
      'first [3, 4] ',
      'second { y: [',
      'first [5, 6] ',
      'second { y: [',
    ])
    expect([...(await results[1].data())]).toEqual([6, 7])
  })

  test('prints what nothing else needs, and a donated argument', async () => {
    const f = jit(
      (x: F<[2]>) => {
        debug.print('{} {}', mul(x, 3), x)
        return add(x, 1)
      },
      { donate: [0] },
    )
    const y = await f(await jit((x: F<[2]>) => mul(x, 1))(tensor([1, 2])))
    expect(printed).toEqual(['[3, 6] [1, 2]'])
    expect([...(await y.data())]).toEqual([2, 3])
  })

  test('prints under grad, jvp and vmap, also nested and in jit', async () => {
    await jit(grad(square))(tensor([1, 2]))
    expect(printed).toEqual(['y [1, 4]'])
    jvp(square, [tensor([2, 2])], [tensor([1, 0])])
    await vi.waitFor(() => expect(printed[1]).toBe('y [4, 4]'))
    const rows = tensor([
      [1, 2],
      [3, 4],
    ])
    const slopes = await jit(vmap(grad(square) as any) as any)(rows)
    expect(printed[2]).toBe('y [[1, 4], [9, 16]]')
    expect([...(await (slopes as Any).data())]).toEqual([2, 4, 6, 8])
    await jit((x: F<[2]>) => {
      debug.print('before')
      const g = grad(square)(x)
      debug.print('after {}', g)
      return g
    })(tensor([1, 3]))
    expect(printed.slice(3)).toEqual(['before', 'y [1, 9]', 'after [2, 6]'])
  })

  test('prints lazy tensors, in order, without a call', async () => {
    const y = add(tensor([1.5, 2]), 1)
    debug.print('a {}', y)
    debug.print('b {}', mul(y, 2))
    await vi.waitFor(() => expect(printed).toEqual(['a [2.5, 3]', 'b [5, 6]']))
  })

  test('shows the edges of large tensors, and booleans', async () => {
    await jit((x: Any) => {
      debug.print('{}', x)
      return x
    })(tensor(Float32Array.from({ length: 200 }, (_, i) => i / 4)))
    debug.print('{} {}', tensor([true, false]), tensor(1 / 3))
    await vi.waitFor(() => expect(printed).toEqual(['[0, 0.25, 0.5, …, 49.25, 49.5, 49.75]', '[true, false] 0.333333']))
  })

  test('costs nothing where it is not used', async () => {
    const f = jit((x: F<[2]>) => sum(mul(x, 2)))
    await f(tensor([1, 2]))
    const { stats } = await getDevice()
    const { submits } = stats
    await f(tensor([1, 2]))
    expect(stats.submits - submits).toBe(1)
    expect((await f.program(tensor([1, 2]))).outputs).toHaveLength(1)
  })

  test('refuses a wrong number of values, and bodies of ops', async () => {
    const count = await failure(() => debug.print('{} {}', tensor([1])))
    expect(count.message).toContain(`debug.print: expected a value for each {} of '{} {}', got 1 for 2`)
    expect(count.loc?.file).toBe(here)
    const own = customJvp(
      (x: F<[2]>) => {
        debug.print('{}', x)
        return x
      },
      ([x], [t]) => [x, t],
    )
    const body = await failure(() => own(tensor([1, 2])))
    expect(body.message).toContain('debug.print:')
    expect(body.message).toContain('return the value and print it outside')
  })
})

describe('debug.nans', () => {
  const model = (p: { w: F<[2]> }, x: F<[2]>): { loss: F<[]> } => {
    const y = mul(x, p.w)
    return { loss: sum(namedScope('head', () => sqrt(y))) }
  }
  test('names the op, its operands, the scope and the line', async () => {
    const f = jit(model)
    expect(Number.isNaN(await (await f({ w: ones([2]) }, tensor([-1, 2]))).loss.item())).toBe(true)
    debug.nans()
    const err = await failure(() => f({ w: ones([2]) }, tensor([-1, 2])))
    expect(err.code).toBe('nan')
    expect(err.message).toContain(
      `debug.nans: NaN in the result 'loss' f32[] of 'model': sqrt made the first, f32[2] from f32[2] in [-1, 2], in scope 'head'`,
    )
    expect(err.loc?.file).toBe(here)
    expect(await (await f({ w: ones([2]) }, tensor([1, 1]))).loss.item()).toBe(2)
    debug.nans(false)
    expect(Number.isNaN(await (await f({ w: ones([2]) }, tensor([-1, 2]))).loss.item())).toBe(true)
  })

  test('finds an infinity, also lazily, and where a gradient makes NaN', async () => {
    debug.nans()
    const overflow = await failure(() => mul(exp(tensor([100, 1])), 2).data())
    expect(overflow.message).toContain(
      'an infinity in the result f32[2]: exp made the first, f32[2] from f32[2] in [1, 100]',
    )
    const slope = await failure(() => jit(grad((x: F<[2]>) => sum(where(greater(x, 0), sqrt(x), 0))))(tensor([1, 0])))
    expect(slope.code).toBe('nan')
    expect(slope.loc?.file).toBe(here)
  })

  test('an argument that is bad already, and infinities that are meant', async () => {
    debug.nans()
    const given = await failure(() => jit(model)({ w: tensor([Number.NaN, 1]) }, tensor([1, 2])))
    expect(given.message).toContain(`it is there in the argument '0.w' f32[2]`)
    const masked = jit((x: F<[2]>) => sum(exp(where(tensor([true, false]), x, Number.NEGATIVE_INFINITY))))
    expect(await (await masked(tensor([0, 1]))).item()).toBe(1)
  })

  test('donated arguments are given up as always', async () => {
    debug.nans()
    const step = jit((x: F<[2]>) => sqrt(x), { donate: [0] })
    const x = await jit((y: F<[2]>) => mul(y, 1))(tensor([1, 1]))
    expect([...(await (await step(x)).data())]).toEqual([1, 1])
    expect((await failure(() => x.data())).code).toBe('disposed')
    expect((await failure(() => step(tensor([-1, 1])))).code).toBe('nan')
  })
})

test('show gives the stages of compiling as text', async () => {
  const f = (x: F<[2, 3]>): F<[2, 3]> => exp(mul(x, 2))
  const all = await show(f)(ones([2, 3]))
  expect([...all.matchAll(/── (\w+) ──/g)].map((m) => m[1])).toEqual(
    expect.arrayContaining(['ir', 'passes', 'kernels', 'plan']),
  )
  expect(all).toContain('exp(')
  const plan = await show(f, { stages: ['plan'], name: 'twice', donate: [0] })(ones([2, 3]))
  expect(plan).toMatch(/^── plan ──\nplan twice: 1 dispatches/)
  // Its result is written over the donated argument.
  expect(plan).toMatch(/ in0 {2}.*mul exp\n$/)
})
