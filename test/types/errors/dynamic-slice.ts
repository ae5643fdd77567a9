// biome-ignore-all format: one case a line, its error beside it
import { dynamicIndexInDim, dynamicSlice, dynamicUpdateIndexInDim, dynamicUpdateSlice } from '../../../compiler/lang/index.js'
import { f32, i32 } from './make.js'

export const cases = [
  () => dynamicSlice(f32(4, 8), [0, i32()], [2, 9]), // dynamicSlice: a window of [2, 9] does not fit in [4, 8]
  () => dynamicSlice(f32(4, 8), [0, i32()], [2]), // dynamicSlice: a window of [2] does not fit in [4, 8]
  () => dynamicSlice(f32('B', 8), [i32()], [2, 3]), // dynamicSlice: expected one start per axis of [B, 8], got 1
  () => dynamicUpdateSlice(f32('B', 8), f32('B', 9), [0, i32()]), // dynamicUpdateSlice: a window of [B, 9] does not fit in [B, 8]
  () => dynamicUpdateSlice(f32(4, 8), i32(1, 8), [0, 0]), // dynamicUpdateSlice: dtypes differ: f32 vs i32; cast one of them
  () => dynamicUpdateSlice(f32(4, 8), f32(1, 8), [0, 0, 0]), // dynamicUpdateSlice: expected one start per axis of [4, 8], got 3
  () => dynamicIndexInDim(f32('B', 8), i32(), 2), // dynamicIndexInDim: axis 2 is out of range for [B, 8]
  () => dynamicUpdateIndexInDim(f32('B', 8), f32('B'), i32(), 0), // dynamicUpdateIndexInDim: expected an update of [8] for axis 0 of [B, 8], got [B]
  () => dynamicUpdateIndexInDim(f32('B', 8), i32(8), i32(), 0), // dynamicUpdateIndexInDim: dtypes differ: f32 vs i32; cast one of them
  () => dynamicUpdateIndexInDim(f32('B', 8), f32(8), i32(), 2), // dynamicUpdateIndexInDim: axis 2 is out of range for [B, 8]
]
