import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.js'
import { type AnyTensor, allOps, type RefArray } from '../../compiler/ops/op.js'
import { expand } from '../../compiler/pass/expand.js'
import {
  add,
  clip,
  customJvp,
  customVjp,
  exp,
  grad,
  jacfwd,
  jvp,
  log,
  mul,
  sigmoid,
  sum,
  type Tensor,
  tensor,
  vmap,
} from '../../index.js'
import { traced } from './keeps-meaning.js'

/** Derivatives of one's own are used by every transform, and the compiler sees the plain function. */
const values = (...data: number[]): RefArray => ({ shape: [data.length], dtype: 'f32', data: Float64Array.from(data) })
async function run(f: (...xs: any[]) => unknown, ...inputs: RefArray[]): Promise<number[]> {
  const whole = await traced(((...xs: AnyTensor[]) => [f(...xs)].flat()) as (...xs: AnyTensor[]) => AnyTensor[], inputs)
  const results = interpret(whole.fn, whole.inputs)
  // As the compiler runs it: custom functions expanded.
  interpret(expand(whole.fn), whole.inputs).forEach((y, i) => {
    expect([...y.data]).toEqual([...results[i].data])
  })
  return [...results[0].data]
}
type V = Tensor<[number], 'f32'>

describe('customJvp', () => {
  // Three times the true derivative, to see who uses it.
  const square = customJvp(
    (x: V) => mul(x, x),
    ([x], [dx]) => [mul(x, x), mul(mul(x, 6), dx)] as const,
  )
  const total = (x: V): any => sum(square(x))

  test('is the function, with the rule as its derivative in both modes', async () => {
    expect(await run(square, values(2, 3))).toEqual([4, 9])
    expect(await run((x) => jvp(square, [x], [x])[1], values(2, 3))).toEqual([24, 54])
    expect(await run(grad(total), values(2, 3))).toEqual([12, 18])
    expect(await run(jacfwd(square) as any, values(2, 3))).toEqual([12, 0, 0, 18])
  })
  test('keeps its rule under vmap, in either order', async () => {
    expect(await run((x) => grad((y: V) => sum(vmap(square as any)(y) as any) as any)(x), values(2, 3))).toEqual([
      12, 18,
    ])
    expect(await run((x) => vmap(grad((y: any) => square(y) as any))(x), values(2, 3))).toEqual([12, 18])
  })
  test('takes and returns trees', async () => {
    const f = customJvp(
      ({ a, b }: { a: V; b: V }) => ({ y: mul(a, b) }),
      ([p], [t]) => [{ y: mul(p.a, p.b) }, { y: add(mul(t.a, p.b), mul(p.a, mul(t.b, 10))) }] as const,
    )
    const slopes = (a: V, b: V): any => {
      const g = grad((p: { a: V; b: V }) => sum(f(p).y) as any)({ a, b })
      return [add(g.a, mul(g.b, 100))]
    }
    expect(await run(slopes, values(2), values(5))).toEqual([5 + 2000])
  })
  test('says what is wrong with a rule', () => {
    const wrong = customJvp(
      (x: V) => mul(x, x),
      ([x]) => [x, sum(x)] as any,
    )
    expect(() => grad((x: V) => sum(wrong(x)) as any)(tensor([1, 2]) as any)).toThrow(
      'expected tangents f32[2], got f32[]',
    )
    const outside = tensor([1, 2])
    const closes = customJvp(
      (x: V) => add(x, outside as any) as V,
      ([x], [dx]) => [x, dx] as const,
    )
    expect(() => closes(tensor([1, 2]) as any)).toThrow('uses a tensor from outside, f32[2]: pass it as an argument')
  })
})

describe('customVjp', () => {
  const clipped = customVjp(
    (x: V) => x,
    (x: V) => [x, { x }] as const,
    ({ x }, ct) => [add(clip(ct, -1, 1), mul(x, 0))] as any,
  )
  test('is the function, with the rule as its reverse derivative', async () => {
    expect(await run(clipped, values(2, 3))).toEqual([2, 3])
    const loss = (x: V): any => sum(mul(clipped(x), mul(x, 10)))
    expect(await run(grad(loss), values(2, 3))).toEqual([21, 31])
    // exp of a clipped gradient, inside another derivative
    const log1pexp = customVjp(
      (x: V) => log(add(1, exp(x)) as any) as V,
      (x: V) => [log(add(1, exp(x)) as any) as V, x] as const,
      (x, ct) => [mul(sigmoid(x), ct)] as any,
    )
    expect(
      (
        await run(
          grad((x: V) => sum(log1pexp(x)) as any),
          values(0),
        )
      )[0],
    ).toBeCloseTo(0.5, 12)
    const second = grad((x: V) => sum(grad((y: V) => sum(log1pexp(y)) as any)(x)) as any)
    expect((await run(second, values(0)))[0]).toBeCloseTo(0.25, 12)
  })
  test('keeps its rule under vmap; an argument that is shared gets the sum', async () => {
    const scale = customVjp(
      (x: any, w: any) => mul(x, w),
      (x: any, w: any) => [mul(x, w), { x, w }] as const,
      ({ x, w }: any, ct: any) => [mul(mul(w, ct), 2), mul(mul(x, ct), 3)] as any,
    )
    const loss = (x: any, w: any): any => sum(vmap(scale, [0, null])(x, sum(w)) as any)
    expect(await run((x, w) => grad(loss)(x, w), values(1, 2, 4), values(5))).toEqual([10, 10, 10])
    expect(await run((x, w) => grad(loss, { argnums: 1 })(x, w), values(1, 2, 4), values(5))).toEqual([21])
  })
  test('adds no ops beyond the first derivative', () => {
    const f = customVjp(
      (x: V) => mul(x, x),
      (x: V) => [mul(x, x), x] as const,
      (x, ct) => [mul(x, ct)] as any,
    )
    const slope = (): unknown => grad((x: V) => sum(f(x)) as any)(tensor([1, 2]) as any)
    slope()
    const before = allOps().length
    slope()
    expect(allOps().length).toBe(before)
  })
  test('has no forward mode, and says so', async () => {
    await expect(run((x) => jvp(clipped, [x], [x])[1], values(1))).rejects.toThrow('reverse mode only')
  })
  test('says which cotangent is missing', () => {
    const wrong = customVjp(
      (p: { a: V; b: V }) => mul(p.a, p.b),
      (p: { a: V; b: V }) => [mul(p.a, p.b), p] as const,
      (p) => [{ a: p.b }] as any,
    )
    const f = grad((p: { a: V; b: V }) => sum(wrong(p)) as any)
    expect(() => f({ a: tensor([1]), b: tensor([1]) } as any)).toThrow("'b' is missing")
  })
})
