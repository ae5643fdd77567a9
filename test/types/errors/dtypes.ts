// biome-ignore-all format: one case a line, its error beside it
import { add, bitwiseOr, clz, concat, conv, dotGeneral, einsum, exp, logicalOr, matmul, mean, mul, neg, sqrt, stack, sub, sum, where } from '../../../compiler/lang/index.js'
import { bf16, bool, f16, f32, i8, i32, u8, u32 } from './make.js'

export const cases = [
  () => add(u32(8), i32(8)), // add: u32 and i32 have no common dtype; cast one of them
  () => sub(i8('B'), u32('B')), // sub: i8 and u32 have no common dtype; cast one of them
  () => where(bool(2), i8(2), u32(2)), // where: i8 and u32 have no common dtype; cast one of them
  () => concat([u8(2), i8(2), u32(2)]), // concat: i32 and u32 have no common dtype; cast one of them
  () => stack([bool(2), u32(2), i8(2)]), // stack: u32 and i8 have no common dtype; cast one of them
  () => matmul(i8(2, 3), u8(3, 2)), // matmul: expected a float, got i32; cast it first
  () => einsum('i,i->', u32(3), i8(3)), // einsum: u32 and i8 have no common dtype; cast one of them
  () => dotGeneral(f16(3), bf16(3), { lhsContract: [0], rhsContract: [0], lhsBatch: [], rhsBatch: [] }), // dotGeneral: dtypes differ: f16 vs bf16; cast one of them
  () => conv(f16('B', 8, 3), f32(3, 3, 16)), // conv: dtypes differ: f16 vs f32; cast one of them
  () => mul(f16(8), bf16(9)), // mul: cannot broadcast [8] with [9]: dim 8 vs 9
  () => exp(i8('B')), // exp: expected a float, got i8; cast it first
  () => sqrt(u8(3)), // sqrt: expected a float, got u8; cast it first
  () => neg(u8(3)), // neg: expected a signed number, got u8; cast it first
  () => bitwiseOr(i8(3), f16(3)), // bitwiseOr: expected an integer, got f16; cast it first
  () => logicalOr(bool(3), bf16(3)), // logicalOr: expected bool, got bf16; cast it first
  () => clz(i8(3)), // clz: expected i32 or u32, got i8; cast it first
  () => mean(u8(3)), // mean: expected a float, got u8; cast it first
  () => sum(bool(2, 2), 0), // sum: expected a number, got bool; cast it first
]
