// biome-ignore-all format: one case a line, its error beside it
import { bool, f32, i32, u32 } from './make.js'

export const cases = [
  () => f32(8, 64).add(f32(8)), // add: cannot broadcast [8, 64] with [8]: dim 64 vs 8
  () => f32('B', 'T').mul(f32('B', 'S')), // mul: cannot broadcast [B, T] with [B, S]: dim T vs S
  () => u32(8).sub(i32(8)), // sub: u32 and i32 have no common dtype; cast one of them
  () => bool(8).add(1), // add: expected a number, got bool; cast it first
  () => i32(8).pow(2), // pow: expected a float, got i32; cast it first
  () => u32(3).neg(), // neg: expected a signed number, got u32; cast it first
  () => f32('B', 512).matmul(f32(768, 64)), // matmul: inner dims differ: 512 vs 768 in [B, 512] x [768, 64]
  () => f32(2, 3).reshape([4, 2]), // reshape: cannot reshape [2, 3] to [4, 2]: 6 elements vs 8
  () => f32(2, 3).add(1).transpose([0, 2]), // transpose: axis 2 is out of range for [2, 3]
  () => f32(2, 3).squeeze(0), // squeeze: axis 0 of [2, 3] is 2, not 1
  () => f32(2, 3).slice([0, 0], [3, 3]), // slice: 0 to 3 is out of range for axis 0 of [2, 3]
  () => f32(2, 3).at(5).get(), // at: index 5 is out of range for axis 0 of [2, 3]
]
