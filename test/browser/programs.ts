import {
  add,
  gelu,
  grad,
  matmul,
  mean,
  mul,
  softmax,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
  zeros,
} from '../../index.js'
import { adamw } from '../../stdlib/optim/index.js'

/** What the page runs on its device, and the test in the reference interpreter. */

/** Multiples of 1/64 in [-1, 1), the same wherever they are made (Fibonacci hashing of the position: Knuth, TAOCP 6.4). */
const numbers = <const S extends readonly number[]>(shape: S, seed: number) => {
  const length = shape.reduce((n, d) => n * d, 1)
  const value = (i: number): number => (Math.imul(i + 1000 * seed, 0x9e3779b1) >>> 25) / 64 - 1
  return tensor(
    Float32Array.from({ length }, (_, i) => value(i)),
    shape,
  )
}

export const choices = (x: Tensor<[13, 24], 'f32'>, w: Tensor<[24, 17], 'f32'>) => softmax(matmul(x, w), 1)
/** A scalar of the choices whose gradient is not zero, as that of their sum would be. */
const score = (x: Tensor<[13, 24], 'f32'>, w: Tensor<[24, 17], 'f32'>, y: Tensor<[13, 17], 'f32'>) =>
  sum(mul(choices(x, w), y))
export const scoreGrads = grad(score, { argnums: [0, 1] })
export const scoreArgs = () => [numbers([13, 24], 1), numbers([24, 17], 2), numbers([13, 17], 3)] as const

interface Mlp {
  readonly w1: Tensor<[8, 32], 'f32'>
  readonly b1: Tensor<[32], 'f32'>
  readonly w2: Tensor<[32, 3], 'f32'>
  readonly b2: Tensor<[3], 'f32'>
}
type Inputs = Tensor<[16, 8], 'f32'>
type Targets = Tensor<[16, 3], 'f32'>

const loss = (p: Mlp, x: Inputs, y: Targets) =>
  mean(square(sub(add(matmul(gelu(add(matmul(x, p.w1), p.b1)), p.w2), p.b2), y)))
const optimizer = adamw({ lr: 1e-2 })
type State = ReturnType<typeof optimizer.init<Mlp>>

export const steps = 20
export const step = (p: Mlp, state: State, x: Inputs, y: Targets) => {
  const [value, grads] = valueAndGrad((q: Mlp) => loss(q, x, y))(p)
  const [params, next] = optimizer.update(grads, state, p)
  return [params, next, value] as const
}
export const stepArgs = () => {
  const params: Mlp = { w1: numbers([8, 32], 4), b1: zeros([32]), w2: numbers([32, 3], 5), b2: zeros([3]) }
  return [params, optimizer.init(params), numbers([16, 8], 6), numbers([16, 3], 7)] as const
}

/** Sixteen products in a row: 32·n³ operations. The factor keeps the numbers small. */
export const chain = (x: Tensor<any, 'f32'>): Tensor<any, 'f32'> => {
  let y = x
  for (let i = 0; i < 16; i++) y = mul(matmul(y, x) as typeof x, 1 / x.shape[0])
  return y
}
export const chainArg = (n: number): Tensor<any, 'f32'> => numbers([n, n], 8)
