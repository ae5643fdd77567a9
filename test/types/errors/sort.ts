// biome-ignore-all format: one case a line, its error beside it
import { argsort, searchsorted, sort, topK } from '../../../compiler/lang/index.js'
import { bool, f32, i32 } from './make.js'

export const cases = [
  () => sort(f32('B', 8), 2), // sort: axis 2 is out of range for [B, 8]
  () => sort([i32('B', 8), f32('B', 9)]), // sort: operands differ in shape: [B, 8] vs [B, 9]
  () => sort([i32('B', 8), f32('B', 8)], -3), // sort: axis -3 is out of range for [B, 8]
  () => argsort(f32(), 0), // argsort: axis 0 is out of range for []
  () => topK(f32('B', 3), 5), // topK: k 5 is more than the 3 elements of axis -1 of [B, 3]
  () => topK(f32('B', 3), 2, 2), // topK: axis 2 is out of range for [B, 3]
  () => topK(bool('B', 3), 2), // topK: expected a number, got bool; cast it first
  () => searchsorted(f32(2, 3), f32('B')), // searchsorted: expected a sorted [n], got [2, 3]
  () => searchsorted(f32(3), i32('B')), // searchsorted: dtypes differ: f32 vs i32; cast one of them
  () => searchsorted(bool(3), bool('B')), // searchsorted: expected a number, got bool; cast it first
]
