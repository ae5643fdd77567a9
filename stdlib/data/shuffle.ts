import { mulberry32 } from './random.js'

/**
 * A permutation of 0 … n-1 for (seed, epoch), the same on every machine: Fisher-Yates over a generator whose state starts
 * from both numbers mixed.
 */
export function permutation(n: number, seed: number, epoch: number): Uint32Array {
  const random = mulberry32(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(epoch + 1, 0xc2b2ae35))
  const order = Uint32Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const kept = order[i]
    order[i] = order[j]
    order[j] = kept
  }
  return order
}
