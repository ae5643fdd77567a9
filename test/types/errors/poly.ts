// biome-ignore-all format: one case a line, its error beside it
// types only: these mistakes are in what the signatures say.
import { add, matmul, mul, poly, sum } from '../../../compiler/lang/index.js'
import type { Grad } from '../../../compiler/types/transform.js'
import type { F } from '../shapes.js'
import { f32, i32 } from './make.js'

const linear = poly((x: F<['...s', 'i']>, w: F<['i', 'o']>, c: F<['o']>): F<['...s', 'o']> => add(matmul(x, w), c))
const norm = poly((x: F<['b', 't', 512]>, p: { g: F<[512]> }): F<['b', 't', 512]> => mul(x, p.g))
declare const grad: Grad
const first = (x: F<['B', 10]>): F<['B', 10]> => x

export const cases = [
  () => linear(f32('B', 512), f32(768, 10), f32(10)), // dim 'i' is 512 and 768
  () => linear(f32('B', 512), f32(512, 10), f32(11)), // dim 'o' is 10 and 11
  () => first(linear(f32('B', 512), f32(768, 10), f32(10))), // dim 'i' is 512 and 768
  () => first(linear(f32('B', 512), f32(512), f32(10))), // Argument of type 'Tensor<[512], "f32">' is not assignable to parameter of type 'Tensor<readonly [Dim, Dim], "f32">'.
  () => first(linear(f32('B', 512), f32(512, 10), i32(10))), // Argument of type 'Tensor<[10], "i32">' is not assignable to parameter of type 'Tensor<readonly [Dim], "f32">'.
  () => poly((x: F<['b', 'd']>, w: F<['e', 'o']>): F<['b', 'o']> => matmul(x, w)), // matmul: inner dims differ: d vs e in [b, d] x [e, o]
  () => poly((x: F<['b', 'd']>): F<['b', 'e']> => mul(x, 2)), // Type 'Tensor<["b", "d"], "f32">' is not assignable to type 'F<["b", "e"]>'.
  () => norm(f32('B', 'T', 256), { g: f32(512) }), // expected dim 512, got 256
  () => grad((w: F<[64, 10]>) => matmul(w, f32(10, 2))), // grad: the loss must be a scalar, got [64, 2]; reduce it with sum or mean
  () => grad((_w: F<[64]>) => i32()), // grad: the loss must be a float, got i32
  () => grad((w: F<[64]>) => sum(w), { hasAux: true }), // grad: with hasAux the function must return [loss, aux]
  () => grad((_w: F<[64]>) => 3), // grad: the function must return a tensor
]
