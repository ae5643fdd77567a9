// biome-ignore-all format: one case a line, its error beside it
import { acosh, add, atan2, bitwiseAnd, bitwiseNot, clip, copysign, div, divmod, elu, equal, exp, floor, gelu, isClose, isInf, lerp, less, logicalAnd, logicalNot, logicalXor, maximum, mod, mul, neg, popcount, pow, round, softplus, sub, where } from '../../../compiler/lang/index.js'
import { bool, f32, i32, u32 } from './make.js'

export const cases = [
  () => add(f32(8, 64), f32(8)), // add: cannot broadcast [8, 64] with [8]: dim 64 vs 8
  () => add(f32('B', 'T', 512), f32('B', 'S', 512)), // add: cannot broadcast [B, T, 512] with [B, S, 512]: dim T vs S
  () => mul(f32(2, 3), f32(4, 3)), // mul: cannot broadcast [2, 3] with [4, 3]: dim 2 vs 4
  () => maximum(f32('B', 8), f32(9)), // maximum: cannot broadcast [B, 8] with [9]: dim 8 vs 9
  () => sub(u32(8), i32(8)), // sub: u32 and i32 have no common dtype; cast one of them
  () => div(i32(8), u32(8)), // div: i32 and u32 have no common dtype; cast one of them
  () => add(bool(8), bool(8)), // add: expected a number, got bool; cast it first
  () => mul(bool(8), 2), // mul: expected a number, got bool; cast it first
  () => add(1, 2), // add: expected at least one tensor, got two numbers
  () => pow(i32(8), 2), // pow: expected a float, got i32; cast it first
  () => exp(i32('B')), // exp: expected a float, got i32; cast it first
  () => gelu(bool(3)), // gelu: expected a float, got bool; cast it first
  () => neg(u32(3)), // neg: expected a signed number, got u32; cast it first
  () => floor(u32(3)), // floor: expected a float, got u32; cast it first
  () => clip(bool(3), 0, 1), // clip: expected a number, got bool; cast it first
  () => less(f32(2), f32(3)), // less: cannot broadcast [2] with [3]: dim 2 vs 3
  () => equal(u32(2), i32(2)), // equal: u32 and i32 have no common dtype; cast one of them
  () => logicalAnd(f32(2), f32(2)), // logicalAnd: expected bool, got f32; cast it first
  () => logicalNot(i32(2)), // logicalNot: expected bool, got i32; cast it first
  () => bitwiseAnd(f32(2), 1), // bitwiseAnd: expected an integer, got f32; cast it first
  () => where(f32(2), f32(2), 0), // where: expected bool, got f32; cast it first
  () => where(bool(2), u32(2), i32(2)), // where: u32 and i32 have no common dtype; cast one of them
  () => where(bool(2), f32(2), f32(3)), // where: cannot broadcast [2] with [3]: dim 2 vs 3
  () => where(bool('B', 1), f32('T'), f32('S', 'T')), // where: cannot broadcast [B, T] with [S, T]: dim B vs S
  () => acosh(i32('B')), // acosh: expected a float, got i32; cast it first
  () => round(i32(3)), // round: expected a float, got i32; cast it first
  () => atan2(f32(2, 3), f32(4, 3)), // atan2: cannot broadcast [2, 3] with [4, 3]: dim 2 vs 4
  () => mod(i32(8), u32(8)), // mod: i32 and u32 have no common dtype; cast one of them
  () => divmod(bool(8), 2), // divmod: expected a number, got bool; cast it first
  () => copysign(i32('B'), i32('B')), // copysign: expected a float, got i32; cast it first
  () => isInf(i32(2)), // isInf: expected a float, got i32; cast it first
  () => isClose(f32(2), f32('B', 3)), // isClose: cannot broadcast [2] with [B, 3]: dim 2 vs 3
  () => lerp(f32(2), f32(2), f32(3)), // lerp: cannot broadcast [2] with [3]: dim 2 vs 3
  () => elu(i32(2)), // elu: expected a float, got i32; cast it first
  () => softplus(bool(2)), // softplus: expected a float, got bool; cast it first
  () => logicalXor(f32(2), f32(2)), // logicalXor: expected bool, got f32; cast it first
  () => bitwiseNot(f32(2)), // bitwiseNot: expected an integer, got f32; cast it first
  () => popcount(bool(2)), // popcount: expected i32 or u32, got bool; cast it first
]
