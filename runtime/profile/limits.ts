import { add, matmul, mul } from '../../compiler/lang/index.js'
import type { Tensor } from '../../compiler/trace/tensor.js'
import type { Device } from '../device.js'
import { jit } from '../jit.js'
import { tensor } from '../tensor.js'
import type { Profile } from './types.js'

/** Time for each kernel, and the least rounds of it, in ms. */
const [enough, leastRounds] = [200, 4]

/** The least time of a call, in ms. */
async function least(device: Device, call: () => Promise<Tensor<any, any>>): Promise<number> {
  let best = Number.POSITIVE_INFINITY
  const began = performance.now()
  for (let round = 0; round < leastRounds || performance.now() - began < enough; round++) {
    const start = performance.now()
    const out = await call()
    await device.finished()
    // The first makes kernels.
    if (round > 0) best = Math.min(best, performance.now() - start)
    out.dispose()
  }
  return best
}

const known = new WeakMap<Device, Promise<Profile['limits']>>()

/**
 * What the device reaches in kernels that do nothing else, by the same way as any program: multiply-adds on registers or in a
 * product, whichever is faster; and bytes read and written by an addition of arrays larger than caches.
 * Once for each device.
 */
export function limitsOf(device: Device): Promise<Profile['limits']> {
  const limits = known.get(device) ?? measure(device)
  known.set(device, limits)
  limits.catch(() => known.delete(device))
  return limits
}

async function measure(device: Device): Promise<Profile['limits']> {
  const small = device.target.class === 'software' || device.target.class === 'cpu'
  const rates = [
    await productRate(device, small ? 256 : 2048),
    await productRate(device, small ? 512 : 4096),
    await registerRate(device, small ? 2 ** 16 : 2 ** 22),
  ]
  return { flops: Math.max(...rates), bytes: await copyRate(device, small ? 2 ** 23 : 2 ** 26) }
}

async function productRate(device: Device, n: number): Promise<number> {
  using x = square(n)
  const f = jit((a: Tensor<any, 'f32'>) => matmul(a as any, a as any), { name: 'limit.product' })
  return (2 * n ** 3 * 1e3) / (await least(device, () => f(x) as Promise<Tensor<any, any>>))
}

/** Chains that depend on themselves only: enough of them to hide what a multiply-add takes. */
const [chains, steps] = [12, 14]

async function registerRate(device: Device, n: number): Promise<number> {
  using x = tensor(new Float32Array(n).fill(0.5)) as Tensor<any, 'f32'>
  using half = tensor(0.5) as Tensor<any, 'f32'>
  const f = jit(
    (a: any, h: any) => {
      const ends = Array.from({ length: chains }, (_, i) => {
        let v = mul(a, i + 1)
        for (let s = 0; s < steps; s++) v = add(mul(v, h), h)
        return v
      })
      return ends.reduce((sum, v) => add(sum, v))
    },
    { name: 'limit.registers' },
  )
  return (2 * chains * steps * n * 1e3) / (await least(device, () => f(x, half) as Promise<Tensor<any, any>>))
}

async function copyRate(device: Device, n: number): Promise<number> {
  using x = tensor(new Float32Array(n)) as Tensor<any, 'f32'>
  const f = jit((a: any) => add(a, 1), { name: 'limit.copy' })
  return (8 * n * 1e3) / (await least(device, () => f(x) as Promise<Tensor<any, any>>))
}

const square = (n: number): Tensor<any, 'f32'> =>
  tensor(new Float32Array(n * n).fill(0.5), [n, n]) as Tensor<any, 'f32'>
