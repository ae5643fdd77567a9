// biome-ignore-all format: one case a line, its error beside it
// types only: these mistakes are in what the signatures say.
import { add, matmul, mul, poly, sum } from '../../../compiler/lang/index.js'
import type { Grad } from '../../../compiler/types/transform.js'
import type { F } from '../shapes.js'
import { f32, i32 } from './make.js'

const linear = poly((x: F<['...s', 'i']>, w: F<['i', 'o']>, c: F<['o']>): F<['...s', 'o']> => add(matmul(x, w), c))
const norm = poly((x: F<['b', 't', 512]>, p: { g: F<[512]> }): F<['b', 't', 512]> => mul(x, p.g))
declare const grad: Grad

export const cases = [
  () => linear(f32('B', 512), f32(768, 10), f32(10)), // dim 'i' is 512 and 768
  () => linear(f32('B', 512), f32(512, 10), f32(11)), // dim 'o' is 10 and 11
  () => norm(f32('B', 'T', 256), { g: f32(512) }), // expected dim 512, got 256
  () => grad((w: F<[64, 10]>) => matmul(w, f32(10, 2))), // grad: the loss must be a scalar; reduce it with sum or mean
  () => grad((_w: F<[64]>) => i32()), // grad: the loss must be f32, got i32
  () => grad((w: F<[64]>) => sum(w), { hasAux: true }), // grad: with hasAux the function must return [loss, aux]
  () => grad((_w: F<[64]>) => 3), // grad: the function must return a tensor
]
