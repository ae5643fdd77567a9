// biome-ignore-all format: one case a line, its error beside it
import { all, any, argmax, argmin, average, countNonzero, max, median, min, nanMean, norm, percentile, ptp, quantile, std } from '../../../compiler/lang/index.js'
import { bool, f32, i32 } from './make.js'

export const cases = [
  () => any(f32('B', 2)), // any: expected bool, got f32; cast it first
  () => all(bool('B', 2), 2), // all: axis 2 is out of range for [B, 2]
  () => std(f32('B', 2), -3), // std: axis -3 is out of range for [B, 2]
  () => norm(i32(2)), // norm: expected a float, got i32; cast it first
  () => average(f32(2, 3), [0, 0]), // average: axis 0 of [2, 3] is named twice
  () => countNonzero(bool(3), 1), // countNonzero: axis 1 is out of range for [3]
  () => nanMean(i32(3)), // nanMean: expected a float, got i32; cast it first
  () => max(f32(2, 0)), // max: axis 1 of [2, 0] has nothing to choose from
  () => min(f32('B', 0), -1), // min: axis 1 of [B, 0] has nothing to choose from
  () => ptp(f32(0, 3), 0), // ptp: axis 0 of [0, 3] has nothing to choose from
  () => argmax(f32(0)), // argmax: axis 0 of [0] has nothing to choose from
  () => argmin(i32(3, 0), 1), // argmin: axis 1 of [3, 0] has nothing to choose from
  () => argmin(bool(3)), // argmin: expected a number, got bool; cast it first
  () => median(f32(3, 0), 1), // median: axis 1 of [3, 0] has nothing to choose from
  () => quantile(i32(3), 0.5), // quantile: expected a float, got i32; cast it first
  () => percentile(f32(3, 4), 10, 2), // percentile: axis 2 is out of range for [3, 4]
]
