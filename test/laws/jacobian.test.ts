import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.js'
import { showAval } from '../../compiler/ir/types.js'
import type { AnyTensor, RefArray } from '../../compiler/ops/op.js'
import {
  add,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jvp,
  linearize,
  matmul,
  mul,
  sin,
  sum,
  type Tensor,
  tanh,
  tensor,
} from '../../index.js'
import { difference } from '../../stdlib/testing/assert-close.js'
import { traced } from './keeps-meaning.js'

/** Jacobians by either mode are finite differences and each other; linearize is jvp. */
const wave = (...shape: number[]): RefArray => ({
  shape,
  dtype: 'f32',
  data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.7 + shape.length)),
})
async function run(f: (...xs: any[]) => unknown, inputs: readonly RefArray[]): Promise<RefArray[]> {
  const whole = await traced(((...xs: AnyTensor[]) => [f(...xs)].flat()) as (...xs: AnyTensor[]) => AnyTensor[], inputs)
  return interpret(whole.fn, whole.inputs)
}
const close = (a: RefArray, b: RefArray): void => {
  expect(showAval(a)).toBe(showAval(b))
  expect(difference(a, b, { rtol: 1e-10, atol: 1e-10 })).toBeUndefined()
}

const f = (x: any, w: any): any => tanh(matmul(x, w))

describe('jacfwd and jacrev', () => {
  for (const argnums of [0, 1])
    test(`agree with each other and with finite differences, argument ${argnums}`, async () => {
      const inputs = [wave(2, 3), wave(3, 4)]
      const [forward] = await run(jacfwd(f, { argnums }), inputs)
      const [reverse] = await run(jacrev(f, { argnums }), inputs)
      close(forward, reverse)
      expect(forward.shape).toEqual([2, 4, ...inputs[argnums].shape])
      const n = inputs[argnums].data.length
      for (let i = 0; i < n; i++) {
        const moved = (by: number): RefArray[] =>
          inputs.map((x, k) => (k === argnums ? { ...x, data: x.data.map((v, j) => (j === i ? v + by : v)) } : x))
        const [[high], [low]] = [await run(f, moved(1e-5)), await run(f, moved(-1e-5))]
        high.data.forEach((v, o) => {
          expect(forward.data[o * n + i]).toBeCloseTo((v - low.data[o]) / 2e-5, 7)
        })
      }
    })

  test('are trees of trees, and zero where nothing flows', async () => {
    const g = (p: any): any => ({ a: sum(mul(p.u, p.u)), b: p.v })
    const leaves = (j: any): AnyTensor[] => [j.a.u, j.a.v, j.b.u, j.b.v]
    const inputs = [wave(3), wave(2)]
    const forward = await run((u, v) => leaves(jacfwd(g)({ u, v })), inputs)
    const reverse = await run((u, v) => leaves(jacrev(g)({ u, v })), inputs)
    forward.forEach((x, i) => {
      close(x, reverse[i])
    })
    expect(forward.map((x) => x.shape)).toEqual([[3], [2], [2, 3], [2, 2]])
    expect([...forward[3].data]).toEqual([1, 0, 0, 1])
    expect([...forward[2].data]).toEqual([0, 0, 0, 0, 0, 0])
  })

  test('refuse arguments they cannot differentiate by', () => {
    expect(() => (jacfwd(f, { argnums: 2 }) as any)(tensor([1]))).toThrow('argnums 2 is out of range for 1 arguments')
    expect(() => (jacrev(f) as any)(tensor([1], [1], 'i32'))).toThrow('expected float tensors in argument 0')
  })
})

test('hessian is symmetric, and the gradient of the gradient', async () => {
  const loss = (x: any): any => sum(mul(sin(x), mul(x, x)))
  const [second] = await run(hessian(loss), [wave(2, 2)])
  expect(second.shape).toEqual([2, 2, 2, 2])
  const [row] = await run((x) => grad((y: any) => sum(mul(grad(loss)(y) as any, ones(x))) as any)(x), [wave(2, 2)])
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < 4; j++) expect(second.data[4 * i + j]).toBeCloseTo(second.data[4 * j + i], 12)
    expect(second.data.slice(4 * i, 4 * i + 4).reduce((a, b) => a + b)).toBeCloseTo(row.data[i], 12)
  }
})
const ones = (x: Tensor<any>): any => add(mul(x, 0), 1)

test('linearize is jvp for any number of tangents', async () => {
  const inputs = [wave(2, 3), wave(3, 4), wave(2, 3), wave(3, 4)]
  const [once, twice, one] = await run((x, w, dx, dw) => {
    const [, push] = linearize(f, x, w)
    return [push(dx, dw), push(mul(dx, 2), dw), jvp(f, [x, w], [dx, dw])[1]] as unknown[]
  }, inputs)
  close(once, one)
  expect(twice.data).not.toEqual(once.data)
  expect(() => (linearize as any)(f, tensor([[1]]), tensor([[1]]))[1](tensor([[1]]), tensor([1, 2]))).toThrow(
    "linearize: expected a tangent f32[1,1] at '1', got f32[2]",
  )
})
