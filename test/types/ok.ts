// Compiled with the project, never run: what the types compute. A line that does not compile is a failing test.

import * as lang from '../../compiler/lang/index.js'
import {
  abs,
  add,
  arange,
  argmax,
  argsort,
  associativeScan,
  at,
  attention as attend,
  avgPool,
  bincount,
  bitwiseAnd,
  broadcastTo,
  cast,
  checkpointName,
  clip,
  concat,
  cond,
  conv,
  convTranspose,
  cos,
  cumLogSumExp,
  cummax,
  cumsum,
  div,
  dotGeneral,
  dynamicIndexInDim,
  dynamicSlice,
  dynamicUpdateIndexInDim,
  dynamicUpdateSlice,
  einsum,
  ensureShape,
  equal,
  exp,
  expandDims,
  eye,
  flatten,
  foriLoop,
  full,
  gelu,
  greater,
  iota,
  less,
  logicalAnd,
  logicalNot,
  logSoftmax,
  logSumExp,
  map,
  matmul,
  max,
  maximum,
  maxPool,
  mean,
  median,
  mul,
  neg,
  nonzero,
  oneHot,
  ones,
  pad,
  percentile,
  poly,
  pow,
  quantile,
  rearrange,
  relu,
  rem,
  remat,
  reshape,
  rightShift,
  scan,
  searchsorted,
  segmentMax,
  segmentSum,
  slice,
  softmax,
  sort,
  split,
  sqrt,
  square,
  squeeze,
  stack,
  stopGradient,
  sub,
  sum,
  switchCase,
  take,
  takeAlongAxis,
  tanh,
  topK,
  transpose,
  tri,
  variance,
  where,
  whileLoop,
  zeros,
  zerosLike,
} from '../../compiler/lang/index.js'
import type { Tensor } from '../../compiler/trace/tensor.js'
import { evalShape, vmap } from '../../compiler/transform/index.js'
import type { Add, DivMod, Mul, Sub } from '../../compiler/types/arith.js'
import type { NamedSize } from '../../compiler/types/dim.js'
import type { Dim, Shape } from '../../compiler/types/shape.js'
import type { Grads, LeadingDim, Unbatched } from '../../compiler/types/transform.js'
import type { Batched } from '../../compiler/types/vmap.js'
import { crossEntropy, rmsNorm } from '../../stdlib/nn/index.js'
import { type Eq, type F, is } from './shapes.js'

declare const t: <const S extends Shape>(...s: S) => Tensor<[...S], 'f32'>
declare const i: <const S extends Shape>(...s: S) => Tensor<[...S], 'i32'>
declare const u: <const S extends Shape>(...s: S) => Tensor<[...S], 'u32'>
declare const b: <const S extends Shape>(...s: S) => Tensor<[...S], 'bool'>
const yes = <_T extends true>(): void => {}

// arithmetic on literals
yes<Eq<Add<999, 1>, 1000>>()
yes<Eq<Add<123456, 987>, 124443>>()
yes<Eq<Add<0, 5>, 5>>()
yes<Eq<Sub<1000, 1>, 999>>()
yes<Eq<Sub<3, 7>, never>>()
yes<Eq<Sub<100, 99>, 1>>()
yes<Eq<Mul<224, 224>, 50176>>()
yes<Eq<Mul<50257, 1600>, 80411200>>()
yes<Eq<DivMod<150528, 224>, [672, 0]>>()
yes<Eq<DivMod<217, 2>, [108, 1]>>()
yes<Eq<DivMod<5, 7>, [0, 5]>>()
yes<Eq<DivMod<100, 10>, [10, 0]>>()

