// biome-ignore-all format: one case a line, its error beside it
import { broadcastArrays, diag, diagonal, dot, flip, hstack, inner, meshgrid, moveaxis, outer, pad, rearrange, reduce, repeat, roll, swapaxes, tensordot, trace, tril, vdot, vstack } from '../../../compiler/lang/index.js'
import { bool, f32, i32 } from './make.js'

export const cases = [
  () => swapaxes(f32('B', 8), 0, 2), // swapaxes: axis 2 is out of range for [B, 8]
  () => moveaxis(f32('B', 8), [0, 0], [0, 1]), // moveaxis: axis 0 of [B, 8] is named twice
  () => moveaxis(f32('B', 8), [0, 1], 1), // moveaxis: 2 axes cannot move to 1 places
  () => flip(f32('B', 8), -3), // flip: axis -3 is out of range for [B, 8]
  () => roll(f32(4, 8), 1, [1, -1]), // roll: axis -1 of [4, 8] is named twice
  () => repeat(f32('B', 8), 2, 2), // repeat: axis 2 is out of range for [B, 8]
  () => hstack([f32(2, 3), f32(4, 3)]), // hstack: [2, 3] and [4, 3] differ in axis 0: 2 vs 4
  () => vstack([f32(2, 3), f32(4)]), // vstack: [2, 3] and [1, 4] differ in axis 1: 3 vs 4
  () => broadcastArrays([f32(2, 3), f32(4)]), // broadcastArrays: cannot broadcast [2, 3] with [4]: dim 3 vs 4
  () => pad(f32('B', 2), [[0, 0], [-2, -1]]), // pad: [-2, -1] crops more than axis 1 of [B, 2] has
  () => diag(f32(2, 3, 4)), // diag: expected rank 1 or 2, got [2, 3, 4]
  () => diagonal(f32('B')), // diagonal: expected rank >= 2, got [B]
  () => diagonal(f32('B', 8), 0, 1, -1), // diagonal: axis -1 of [B, 8] is named twice
  () => trace(bool(2, 2)), // trace: expected a number, got bool; cast it first
  () => tril(f32(3)), // tril: expected rank >= 2, got [3]
  () => inner(f32('B', 8), f32(9)), // inner: inner dims differ: 8 vs 9 in [B, 8] x [9]
  () => dot(f32('B', 8), f32(9, 2)), // dot: inner dims differ: 8 vs 9 in [B, 8] x [9, 2]
  () => dot(i32(2), i32(2)), // dot: expected a float, got i32; cast it first
  () => vdot(f32(2, 3), f32(5)), // vdot: sizes differ: 6 vs 5
  () => outer(bool(2), bool(2)), // outer: expected a number, got bool; cast it first
  () => tensordot(f32(2, 3), f32(4, 3), 1), // tensordot: contracting dims differ: 3 vs 4 in [2, 3] x [4, 3]
  () => tensordot(f32(2), f32(2), 2), // tensordot: 2 axes are more than [2] has
  () => meshgrid([f32(2), f32(2, 3)]), // meshgrid: expected vectors, got [2, 3]
  () => reduce(f32('B', 8), 'b (t 3) -> b', 'sum'), // reduce 'b (t 3) -> b': dim 8 is not divisible by 3 in (t 3)
  () => reduce(f32('B', 8), 'b t -> b c', 'sum'), // reduce 'b t -> b c': axis 'c' is only on the right
  () => reduce(f32('B', 8), 'b t -> b 2', 'sum'), // reduce 'b t -> b 2': 2 needs a name here
  () => reduce(bool('B', 8), 'b t -> b', 'sum'), // reduce: expected a number, got bool; cast it first
  () => repeat(f32('B', 8), 'b t -> b t k'), // repeat 'b t -> b t k': axis 'k' is only on the right; give its size
  () => repeat(f32('B', 8), 'b t -> b'), // repeat 'b t -> b': axis 't' is only on the left
  () => repeat(f32('B', 8), 'b t -> b t', { k: 2 }), // repeat 'b t -> b t': there is no axis 'k' to give a size
  () => rearrange(f32('B', 8), 'b (t 2) -> b t 2'), // rearrange 'b (t 2) -> b t 2': 2 needs a name here
]
