// biome-ignore-all format: one case a line, its error beside it
import { dotGeneral, einsum, matmul } from '../../../compiler/lang/index.js'
import { f32, i32, u32 } from './make.js'

export const cases = [
  () => matmul(f32(8, 512), f32(768, 64)), // matmul: inner dims differ: 512 vs 768 in [8, 512] x [768, 64]
  () => matmul(f32('B', 'T', 512), f32(768, 64)), // matmul: inner dims differ: 512 vs 768 in [B, T, 512] x [768, 64]
  () => matmul(f32('B', 'D'), f32('T', 'D')), // matmul: inner dims differ: D vs T in [B, D] x [T, D]
  () => matmul(f32(5, 2, 7), f32(4, 7, 3)), // matmul: cannot broadcast batch dims [5] with [4]: dim 5 vs 4
  () => matmul(f32(8), f32(8, 2)), // matmul: left operand must have rank >= 2, got [8]
  () => matmul(f32(2, 8), f32(8)), // matmul: right operand must have rank >= 2, got [8]
  () => matmul(u32(2, 8), i32(8, 2)), // matmul: u32 and i32 have no common dtype; cast one of them
  () => matmul(i32(2, 8), i32(8, 2)), // matmul: expected a float, got i32; cast it first
  () => dotGeneral(f32(2, 3), f32(4, 5), { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] }), // dotGeneral: contracting dims differ: 3 vs 4 in [2, 3] x [4, 5]
  () => dotGeneral(f32(2, 3), f32(3, 5), { lhsContract: [2], rhsContract: [0], lhsBatch: [], rhsBatch: [] }), // dotGeneral: axis 2 is out of range for [2, 3]
  () => dotGeneral(f32(2, 3), f32(3, 5), { lhsContract: [1], rhsContract: [], lhsBatch: [], rhsBatch: [] }), // dotGeneral: contracting axes differ in number
  () => einsum('bqd,bkd->bqk', f32('B', 'T', 512), f32('B', 'S', 256)), // einsum 'bqd,bkd->bqk': axis 'd' is 512 in one operand and 256 in another
  () => einsum('b q d, b k d -> b q z', f32('B', 'T', 512), f32('B', 'S', 512)), // einsum 'b q d, b k d -> b q z': axis 'z' of the result is in no operand
  () => einsum('b q d h, b k d -> b q k', f32('B', 'T', 512), f32('B', 'S', 512)), // einsum 'b q d h, b k d -> b q k': 'b q d h' names 4 axes but the operand is [B, T, 512]
  () => einsum('ij,jk->ik', f32(2, 3)), // einsum 'ij,jk->ik': no operand for 'jk'
  () => einsum('ij->i', f32(2, 3), f32(3, 4)), // einsum 'ij->i': more operands than terms
  () => einsum('ij,jk', f32(2, 3), f32(3, 4)), // einsum 'ij,jk': expected '->' and the result's axes
  () => einsum('ii->i', f32(3, 3)), // einsum 'ii->i': axis 'i' is named twice in one term
  () => einsum('ij->ii', f32(3, 3)), // einsum 'ij->ii': axis 'i' is named twice in one term
  () => einsum('i,i->', u32(3), i32(3)), // einsum: u32 and i32 have no common dtype; cast one of them
  () => einsum('i,i->', i32(3), i32(3)), // einsum: expected a float, got i32; cast it first
]
