// biome-ignore-all format: one case a line, its error beside it
import { concat, cond, cos, foriLoop, less, map, mul, scan, sin, sum, switchCase, whileLoop } from '../../../compiler/lang/index.js'
import { bool, f32, i32 } from './make.js'

export const cases = [
  () => scan((c, x) => [concat([c, x], 0), x], f32(8), f32(5, 8)), // scan: carry must stay f32[8], got f32[16]
  () => scan((c, x) => [sum(c), x], f32('D'), f32(5)), // scan: carry must stay f32[D], got f32[]
  () => scan(({ h }, x) => [{ h: mul(h, x), n: h }, x], { h: f32(8), n: i32() }, f32(5, 8)), // scan: carry 'n' must stay i32[], got f32[8]
  () => scan((c) => [{ a: c.a }, c.b], { a: f32(8), b: f32() }, null, { length: 4 }), // scan: carry 'b' must stay f32[], got nothing
  () => scan((c, x) => [{ ...c, x }, x], { a: f32(8) }, f32(5, 8)), // scan: carry 'x' must stay nothing, got f32[8]
  () => scan((c, x) => [{ a: [c.a[0], x] as const }, x], { a: [f32(8), f32(4)] as const }, f32(5, 8)), // scan: carry 'a.1' must stay f32[4], got f32[8]
  () => scan((c, x) => [c, x], f32(8), { a: f32(5), b: f32(4) }), // scan: leading dims of xs differ
  () => scan((c, x) => [c, x], f32(8), f32()), // scan: xs must have a leading axis, got f32[]
  () => scan((c, x) => [c, x], f32(8), f32('T'), { length: 4 }), // scan: length is 4, but xs have leading dim T
  () => scan((c, x) => [c, x], f32(8), null), // scan: expected xs or length
  () => map((x) => x, { a: f32(5, 2), b: i32() }), // map: xs must have a leading axis, got i32[]
  () => map((x) => x.a, { a: f32(5, 2), b: f32(4, 2) }), // map: leading dims of xs differ
  () => cond(bool(2), sin, cos, f32(8)), // cond: predicate must be a bool scalar, got bool[2]
  () => cond(f32(), (x) => sin(x), (x) => cos(x), f32(8)), // cond: predicate must be a bool scalar, got f32[]
  () => cond(bool(), (x) => sin(x), (x) => sum(x), f32('B', 8)), // cond: branches differ: f32[B, 8] vs f32[]
  () => cond(bool(), (x) => ({ a: sin(x) }), (x) => ({ a: less(x, 0) }), f32(8)), // cond: branches differ in 'a': f32[8] vs bool[8]
  () => cond(bool(), (x) => ({ a: x }), (x) => ({ a: x, b: x }), f32(8)), // cond: branches differ in 'b': nothing vs f32[8]
  () => switchCase(i32(), [(x) => sin(x), (x) => sum(x), (x) => x], f32(8)), // switchCase: branches differ: f32[8] vs f32[]
  () => switchCase(f32(), [(x) => sin(x), (x) => x], f32(8)), // switchCase: index must be an i32 scalar, got f32[]
  () => whileLoop((x) => less(x, 3), (x) => mul(x, 2), f32(8)), // whileLoop: condition must give a bool scalar, got bool[8]
  () => whileLoop((x) => less(sum(x), 3), (x) => sum(x), f32(8)), // whileLoop: carry must stay f32[8], got f32[]
  () => foriLoop(0, 10, (i) => i, f32()), // foriLoop: carry must stay f32[], got i32[]
  () => foriLoop(0, f32(), (_i, x) => x, f32()), // foriLoop: bounds must be whole numbers or i32 scalars, got f32[]
  () => foriLoop(0.5, 10, (_i, x) => x, f32()), // foriLoop: bounds must be whole numbers or i32 scalars, got 0.5
]