// elementwise
is<['B', 8, 64]>()(add(t('B', 8, 64), t(64)))
is<['B', 8, 64]>()(sub(t('B', 1, 64), t(8, 1)))
is<['B', 8]>()(mul(t('B', 8), 0.5))
is<['B', 8]>()(sub(1, t('B', 8)))
is<['B', 8], 'i32'>()(add(i('B', 8), 1))
is<['B', 8]>()(maximum(t('B', 8), t()))
is<['B', 8], 'u32'>()(rem(u('B', 8), 3))
is<['B', 8]>()(pow(t('B', 8), 2))
is<['B', 8]>()(gelu(relu(exp(sqrt(square(cos(t('B', 8))))))))
is<['B', 8], 'i32'>()(abs(neg(i('B', 8))))
is<['B', 8]>()(clip(t('B', 8), -1, 1))
is<['B', 8]>()(clip(t('B', 8), t(), 1))
is<['B', 8]>()(stopGradient(t('B', 8)))
is<['B', 8], 'i32'>()(cast(t('B', 8), 'i32'))
is<['B', 8], 'bool'>()(less(t('B', 8), 0))
is<['B', 8], 'bool'>()(equal(b('B', 8), b(8)))
is<['B', 8], 'bool'>()(logicalAnd(b('B', 1), logicalNot(b(8))))
is<['B', 8], 'u32'>()(bitwiseAnd(rightShift(u('B', 8), 16), 255))
is<['B', 8]>()(where(greater(t('B', 8), 0), t('B', 8), 0))
is<['B', 8]>()(where(b('B', 1), t(8), t('B', 8)))
is<['B', 8]>()(where(b('B', 8), 1, 0))
is<['B', 8]>()(div(t('B', 8), sum(t('B', 8), -1, { keepdims: true })))

// contraction
is<['B', 8, 64]>()(matmul(t('B', 8, 32), t(32, 64)))
is<['B', 8, 64]>()(matmul(t('B', 8, 'D'), t('B', 'D', 64)))
is<[5, 4, 2, 3]>()(matmul(t(5, 1, 2, 7), t(4, 7, 3)))
is<['B', 16, 32]>()(einsum('bqd,bkd->bqk', t('B', 16, 64), t('B', 32, 64)))
is<['B', 'Q', 'K']>()(einsum('b q d, b k d -> b q k', t('B', 'Q', 64), t('B', 'K', 64)))
is<['B', 'T', 12, 64]>()(einsum('batch seq dm, dm head hd -> batch seq head hd', t('B', 'T', 768), t(768, 12, 64)))
is<[]>()(einsum('i,i->', t('N'), t('N')))
is<['M', 'N']>()(einsum('i, j -> i j', t('M'), t('N')))
is<['B', 8, 9]>()(
  dotGeneral(t('B', 8, 3), t('B', 3, 9), { lhsContract: [2], rhsContract: [1], lhsBatch: [0], rhsBatch: [0] }),
)

