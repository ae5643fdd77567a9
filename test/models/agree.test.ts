import { afterAll, expect, test } from 'vitest'
import type { RefArray } from '../../compiler/ops/op.js'
import { flatten } from '../../compiler/trace/tree.js'
import {
  add,
  destroyDevice,
  gelu,
  jit,
  logSoftmax,
  matmul,
  mean,
  mul,
  neg,
  oneHot,
  type Tensor,
  tensor,
  valueAndGrad,
} from '../../index.js'
import { layerNorm } from '../../stdlib/nn/index.js'
import { adamw } from '../../stdlib/optim/index.js'
import { reference, refsOf } from '../../stdlib/testing/reference.js'

afterAll(destroyDevice)

/** Numbers of no pattern that are the same everywhere. */
const wave = (n: number, scale: number, phase: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => Math.fround(scale * Math.sin(i * 12.9898 + phase)))

const [batch, width, hidden, classes] = [12, 7, 18, 5]
const start = () => ({
  norm: { weight: tensor(new Float32Array(width).fill(1)), bias: tensor(new Float32Array(width)) },
  w1: tensor(wave(width * hidden, 0.4, 1), [width, hidden]),
  b1: tensor(new Float32Array(hidden)),
  w2: tensor(wave(hidden * classes, 0.3, 2), [hidden, classes]),
})
type Params = ReturnType<typeof start>
const optimizer = adamw({ lr: 0.02 })

function step(params: Params, state: ReturnType<typeof optimizer.init<Params>>, x: Tensor<any>, y: Tensor<any, 'i32'>) {
  const loss = (p: any): any => {
    const h = gelu(add(matmul(layerNorm(x as any, p.norm, 1e-5) as any, p.w1), p.b1) as any)
    const scores = logSoftmax(matmul(h as any, p.w2) as any, -1)
    return neg(mul(mean(mul(scores as any, oneHot(y as any, classes) as any) as any) as any, classes) as any)
  }
  const [value, grads] = valueAndGrad(loss)(params)
  return [...optimizer.update(grads as Params, state, params), value] as const
}

/**
 * How far 200 updates in f32 may be from the f64 reference: rounding errors of 1e-7 grow as training amplifies them. Two devices
 * are then within twice this of each other.
 */
const bound = 2e-4

test('200 steps of training have the losses of the f64 reference', async () => {
  const data = (i: number) => [
    tensor(wave(batch * width, 1, i), [batch, width]),
    tensor(Int32Array.from({ length: batch }, (_, n) => (n * 7 + i) % classes)),
  ]
  const params = start()
  const args = [params, optimizer.init(params), ...data(0)]
  const { run } = await reference(step as any, args)
  const onDevice = jit(step as any, { donate: [0, 1] })

  const state = flatten(args.slice(0, 2)).leaves.length
  let leaves: readonly RefArray[] = (await refsOf(flatten(args).leaves)).slice(0, state)
  let [p, s]: any[] = args
  const [wanted, got]: [number[], any[]] = [[], []]
  for (let i = 0; i < 200; i++) {
    const batchOf = data(i % 2)
    const results = run([...leaves, ...(await refsOf(batchOf))])
    leaves = results.slice(0, state)
    wanted.push(results[state].data[0])
    const next: any = await onDevice(p, s, ...batchOf)
    ;[p, s] = next
    got.push(next[2])
  }
  const losses = await Promise.all(got.map(async (loss) => (await loss.data())[0]))
  const worst = Math.max(...losses.map((loss, i) => Math.abs(loss - wanted[i]) / (1 + Math.abs(wanted[i]))))
  expect(wanted[199]).toBeLessThan(wanted[0] / 2)
  console.log(worst)
  expect(worst).toBeLessThan(bound)
  expect(worst).toBeGreaterThan(0)
})
