import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import {
  add,
  destroyDevice,
  FoveaError,
  grad,
  jit,
  matmul,
  mul,
  namedScope,
  sum,
  type Tensor,
  tensor,
  vjp,
  zeros,
} from '../../index.js'

afterAll(destroyDevice)

type Any = Tensor<any, any>
const here = fileURLToPath(import.meta.url)
const x = tensor([[1, 2, 3]]) as Any

async function failure(run: () => unknown): Promise<FoveaError> {
  try {
    await run()
  } catch (err) {
    if (err instanceof FoveaError) return err
    throw err
  }
  throw new Error('expected an error')
}

async function lineOf(err: FoveaError): Promise<string> {
  expect(err.loc?.file).toBe(here)
  return (await readFile(here, 'utf8')).split('\n')[err.loc!.line - 1]
}

test('a shape error names the op, both shapes and the line of the call', async () => {
  const err = await failure(() => jit((a: Any) => matmul(a, a))(x))
  expect(err.code).toBe('shape')
  expect(err.message).toContain('matmul: inner dims differ: 3 vs 1 in [1, 3] x [1, 3]')
  expect(await lineOf(err)).toContain('jit((a: Any) => matmul(a, a))(x)')
})

test('a traced value can be neither read nor computed with in JavaScript', async () => {
  const read = await failure(() =>
    jit((a: Any) => {
      a.data()
      return a
    })(x),
  )
  expect(read.message).toContain('return the tensor')
  const arithmetic = await failure(() => jit((a: any) => add(a, a > 0 ? 1 : 2))(x))
  expect(arithmetic.message).toContain(`can't be used in JavaScript arithmetic`)
  expect(arithmetic.loc?.file).toBe(here)
})

test('a tensor kept from another trace is named', async () => {
  let kept: Any | undefined
  await jit((a: Any) => (kept = mul(a, 2) as Any))(x)
  const err = await failure(() => jit((a: Any) => add(a, kept!))(x))
  expect(err.message).toContain('leaked tracer')
})

test('a tensor made from another trace is named with the line that uses it', async () => {
  let kept: Any | undefined
  grad(((a: Any) => (kept = sum(mul(a, 2) as Any) as Any)) as any)(x)
  const use = (): Any => add(kept!, 1) as Any
  for (const run of [() => use().data(), () => jit(use)()]) {
    const err = await failure(run)
    expect(err.message).toContain(`leaked tracer: a tensor made from the argument '0' of another traced function`)
    expect((await lineOf(err)).trim()).toContain('mul(a, 2)')
  }
})

test('jitted and async functions are refused inside a trace', async () => {
  const inner = jit((a: Any) => add(a, 1))
  const err = await failure(() => jit((a: Any) => inner(a) as unknown as Any)(x))
  expect(err.message).toMatch(/jitted|promise/)
  expect(err.loc?.file).toBe(here)
})

const refused: readonly (readonly [string, (a: any) => unknown, string])[] = [
  ['an async function', async (a) => a, 'got a promise'],
  [
    'a generator',
    function* (a) {
      yield a
    },
    `got a generator: the function is a function*`,
  ],
  ['nothing', () => {}, 'got undefined: the function has no return'],
  ['a number', () => 5, 'got a number from the function'],
  ['null', () => null, 'got null from the function'],
  ['a class', () => new Map(), 'got an instance of Map'],
  ['a function', (a) => () => a, 'got a function from the function'],
  ['item()', (a) => a.item(), `can't be read while a function is traced`],
  ['a template', (a) => `${a}`, `can't be used in JavaScript arithmetic`],
]
test.each(refused)('%s is refused, with the line', async (_, f, message) => {
  for (const transform of [jit, (g: any) => (a: any) => vjp(g, a)]) {
    // A name would be part of the message.
    const err = await failure(() => transform(Object.defineProperty(f, 'name', { value: '' }) as any)(tensor([2])))
    expect(err.message).toContain(message)
    expect(err.loc?.file).toBe(here)
  }
})

test('a function that changes its arguments is told, with the line', async () => {
  const assign = await failure(() =>
    jit((p: any) => {
      p.w = mul(p.w, 2)
      return p
    })({ w: x }),
  )
  expect(assign.message).toContain('the function changes its arguments (Cannot assign to read only property')
  expect(await lineOf(assign)).toContain('p.w = mul(p.w, 2)')
  const inner = (p: any): Any => {
    p.list.push(p.list[0])
    return sum(p.list[0]) as Any
  }
  const push = await failure(() => jit(grad(inner as any) as any)({ list: [x] }))
  expect(push.message).toContain(`'inner' changes its arguments (Cannot add property 1`)
  expect(await lineOf(push)).toContain('p.list.push')
  const given = { list: [x] }
  await jit((p: typeof given) => p.list[0])(given)
  given.list.push(x) // what the caller holds is the caller's
})

test('a loss must be a float scalar', async () => {
  expect((await failure(() => grad((a: any) => a)(x))).message).toContain('grad: the loss must be a scalar')
  expect((await failure(() => grad((_a: any) => zeros([], 'i32') as any)(x))).message).toContain(
    'grad: the loss must be a float, got i32',
  )
  expect((await failure(() => grad((a: any) => sum(a), { argnums: 3 })(x))).message).toContain(
    'argnums 3 is out of range',
  )
})

test('gradients nest and see through closures', async () => {
  const cube = (a: Any) => sum(mul(mul(a, a) as Any, a) as Any) as Any
  const second = grad((a: Any) => sum(mul(grad(cube as any)(a) as Any, x) as Any) as any)
  // d/da sum(3a² · x) = 6a·x
  expect([...(await (second(x) as Any).data())]).toEqual([6, 24, 54])
  const [, pullback] = vjp((a: Any) => grad(((b: Any) => sum(mul(mul(b, b) as Any, a) as Any)) as any)(a) as Any, x)
  // f(a) = 2·a·a, so its derivative is 4a.
  expect([...(await (pullback(tensor([[1, 1, 1]]) as Any)[0] as Any).data())]).toEqual([4, 8, 12])
})

test('scopes reach the program', async () => {
  const f = jit((a: Any) => namedScope('outer', () => namedScope('inner', () => add(a, 1))))
  expect((await f.program(x)).dispatches[0].scope).toBe('outer/inner')
})
