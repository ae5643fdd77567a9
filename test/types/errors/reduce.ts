// biome-ignore-all format: one case a line, its error beside it
import { argmax, cumLogSumExp, cummin, cumprod, cumsum, iota, logSumExp, max, mean, oneHot, softmax, sum, take, variance } from '../../../compiler/lang/index.js'
import { bool, f32, i32 } from './make.js'

export const cases = [
  () => sum(f32('B', 'T', 512), 3), // sum: axis 3 is out of range for [B, T, 512]
  () => mean(f32('B', 'T', 512), [0, -4], { keepdims: true }), // mean: axis -4 is out of range for [B, T, 512]
  () => max(f32(2, 3), [1, -1]), // max: axis -1 of [2, 3] is named twice
  () => variance(f32(), 0), // variance: axis 0 is out of range for []
  () => sum(bool(3)), // sum: expected a number, got bool; cast it first
  () => mean(i32(3)), // mean: expected a float, got i32; cast it first
  () => logSumExp(f32(2, 3), 2), // logSumExp: axis 2 is out of range for [2, 3]
  () => softmax(f32('B', 8), -3), // softmax: axis -3 is out of range for [B, 8]
  () => softmax(i32(3), 0), // softmax: expected a float, got i32; cast it first
  () => cumsum(f32('B', 8), 2), // cumsum: axis 2 is out of range for [B, 8]
  () => cumprod(f32(), 0), // cumprod: axis 0 is out of range for []
  () => cummin(bool(3)), // cummin: expected a number, got bool; cast it first
  () => cumLogSumExp(i32(3)), // cumLogSumExp: expected a float, got i32; cast it first
  () => argmax(f32(2, 3), 2), // argmax: axis 2 is out of range for [2, 3]
  () => iota([2, 3], 2), // iota: axis 2 is out of range for [2, 3]
  () => take(f32('V', 8), f32('B')), // take: expected i32, got f32; cast it first
  () => oneHot(f32('B'), 10), // oneHot: expected i32, got f32; cast it first
]
