// biome-ignore-all format: one case a line, its error beside it
import { attention } from '../../../compiler/lang/index.js'
import { bool, f32, i32 } from './make.js'

export const cases = [
  () => attention(f32('B', 'T'), f32('B', 'T'), f32('B', 'T')), // attention: expected [batch, length, heads, width], with or without a batch, got [B, T]
  () => attention(i32('B', 'T', 4, 16), f32('B', 'S', 4, 16), f32('B', 'S', 4, 16)), // attention: expected a float, got i32; cast it first
  () => attention(f32('B', 'T', 4, 16), f32('S', 4, 16), f32('S', 4, 16)), // attention: batches of queries [B, T, 4, 16] and keys [S, 4, 16] differ
  () => attention(f32('B', 'T', 4, 16), f32('D', 'S', 4, 16), f32('D', 'S', 4, 16)), // attention: batches of queries [B, T, 4, 16] and keys [D, S, 4, 16] differ
  () => attention(f32('B', 'T', 4, 16), f32('B', 'S', 4, 32), f32('B', 'S', 4, 32)), // attention: widths differ: 16 vs 32 in [B, T, 4, 16] x [B, S, 4, 32]
  () => attention(f32('T', 6, 16), f32('S', 4, 16), f32('S', 4, 16)), // attention: 6 heads of queries are not a multiple of 4 of keys in [T, 6, 16] x [S, 4, 16]
  () => attention(f32('B', 'T', 4, 16), f32('B', 'S', 4, 16), f32('B', 'T', 4, 16)), // attention: keys [B, S, 4, 16] and values [B, T, 4, 16] differ
  () => attention(f32('B', 'T', 4, 16), f32('B', 'S', 4, 16), i32('B', 'S', 4, 16)), // attention: dtypes differ: f32 vs i32; cast one of them
  () => attention(f32('B', 'T', 4, 16), f32('B', 'S', 4, 16), f32('B', 'S', 4, 16), { bias: f32(4, 'S', 'T') }), // attention: cannot broadcast bias [4, S, T] to [B, 4, T, S]: dim T vs S
  () => attention(f32('T', 4, 16), f32('S', 4, 16), f32('S', 4, 16), { mask: bool('B', 1, 'T', 'S') }), // attention: cannot broadcast mask [B, 1, T, S] to [4, T, S]: it has more dims
  () => attention(f32('B', 'T', 4, 16), f32('B', 'S', 4, 16), f32('B', 'S', 4, 16), { mask: f32('T', 'S') }), // attention: expected bool, got f32; cast it first
]
