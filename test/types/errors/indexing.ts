// biome-ignore-all format: one case a line, its error beside it
import { at, bincount, nonzero, segmentMax, segmentSum, take, takeAlongAxis } from '../../../compiler/lang/index.js'
import { bool, f32, i32 } from './make.js'

export const cases = [
  () => take(f32('V', 8), i32('B'), 2), // take: axis 2 is out of range for [V, 8]
  () => take(f32(), i32('B'), 0), // take: axis 0 is out of range for []
  () => takeAlongAxis(f32('B', 8), i32('T', 3), 1), // takeAlongAxis: ids [T, 3] do not have the other axes of [B, 8]
  () => takeAlongAxis(f32('B', 8), i32(3)), // takeAlongAxis: ids [3] do not have the other axes of [B, 8]
  () => takeAlongAxis(f32('B', 8), i32('B', 3), 2), // takeAlongAxis: axis 2 is out of range for [B, 8]
  () => takeAlongAxis(f32('B', 8), f32('B', 3)), // takeAlongAxis: expected i32, got f32; cast it first
  () => segmentSum(f32('B', 8), i32('T'), 5), // segmentSum: ids [T] do not begin the shape of [B, 8]
  () => segmentMax(f32('B', 8), f32('B'), 5), // segmentMax: expected i32, got f32; cast it first
  () => segmentSum(bool('B', 8), i32('B'), 5), // segmentSum: expected a number, got bool; cast it first
  () => bincount(i32('B', 8), 5), // bincount: expected [n], got [B, 8]
  () => bincount(i32('B'), 5, f32('T')), // bincount: expected weights of shape [B], got [T]
  () => nonzero(f32(), { size: 2 }), // nonzero: expected at least one axis, got []
  () => at(f32(4, 8), f32(2)), // at: expected i32, got f32; cast it first
  () => at(f32(4, 8), [0, 1, 2]), // at: more indices than the 2 axes of [4, 8]
  () => at(f32(4, 8), [1, 8]), // at: index 8 is out of range for axis 1 of [4, 8]
  () => at(f32(4, 8), -5), // at: index -5 is out of range for axis 0 of [4, 8]
  () => at(f32(4, 8), { start: 2, limit: 5 }), // at: 2 to 5 is out of range for axis 0 of [4, 8]
  () => at(f32(4, 8), [i32(2), i32(3)]), // at: cannot broadcast [2] with [3]: dim 2 vs 3
  () => at(f32(4, 8), i32(2)).set(f32(3)), // at: cannot broadcast [3] to [2, 8]: dim 3 vs 8
  () => at(f32(4, 8), [i32(2), 0]).add(f32(1, 2)), // at: cannot broadcast [1, 2] to [2]: it has more dims
  () => at(f32(4, 8), i32(2)).mul(i32(8)), // at: dtypes differ: f32 vs i32; cast one of them
  () => at(bool(4), i32(2)).max(bool(2)), // at: expected a number, got bool; cast it first
]