// convolution
is<['B', 16, 16, 16]>()(conv(t('B', 32, 32, 3), t(3, 3, 3, 16), { stride: 2, padding: 'same' }))
is<['B', 30, 30, 16]>()(conv(t('B', 32, 32, 3), t(3, 3, 3, 16)))
is<['B', 32, 31, 16]>()(
  conv(t('B', 32, 32, 3), t(3, 2, 3, 16), {
    padding: [
      [1, 1],
      [0, 0],
    ],
  }),
)
is<['B', 14, 14, 768]>()(conv(t('B', 224, 224, 3), t(16, 16, 3, 768), { stride: 16 }))
is<['B', 7, 5, 4]>()(conv(t('B', 16, 16, 'C'), t(3, 3, 'C', 4), { stride: [2, 3] }))
is<['B', 28, 26, 16]>()(conv(t('B', 32, 32, 3), t(3, 3, 3, 16), { dilation: [2, 3] }))
is<['B', 'H', 'W', 16]>()(conv(t('B', 'H', 'W', 3), t(3, 3, 3, 16), { padding: 'same' }))
is<['B', 'H', 'W', 16]>()(conv(t('B', 'H', 'W', 3), t(1, 1, 3, 16)))
is<['B', 'T', 16]>()(conv(t('B', 'T', 3), t(3, 3, 16), { padding: [[2, 0]] }))
is<['B', number, 16]>()(conv(t('B', 'T', 3), t(3, 3, 16)))
is<['B', 30, 2]>()(conv(t('B', 32, 4), t(1, 4, 2), { padding: [[-1, -1]] }))
is<['B', 4, 8, 8, 5]>()(conv(t('B', 4, 8, 8, 2), t(3, 3, 3, 2, 5), { padding: 'same' }))
is<['B', 8, 8, 6]>()(conv(t('B', 8, 8, 6), t(3, 3, 1, 6), { padding: 'same', groups: 6 }))
is<['B', 8, 8, 12]>()(conv(t('B', 8, 8, 6), t(3, 3, 2, 12), { padding: 'same', groups: 3 }))
is<['B', 768, 14, 14]>()(
  conv(t('B', 3, 224, 224), t(768, 3, 16, 16), { stride: 16, dimensionNumbers: ['NCHW', 'OIHW', 'NCHW'] }),
)
is<['B', 14, 7, 768]>()(
  conv(t('B', 3, 224, 224), t(768, 3, 16, 16), { stride: [16, 32], dimensionNumbers: ['NCHW', 'OIHW', 'NHWC'] }),
)
is<['B', 32, 32, 16]>()(convTranspose(t('B', 16, 16, 8), t(2, 2, 8, 16), { stride: 2 }))
is<['B', 33, 33, 16]>()(convTranspose(t('B', 16, 16, 8), t(3, 3, 8, 16), { stride: 2 }))
is<['B', '2*H', 32, 16]>()(convTranspose(t('B', 'H', 16, 8), t(3, 3, 8, 16), { stride: 2, padding: 'same' }))
is<['B', 15, 16]>()(convTranspose(t('B', 8, 4), t(3, 4, 16), { stride: 2, padding: [[1, 1]] }))
is<['B', 6, 16, 16]>()(
  convTranspose(t('B', 8, 8, 8), t(8, 3, 4, 4), {
    stride: 2,
    padding: [
      [2, 2],
      [2, 2],
    ],
    groups: 2,
    dimensionNumbers: ['NCHW', 'OIHW', 'NCHW'],
    transposeKernel: true,
  }),
)
is<['B', 16, 16, 3]>()(maxPool(t('B', 32, 32, 3), 2))
is<['B', 16, 16, 3]>()(maxPool(t('B', 32, 32, 3), 3, { stride: 2, padding: 'same' }))
is<['B', 31, 16, 3]>()(maxPool(t('B', 32, 32, 3), [2, 2], { stride: [1, 2] }))
is<['B', 10, 3]>()(avgPool(t('B', 32, 3), 3))
is<['B', 'H', 'W', 3]>()(avgPool(t('B', 'H', 'W', 3), 3, { stride: 1, padding: 'same', countIncludePad: false }))

// views
is<['B', 8, 8, 64]>()(reshape(t('B', 8, 512), [-1, 8, 8, 64]))
is<['8*B', 512]>()(reshape(t('B', 8, 512), [-1, 512]))
is<['B*T', 512]>()(reshape(t('B', 'T', 512), [-1, 512]))
is<[150528]>()(reshape(t(3, 224, 224), [-1]))
is<[2, 6]>()(reshape(t(3, 4), [2, 6]))
is<['12*B']>()(flatten(t('B', 3, 4)))
is<['B', 64, 8]>()(transpose(t('B', 8, 64), [0, 2, 1]))
is<['B', 64, 8]>()(transpose(t('B', 8, 64), [0, -1, 1]))
is<[64, 8, 'B']>()(transpose(t('B', 8, 64)))
is<[4, 8, 64]>()(broadcastTo(t(8, 1), [4, 8, 64]))
is<['B', 1, 8]>()(expandDims(t('B', 8), 1))
is<['B', 8, 1]>()(expandDims(t('B', 8), -1))
is<[1, 'B', 8, 1]>()(expandDims(t('B', 8), [0, -1]))
is<['B', 8]>()(squeeze(t('B', 1, 8, 1), [1, -1]))
is<[3, 8]>()(squeeze(t(3, 1, 8, 1)))
is<['B', 1, 64]>()(slice(t('B', 8, 64), [0, 0, 0], [0 as NamedSize<'B'>, 1, 64]))
is<[2, 3]>()(slice(t(4, 5), [1, 0], [3, 5], [1, 2]))
is<[4, 'B', 10]>()(
  pad(t(3, 'B', 8), [
    [0, 1],
    [0, 0],
    [1, 1],
  ]),
)
is<['B', 24]>()(concat([t('B', 8), t('B', 16)], 1))
is<['T+S', 8]>()(concat([t('T', 8), t('S', 8)]))
is<['T+1', 8]>()(concat([t('T', 8), t(1, 8)]))
is<[2, 'B', 8]>()(stack([t('B', 8), t('B', 8)]))
is<['B', 8, 3]>()(stack([t('B', 8), t('B', 8), t('B', 8)], -1))
const [q, k, v] = split(t('B', 96), 3, -1)
is<['B', 32]>()(q)
is<['B', 32]>()(k)
is<['B', 32]>()(v)
const [head, tail] = split(t('B', 10), [4], 1)
is<['B', 4]>()(head)
is<['B', 6]>()(tail)
is<['B', 196, 768]>()(rearrange(t('B', 224, 224, 3), 'b (h p) (w q) c -> b (h w) (p q c)', { p: 16, q: 16 }))
is<['B', 8, 'T', 64]>()(rearrange(t('B', 'T', 512), 'b t (h d) -> b h t d', { h: 8 }))
is<['B', 'T', 512]>()(rearrange(t('B', 8, 'T', 64), 'b h t d -> b t (h d)'))
is<['B', 8]>()(rearrange(t('B', 1, 8), 'b 1 d -> b d'))
is<['B*T', 8]>()(rearrange(t('B', 'T', 8), 'b t d -> (b t) d'))

