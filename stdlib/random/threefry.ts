import { add, bitwiseOr, bitwiseXor, leftShift, rightShift } from '../../compiler/lang/index.js'
import type { Tensor } from '../../compiler/trace/tensor.js'

type Words = Tensor<any, 'u32'>
const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const
const rotate = (x: Words, by: number): Words => bitwiseOr(leftShift(x, by), rightShift(x, 32 - by)) as Words

/**
 * Threefry-2×32 with 20 rounds: encrypts the counter words (x0, x1) under the key words (k0, k1), all u32 of one shape or scalars.
 * Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
 */
export function threefry2x32(k0: Words, k1: Words, x0: Words, x1: Words): [Words, Words] {
  const k2 = bitwiseXor(bitwiseXor(k0, k1) as Words, 0x1bd11bda) as Words
  const keys = [k0, k1, k2]
  let a = add(x0, k0) as Words
  let b = add(x1, k1) as Words
  for (let group = 0; group < 5; group++) {
    for (const by of rotations[group % 2]) {
      a = add(a, b) as Words
      b = bitwiseXor(a, rotate(b, by)) as Words
    }
    a = add(a, keys[(group + 1) % 3]) as Words
    b = add(add(b, keys[(group + 2) % 3]) as Words, group + 1) as Words
  }
  return [a, b]
}
