import { add, exp, matmul, poly, reshape, slice, sum, where, zeros, einsum, mul , rearrange} from '../../compiler/lang/index.js'
import type { Tensor } from '../../compiler/trace/tensor.js'
import type { NamedSize } from '../../compiler/types/dim.js'
import { type F, is } from './shapes.js'
declare const t: <const S extends readonly any[]>(...s: S) => Tensor<[...S], 'f32'>
declare const any: any
declare const plain: Tensor
declare const loose: Tensor<any, any>
declare const axis: number | undefined
declare const keep: boolean
const a0: F<[1,2,3]> = add(any, t(3))
const a1: F<[1,2,3]> = add(t(3), any)
const a2: Tensor = add(plain, plain)
const a3: Tensor = exp(plain)
const a4: F<[3]> = matmul(loose, t(3, 4))
const a5: F<readonly any[]> = matmul(plain, plain)
const a6: 1 = sum(t(3, 4), axis)
const a7: 1 = sum(t(3, 4), 0, {keepdims: keep})
const a8: 1 = where(any, 1, t(3))
const layer = poly((x: F<['b', 'i']>, w: F<['i', 'o']>, c?: F<['o']>): F<['b', 'o']> => c ? add(matmul(x, w), c) : matmul(x, w))
is<['B', 3]>()(layer(t('B', 2), t(2, 3)))
is<['B', 3]>()(layer(t('B', 2), t(2, 3), t(3)))
const layer2 = poly((x: F<['b', 'i']>, p: {w: F<['i', 'o']>, c?: F<['o']>, more: readonly {g: F<['o']>}[]}): F<['b', 'o']> => p.c ? add(matmul(x, p.w), p.c) : matmul(x, p.w))
is<['B', 3]>()(layer2(t('B', 2), {w: t(2, 3), more: []}))
is<['B', 3]>()(layer2(t('B', 2), {w: t(2, 3), c: t(3), more: [{g: t(3)}]}))
const bad1: 1 = layer2(t('B', 2), {w: t(2, 3), c: t(3), more: [{g: t(4)}]})
const bad2: 1 = layer2(t('B', 2, 3), {w: t(2, 3), c: t(3), more: []})
const bad3: 1 = layer2(t('B', 2), {w: t(2, 3) as any as Tensor<[2, 3], 'i32'>, c: t(3), more: []})
const bad4: 1 = layer2(t('B', 2), {c: t(3), more: []})
const bad5 = poly((x: F<['b', 'd']>, w: F<['e', 'o']>): F<['b', 'o']> => matmul(x, w))
const pf = poly((x: F<['...s']>): F<['...s']> => mul(x, 2))
is<['B', 3]>()(pf(t('B', 3)))
declare const nb: NamedSize<'B'>
is<['B', 8, 4]>()(reshape(t('B', 32), [nb, 8, 4]))
is<['B', 1]>()(slice(t('B', 32), [0, 0], [nb, 1]))
is<['B', 1]>()(zeros([nb, 1]))
is<['B', 8, 'H']>()(rearrange(t(8, 'B*H'), 'd (b h) -> b d h', {b: nb}))
const e0: 1 = einsum('b i, i o -> b o', plain, plain)
function gen<S extends readonly (number|string)[]>(x: Tensor<S, 'f32'>): Tensor<S, 'f32'> { return mul(x, 2) }
export {a0,a1,a2,a3,a4,a5,a6,a7,a8, bad1, bad2,bad3,bad4,bad5,e0, gen}