// reductions
is<['B', 64]>()(sum(t('B', 8, 64), 1))
is<['B', 1, 64]>()(sum(t('B', 8, 64), 1, { keepdims: true }))
is<['B', 8, 1]>()(mean(t('B', 8, 64), -1, { keepdims: true }))
is<[8]>()(mean(t('B', 8, 64), [0, -1]))
is<[]>()(sum(t('B', 8)))
is<[1, 1]>()(variance(t('B', 8), undefined, { keepdims: true }))
is<['B'], 'i32'>()(max(i('B', 8), 1))
is<['B'], 'i32'>()(argmax(t('B', 8), -1))
is<[], 'i32'>()(argmax(t('B', 8)))
is<['B']>()(logSumExp(t('B', 8), -1))
is<['B', 8]>()(softmax(t('B', 8)))
is<['B', 8]>()(logSoftmax(t('B', 8), 0))
is<['B', 8]>()(cumsum(t('B', 8)))
is<['B', 8], 'i32'>()(cummax(i('B', 8), -1, { reverse: true }))
is<['B', 8]>()(cumLogSumExp(t('B', 8), 1))

// creation and lookup
is<[2, 3]>()(zeros([2, 3]))
is<[2, 3], 'i32'>()(ones([2, 3], 'i32'))
is<['B', 3]>()(full([0 as NamedSize<'B'>, 3], 0.5))
is<[5], 'i32'>()(arange(5))
is<[5]>()(arange(5, 'f32'))
is<[2, 3], 'i32'>()(iota([2, 3], 1))
is<[4, 4]>()(eye(4))
is<[4, 6], 'bool'>()(tri(4, 6))
is<['B', 8]>()(zerosLike(t('B', 8)))
is<['B', 'T', 64]>()(take(t('V', 64), i('B', 'T')))
is<['B']>()(take(t('V'), i('B')))
is<['V', 'B', 'T']>()(take(t('V', 64), i('B', 'T'), 1, { mode: 'clip' }))
is<['V', 'B', 3]>()(take(t('V', 64, 3), i('B'), -2))
is<['B', 3]>()(takeAlongAxis(t('B', 8), i('B', 3)))
is<[3, 8]>()(takeAlongAxis(t('B', 8), i(3, 8), 0))
is<[5, 8]>()(segmentSum(t('B', 'T', 8), i('B', 'T'), 5))
is<[5], 'i32'>()(segmentMax(i('B'), i('B'), 5))
is<[5], 'i32'>()(bincount(i('B'), 5))
is<[5]>()(bincount(i('B'), 5, t('B')))
is<[4], 'i32'>()(nonzero(t('B', 8), { size: 4 })[1])
is<[2, 8]>()(at(t(4, 8), i(2)).get())
is<['B', 3]>()(at(t('B', 8), [':', i(3)]).get({ mode: 'fill' }))
is<['B']>()(at(t('B', 8), [null, -1]).get())
is<[8]>()(at(t(4, 8), 2).get())
is<[2, 3]>()(at(t(4, 8, 5), [i(2, 1), i(3), 0]).get())
is<[2, 8]>()(at(t(4, 8, 5), [i(2), ':', i(2)]).get())
is<[7, 2]>()(at(t(7, 8, 5), [':', 1, i(2)]).get())
is<[2, 7]>()(at(t(4, 7, 5), [1, ':', i(2)]).get())
is<[2, 'B']>()(at(t(4, 'B'), { start: 1, limit: 4, step: 2 }).get())
is<[3, 2, 2]>()(at(t(5, 4, 6), [{ start: 2 }, i(2, 2), 0]).get())
is<['B', 8], 'i32'>()(at(i('B', 8), [i(3), i(3)]).add(1))
is<['B', 8]>()(at(t('B', 8), i(3)).set(t(8)))
is<['B', 8]>()(at(t('B', 8), [':', { limit: 3 }]).max(t('B', 1)))
is<['B', 'T', 10]>()(oneHot(i('B', 'T'), 10))
is<[2, 3]>()(dynamicSlice(t(4, 8), [i(), 1], [2, 3]))
is<['B', 8]>()(dynamicUpdateSlice(t('B', 8), t(1, 3), [i(), 1]))
is<['B', 1, 8]>()(dynamicIndexInDim(t('B', 'T', 8), i(), 1))
is<['B', 8]>()(dynamicIndexInDim(t('B', 'T', 8), i(), -2, false))
is<['B', 'T', 8]>()(dynamicUpdateIndexInDim(t('B', 'T', 8), t('B', 8), i(), 1))

