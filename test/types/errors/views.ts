// biome-ignore-all format: one case a line, its error beside it
import { broadcastTo, concat, ensureShape, expandDims, pad, rearrange, reshape, slice, split, squeeze, stack, transpose } from '../../../compiler/lang/index.js'
import { f32, i32, u32 } from './make.js'

export const cases = [
  () => reshape(f32(8, 512), [8, 8, 63]), // reshape: cannot reshape [8, 512] to [8, 8, 63]: 4096 elements vs 4032
  () => reshape(f32('B', 'T', 512), [8, 63]), // reshape: cannot reshape [B, T, 512] to [8, 63]: 512*B*T elements vs 504
  () => reshape(f32(8, 512), [-1, 500]), // reshape: cannot reshape [8, 512] to [-1, 500]: 4096 elements are not divisible by 500
  () => reshape(f32('B', 512), [-1, 500]), // reshape: cannot reshape [B, 512] to [-1, 500]: 512*B elements are not divisible by 500
  () => reshape(f32(8, 512), [-1, -1]), // reshape: more than one -1 in [-1, -1]
  () => transpose(f32('B', 'T', 512), [0, 1]), // transpose: permutation [0, 1] must name the 3 axes of [B, T, 512]
  () => transpose(f32('B', 'T', 512), [0, 1, 1]), // transpose: axis 1 of [B, T, 512] is named twice
  () => transpose(f32(2, 3), [0, 2]), // transpose: axis 2 is out of range for [2, 3]
  () => broadcastTo(f32(8), [4, 7]), // broadcastTo: cannot broadcast [8] to [4, 7]: dim 8 vs 7
  () => broadcastTo(f32(8), [4, 1]), // broadcastTo: cannot broadcast [8] to [4, 1]: dim 8 vs 1
  () => broadcastTo(f32(4, 8), [8]), // broadcastTo: cannot broadcast [4, 8] to [8]: it has more dims
  () => expandDims(f32(2, 3), 3), // expandDims: axis 3 is out of range for [2, 3, 3]
  () => squeeze(f32(2, 1), 0), // squeeze: axis 0 of [2, 1] is 2, not 1
  () => squeeze(f32(2, 1), 2), // squeeze: axis 2 is out of range for [2, 1]
  () => slice(f32(4, 8), [0, 0], [4, 10]), // slice: 0 to 10 is out of range for axis 1 of [4, 8]
  () => slice(f32(4, 8), [3, 0], [2, 8]), // slice: 3 to 2 is out of range for axis 0 of [4, 8]
  () => slice(f32(4, 8), [0, 0], [4]), // slice: limit [4] must have one entry per axis of [4, 8]
  () => slice(f32(4, 8), [0], [4, 8]), // slice: start [0] must have one entry per axis of [4, 8]
  () => pad(f32(4, 8), [[0, 1]]), // pad: expected one [before, after] per axis of [4, 8]
  () => split(f32('B', 10), 3, 1), // split: axis 1 of [B, 10] does not divide into 3 equal parts
  () => split(f32('B', 10), [4, 12], 1), // split: cut 12 is past axis 1 of [B, 10]
  () => split(f32('B', 10), [4, 2], 1), // split: cuts must increase, got 2 after 4
  () => split(f32('B', 10), 2, 2), // split: axis 2 is out of range for [B, 10]
  () => concat([f32('B', 'T', 512), f32('B', 'T', 256)], 1), // concat: [B, T, 512] and [B, T, 256] differ in axis 2: 512 vs 256
  () => concat([f32(2, 3), f32(3)]), // concat: ranks differ: [2, 3] and [3]
  () => concat([f32(2, 3), f32(2, 3)], 2), // concat: axis 2 is out of range for [2, 3]
  () => concat([u32(2), i32(2)]), // concat: u32 and i32 have no common dtype; cast one of them
  () => concat([]), // concat: expected at least one tensor
  () => stack([f32(2), f32(3)]), // stack: shapes differ: [2] and [3]
  () => stack([u32(2), i32(2)]), // stack: u32 and i32 have no common dtype; cast one of them
  () => ensureShape(f32(2, 3), [2, 4]), // ensureShape: expected [2, 4], got [2, 3]
  () => rearrange(f32('B', 225, 224, 3), 'b (h p) (w q) c -> b (h w) (p q c)', { p: 16, q: 16 }), // rearrange 'b (h p) (w q) c -> b (h w) (p q c)': dim 225 is not divisible by 16 in (h p)
  () => rearrange(f32('B', 'T', 512), 'b t (h d) -> b h t d'), // rearrange 'b t (h d) -> b h t d': (h d) has more than one axis of unknown size; give sizes
  () => rearrange(f32('B', 'T', 512), 'b t (h d) -> b h t d', { h: 8, d: 32 }), // rearrange 'b t (h d) -> b h t d': (h d) is 256 but the dim is 512
  () => rearrange(f32(2, 3), 'a b c -> c b a'), // rearrange 'a b c -> c b a': the left side names 3 axes but the tensor is [2, 3]
  () => rearrange(f32(2, 3), 'a b -> a'), // rearrange 'a b -> a': axis 'b' is only on the left
  () => rearrange(f32(2, 3), 'a b -> a b c'), // rearrange 'a b -> a b c': axis 'c' is only on the right
  () => rearrange(f32(2, 3), 'a a -> a'), // rearrange 'a a -> a': axis 'a' is named twice on the left
  () => rearrange(f32(2, 3), 'a b -> b a', { c: 2 }), // rearrange 'a b -> b a': there is no axis 'c' to give a size
  () => rearrange(f32(2, 3), 'a b'), // rearrange 'a b': expected '->'
]
