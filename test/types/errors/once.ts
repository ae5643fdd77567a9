// biome-ignore-all format: one case a line, its error beside it
// One mistake gives one message: what follows from a wrong call is accepted.
import { add, einsum, matmul, mean, mul, rearrange, reshape, softmax, split, sum } from '../../../compiler/lang/index.js'
import type { F } from '../shapes.js'
import { f32, i32, u32 } from './make.js'

const first = (x: F<['B', 10]>): F<['B', 10]> => x

export const cases = [
  () => first(add(matmul(f32('B', 512), f32(768, 10)), f32(11))), // matmul: inner dims differ: 512 vs 768 in [B, 512] x [768, 10]
  () => first(sum(softmax(mul(add(f32(8, 64), f32(8)), 2), -1), 0)), // add: cannot broadcast [8, 64] with [8]: dim 64 vs 8
  () => first(einsum('b d, d e -> b e', reshape(f32(4, 4), [3, 5]), f32(5, 10))), // reshape: cannot reshape [4, 4] to [3, 5]: 16 elements vs 15
  () => first(rearrange(mean(f32(4, 4), 7), 'a b -> b a')), // mean: axis 7 is out of range for [4, 4]
  () => first(split(f32(4, 4), 3)[0]), // split: axis 0 of [4, 4] does not divide into 3 equal parts
  () => first(add(mul(u32('B', 10), i32('B', 10)), 1)), // mul: u32 and i32 have no common dtype; cast one of them
]