// order
is<['B', 8]>()(sort(t('B', 8)))
is<['B', 8]>()(sort([i('B', 8), t('B', 8)], 0)[1])
is<['B', 8], 'i32'>()(argsort(t('B', 8), -1, { descending: true }))
is<['B', 3]>()(topK(t('B', 8), 3).values)
is<[3, 8], 'i32'>()(topK(t('B', 8), 3, 0).indices)
is<['B', 'T'], 'i32'>()(searchsorted(t(8), t('B', 'T'), { side: 'right' }))

// unknown dims and ranks
declare const n: number
declare const dyn: Tensor<Shape, 'f32'>
declare const partly: F<[number, 512]>
is<[number, 64]>()(matmul(partly, t(512, 64)))
is<Shape>()(matmul(dyn, t(512, 64)))
is<Shape>()(conv(dyn, t(3, 3, 3, 16)))
is<['B', number, 16]>()(conv(t('B', 8, 3), t(3, 3, 16), { stride: n }))
is<['B', 8, 3]>()(maxPool(t('B', 8, 3), n, { stride: 1, padding: 'same' }))
is<[number, 8, 64]>()(reshape(partly, [-1, 8, 64]))
is<[number, 8, 64]>()(reshape(partly, [n, 8, 64]))
is<['B', 512]>()(add(partly, t('B', 512)))
is<['B', 512]>()(ensureShape(dyn, ['B', 512]))
is<[number]>()(sum(t(2, 3), n))
is<[number, 16, 16]>()(einsum('bqd,bkd->bqk', ensureShape(dyn, [n, 16, 4]), ensureShape(dyn, [n, 16, 4])))
declare const spec: string
is<Shape>()(einsum(spec, t(2, 3)))
declare const many: F<['B', 8]>[]
is<['B', number]>()(concat(many, 1))
is<[number, 'B', 8]>()(stack(many))

// assignment
export const anyBatch: F<[Dim, 512]> = t('B', 512)
export const anyShape: Tensor = t('B', 512)
export const numBatch: F<[number, 512]> = t(8, 512)
// @ts-expect-error B is not T
export const wrong: F<['T', 512]> = t('B', 512)

// fovea/nn
is<['B', 'T', 512]>()(rmsNorm(t('B', 'T', 512), t(512), 1e-6))
is<['B', 'T']>()(crossEntropy(t('B', 'T', 10), i('B', 'T')))

