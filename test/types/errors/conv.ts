// biome-ignore-all format: one case a line, its error beside it
import { avgPool, conv, convTranspose, maxPool } from '../../../compiler/lang/index.js'
import { f32, i32 } from './make.js'

export const cases = [
  () => conv(f32('B', 32, 32, 3), f32(3, 3, 4, 16)), // conv: features differ: 3 vs 4 in [B, 32, 32, 3] x [3, 3, 4, 16]
  () => conv(f32('B', 8, 8, 6), f32(3, 3, 2, 6), { groups: 2 }), // conv: features differ: 6 vs 2 groups of 2 in [B, 8, 8, 6] x [3, 3, 2, 6]
  () => conv(f32('B', 8, 8, 6), f32(3, 3, 3, 5), { groups: 2 }), // conv: 5 features do not divide into 2 groups in [3, 3, 3, 5]
  () => conv(f32(8, 6), f32(3, 3)), // conv: expected a batch, 1 to 3 spatial dims and features, got [8, 6]
  () => conv(f32('B', 8, 8, 6), f32(3, 6, 4)), // conv: ranks differ: input [B, 8, 8, 6] and kernel [3, 6, 4]
  () => conv(f32('B', 4, 8, 3), f32(5, 3, 3, 16)), // conv: spatial dim 0 of [B, 4, 8, 3] is 4 with padding, less than the window's 5
  () => conv(f32('B', 8, 4, 3), f32(3, 3, 3, 16), { dilation: 3, padding: [[0, 0], [1, 1]] }), // conv: spatial dim 1 of [B, 8, 4, 3] is 6 with padding, less than the window's 7
  () => conv(f32('B', 8, 8, 3), f32(3, 3, 3, 16), { stride: [1, 2, 3] }), // conv: stride must be a whole number of at least 1, or 2 of them, got [1, 2, 3]
  () => conv(f32('B', 8, 3), f32(3, 3, 16), { dilation: [1, 2] }), // conv: dilation must be a whole number of at least 1, or 1 of them, got [1, 2]
  () => conv(f32('B', 8, 8, 3), f32(3, 3, 3, 16), { padding: [[1, 1]] }), // conv: padding must be 'same', 'valid' or 2 pairs [before, after], got a list of 1
  () => conv(f32('B', 3, 8, 8), f32(16, 3, 3, 3), { dimensionNumbers: ['NCH', 'OIHW', 'NCHW'] }), // conv: dimensionNumbers must name the dims of [B, 3, 8, 8] as in ['NHWC', 'HWIO', 'NHWC'], got ['NCH', 'OIHW', 'NCHW']
  () => conv(f32('B', 3, 8, 8), f32(16, 3, 3, 3), { dimensionNumbers: ['NCHW', 'OIHD', 'NCHW'] }), // conv: dimensionNumbers must name the dims of [B, 3, 8, 8] as in ['NHWC', 'HWIO', 'NHWC'], got ['NCHW', 'OIHD', 'NCHW']
  () => conv(f32('B', 8, 3), i32(3, 3, 16)), // conv: dtypes differ: f32 vs i32; cast one of them
  () => conv(i32('B', 8, 3), i32(3, 3, 16)), // conv: expected a float, got i32; cast it first
  () => convTranspose(f32('B', 8, 8, 3), f32(2, 2, 4, 16)), // convTranspose: features differ: 3 vs 4 in [B, 8, 8, 3] x [2, 2, 4, 16]
  () => convTranspose(f32('B', 8, 8, 3), f32(2, 2, 16, 4), { transposeKernel: true }), // convTranspose: features differ: 3 vs 4 in [B, 8, 8, 3] x [2, 2, 16, 4]
  () => convTranspose(f32('B', 8, 8, 3), f32(2, 2, 3, 4), { stride: [2] }), // convTranspose: stride must be a whole number of at least 1, or 2 of them, got [2]
  () => maxPool(f32('B', 3), 2), // maxPool: expected a batch, 1 to 3 spatial dims and features, got [B, 3]
  () => maxPool(f32('B', 8, 8, 3), [2, 2, 1]), // maxPool: window must be a whole number of at least 1, or 2 of them, got [2, 2, 1]
  () => maxPool(f32('B', 8, 2, 3), 3), // maxPool: spatial dim 1 of [B, 8, 2, 3] is 2 with padding, less than the window's 3
  () => maxPool(i32('B', 8, 3), 2), // maxPool: expected a float, got i32; cast it first
  () => avgPool(f32('B', 8, 8, 3), 2, { stride: [1] }), // avgPool: stride must be a whole number of at least 1, or 2 of them, got [1]
  () => avgPool(f32('B', 8, 8, 3), 2, { padding: [[1, 1], [1, 1], [1, 1]] }), // avgPool: padding must be 'same', 'valid' or 2 pairs [before, after], got a list of 3
]