// functions over named dims
const layerNorm = poly((x: F<['b', 't', 'd']>, g: F<['d']>, c: F<['d']>): F<['b', 't', 'd']> => {
  const centred = sub(x, mean(x, -1, { keepdims: true }))
  return add(mul(div(centred, sqrt(add(variance(x, -1, { keepdims: true }), 1e-5))), g), c)
})
interface Attention {
  q: F<['d', 'h', 'k']>
  k: F<['d', 'h', 'k']>
  v: F<['d', 'h', 'k']>
  out: F<['h', 'k', 'd']>
}
const attention = poly((x: F<['b', 't', 'd']>, p: Attention): F<['b', 't', 'd']> => {
  const q = einsum('b t d, d h k -> b h t k', x, p.q)
  const k = einsum('b t d, d h k -> b h t k', x, p.k)
  const v = einsum('b t d, d h k -> b h t k', x, p.v)
  const weights = softmax(mul(einsum('b h q k, b h s k -> b h q s', q, k), 0.125))
  return einsum('b h t k, h k d -> b t d', einsum('b h q s, b h s k -> b h q k', weights, v), p.out)
})
const linear = poly((x: F<['...s', 'i']>, w: F<['i', 'o']>, c: F<['o']>): F<['...s', 'o']> => add(matmul(x, w), c))
const rows = poly((x: F<['b', 't', 'd']>): F<['b*t', 'd']> => rearrange(x, 'b t d -> (b t) d'))
const halves = poly((x: F<['b', 'd']>): { left: F<['b', 'd']>; rest: F<['b', 'd']>[] } => ({ left: x, rest: [x] }))
declare const weights: { q: F<[512, 8, 64]>; k: F<[512, 8, 64]>; v: F<[512, 8, 64]>; out: F<[8, 64, 512]> }
is<['B', 'T', 512]>()(layerNorm(t('B', 'T', 512), t(512), t(512)))
is<['B', 'T', 512]>()(attention(t('B', 'T', 512), weights))
is<['B', 'T', 10]>()(linear(t('B', 'T', 512), t(512, 10), t(10)))
is<[7, 10]>()(linear(t(7, 512), t(512, 10), t(10)))
is<[12, 512]>()(rows(t(3, 4, 512)))
is<['B', 512]>()(halves(t('B', 512)).left)
is<[number, 4, 512]>()(layerNorm(ensureShape(dyn, [n, 4, 512]), t(512), t(512)))
const affine = poly(
  (x: F<['b', 'i']>, p: { w: F<['i', 'o']>; c?: F<['o']> }, scale?: F<['o']>): F<['b', 'o']> =>
    mul(p.c ? add(matmul(x, p.w), p.c) : matmul(x, p.w), scale ?? 1),
)
is<['B', 3]>()(affine(t('B', 2), { w: t(2, 3) }))
is<['B', 3]>()(affine(t('B', 2), { w: t(2, 3), c: t(3) }, t(3)))
const doubled = poly((x: F<['...s']>): F<['...s']> => mul(x, 2))
is<['B', 3]>()(doubled(t('B', 3)))

// attention
is<['B', 'T', 6, 64]>()(attend(t('B', 'T', 6, 64), t('B', 'S', 2, 64), t('B', 'S', 2, 64), { bias: t(6, 'T', 'S') }))
is<['T', 6, 64]>()(attend(t('T', 6, 64), t(9, 6, 64), t(9, 6, 64), { isCausal: true }))
// arrangement
is<[4, 3, 'B']>()(lang.swapaxes(t('B', 3, 4), 0, -1))
is<[3, 'T', 'B']>()(lang.moveaxis(t('B', 3, 'T'), [0, 1], [-1, 0]))
is<['B', 6]>()(lang.tile(t('B', 3), 2))
is<[2, 'B', 3]>()(lang.tile(t('B', 3), [2, 1, 1]))
is<['2*B', 3]>()(lang.repeat(t('B', 3), 2, 0))
is<['6*B']>()(lang.repeat(t('B', 3), 2))
is<['B', 6]>()(lang.repeat(t('B', 3), 'h w -> h (w 2)'))
is<['B', 4, 3]>()(lang.repeat(t('B', 3), 'h w -> h k w', { k: 4 }))
is<['B', 2, 2, 3]>()(lang.reduce(t('B', 4, 4, 3), 'b (h 2) (w 2) c -> b h w c', 'max'))
is<[1, 3]>()(lang.atLeast2d(t(3)))
is<[2, 7]>()(lang.hstack([t(2, 3), t(2, 4)]))
is<[3, 4]>()(lang.vstack([t(4), t(2, 4)]))
is<['B', 3]>()(lang.broadcastArrays([t('B', 1), t(3)])[0])
is<['B', 3]>()(
  pad(
    t('B', 5),
    [
      [0, 0],
      [1, -3],
    ],
    'edge',
  ),
)
is<[4, 4]>()(lang.diag(t(3), -1))
is<[2]>()(lang.diag(t(2, 3)))
is<[1]>()(lang.diag(t(2, 3), -1))
is<['B', 2]>()(lang.diagonal(t(2, 'B', 3), 0, 0, 2))
is<['B']>()(lang.trace(t(2, 'B', 3), 0, 0, 2))
is<['B', 6]>()(lang.outer(t('B'), t(2, 3)))
is<['B', 5]>()(lang.inner(t('B', 8), t(5, 8)))
is<['B', 5]>()(lang.dot(t('B', 8), t(8, 5)))
is<['B', 5]>()(
  lang.tensordot(t('B', 3, 4), t(4, 3, 5), [
    [1, 2],
    [1, 0],
  ]),
)
is<['B', 5]>()(lang.tensordot(t('B', 3, 4), t(3, 4, 5)))
is<[6, 20]>()(lang.kron(t(2, 4), t(3, 5)))
is<[3, 'B']>()(lang.meshgrid([t('B'), t(3)])[0])
is<[5]>()(lang.linspace(0, 1, 5))

// sizes of named dims carry their names
declare const batch: NamedSize<'B'>
is<['B', 8, 4]>()(reshape(t('B', 32), [batch, 8, 4]))
is<['B', 1]>()(slice(t('B', 32), [0, 0], [batch, 1]))
is<['B', 8, 'H']>()(rearrange(t(8, 'B*H'), 'd (b h) -> b d h', { b: batch }))

// `any` and tensors of no known shape fit everywhere
declare const anything: any
declare const plain: Tensor
export const fits: F<[1, 2, 3]>[] = [
  add(anything, t(3)),
  add(t(3), anything),
  matmul(anything as Tensor<any, any>, t(3, 4)),
]
export const some: Tensor[] = [add(plain, plain), exp(plain), matmul(plain, plain), where(anything, plain, 0)]

// elementwise code over any shape may be generic
export const half = <S extends Shape>(x: Tensor<S, 'f32'>): Tensor<S, 'f32'> => add(mul(x, 0.5), gelu(x))

// gradients have the type of the parameters
type Params = { w: F<['D']>; steps: Tensor<[], 'i32'>; blocks: readonly { g: F<[3]> }[]; name: string }
yes<Eq<Grads<{ w: F<['D']> }>, { w: F<['D']> }>>()
yes<Eq<Grads<Params>['w'], F<['D']>>>()
yes<Eq<Grads<Params>['steps'], null>>()
yes<Eq<Grads<Params>['blocks'], readonly { g: F<[3]> }[]>>()
yes<Eq<Batched<{ x: F<[3]> }, 'N'>, { x: F<['N', 3]> }>>()
yes<Eq<Unbatched<[F<['N', 3]>]>, [F<[3]>]>>()
yes<Eq<LeadingDim<{ x: F<['N', 3]>; y: F<['N']> }>, 'N'>>()

// mapped axes: where the arguments' and results' dims go
yes<Eq<Batched<{ x: F<[3, 4]>; y: F<[3]> }, 'N', { x: 1; y: null }>, { x: F<[3, 'N', 4]>; y: F<[3]> }>>()
yes<Eq<Batched<F<[3, 4]>, 'N', -2>, F<[3, 'N', 4]>>>()
const rowSums = (r: F<[4]>, c: F<[]>): F<[]> => add(sum(r), c)
is<[8]>()(vmap(rowSums)(t(8, 4), t(8)))
is<['B']>()(vmap(rowSums, [1, null])(t(4, 'B'), t()))
const outer = (a: F<[4]>, v: F<[3]>): F<[4, 3]> => mul(expandDims(a, 1), expandDims(v, 0))
is<[4, 7, 3]>()(vmap(outer, [0, -1], 1)(t(7, 4), t(3, 7)))
is<[4, 3, 7]>()(vmap(outer, [0, -1], -1)(t(7, 4), t(3, 7)))
const shapes = evalShape((a: F<[2, 4]>, w: F<[4, 3]>): F<[2, 3]> => matmul(a, w), t(2, 4), {
  shape: [4, 3],
  dtype: 'f32',
})
yes<Eq<(typeof shapes)['shape'], [2, 3]>>()

// control flow: the carry keeps its type, stacked results have the leading dim of xs
const [sumOf, sums] = scan((c, x) => [add(c, x), mul(x, 2)], t(8), t(5, 8))
is<[8]>()(sumOf)
is<[5, 8]>()(sums)
const [state, seen] = scan(
  ({ h, n }, x) => {
    const next = tanh(add(h, x.a))
    return [
      { h: next, n: add(n, 1) },
      { out: sum(next), id: x.id },
    ]
  },
  { h: t(8), n: i() },
  { a: t('T', 8), id: i('T') },
)
is<[8]>()(state.h)
is<[], 'i32'>()(state.n)
is<['T']>()(seen.out)
is<['T'], 'i32'>()(seen.id)
const [, repeated] = scan((c) => [mul(c, 2), c], t(8), null, { length: 4 })
is<[4, 8]>()(repeated)
const [dynamic] = scan((c, x: F<[number]>) => [add(c, x), null], t(8), dyn as F<[3, number]>)
is<[8]>()(dynamic)
is<[5]>()(map((x) => sum(x), t(5, 8)))
is<['T', 8]>()(map((x) => add(x.a, x.c), { a: t('T', 8), c: t('T') }))
is<['B', 8]>()(
  cond(
    greater(sum(t(3)), 0),
    (x) => exp(x),
    (x) => mul(x, 2),
    t('B', 8),
  ),
)
is<[8]>()(switchCase(i(), [(x) => exp(x), (x) => tanh(x), (x) => x], t(8)))
is<[8]>()(
  whileLoop(
    (x) => greater(sum(x), 3),
    (x) => mul(x, 0.5),
    t(8),
  ),
)
is<[8]>()(foriLoop(0, 10, (_i, x) => mul(x, 2), t(8)))
is<[8]>()(foriLoop(i(), 10, (_i, x) => mul(x, 2), t(8)))
is<['T', 4]>()(associativeScan((a, c) => add(a, c), t('T', 4)))
is<['B', 8]>()(remat((x: F<['B', 8]>) => exp(x), { policy: 'dotsSaveable' })(checkpointName(t('B', 8), 'x')))
const rnn = (h: F<[8]>, x: F<[4]>): [F<[8]>, F<[]>] => [tanh(add(h, sum(x))), sum(h)]
const [lastState, norms] = scan(rnn, t(8), t('T', 4))
is<[8]>()(lastState)
is<['T']>()(norms)
is<['T', 4]>()(associativeScan((a: F<[number, 4]>, c: F<[number, 4]>) => add(a, c), t('T', 4)))

// Methods are the functions.
is<['B', 8]>()(t('B', 8).add(t(8)).mul(0.5).sub(1).div(t('B', 1)).pow(2).neg())
is<['B', 4]>()(t('B', 8).matmul(t(8, 4)))
is<[4, 2, 1]>()(t(2, 4).transpose().expandDims(-1))
is<[8, 1]>()(t(2, 4).flatten().reshape([-1, 1]))
is<[8]>()(t(1, 8).squeeze(0))
is<[3, 8]>()(t(8).broadcastTo([3, 8]))
is<[1, 8]>()(t(2, 8).slice([0, 0], [1, 8]))
is<[8]>()(t(2, 8).at(1).get())
is<[2, 8]>()(t(2, 8).at(1).set(0))
export const whole: 'i32' = t(2).cast('i32').dtype
is<['B']>()(median(t('B', 8), -1))
is<['B', 1]>()(quantile(t('B', 8), 0.9, 1, { keepdims: true }))
is<[]>()(percentile(t('B', 8), 90))
