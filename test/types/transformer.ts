// Compiled with the project: a 12-layer transformer, once over named dims and once unrolled on literal sizes, so that what the
// types cost shows in `tsc --extendedDiagnostics`.
import {
  add,
  div,
  einsum,
  gelu,
  matmul,
  mean,
  mul,
  poly,
  rearrange,
  reshape,
  softmax,
  split,
  sqrt,
  sub,
  take,
  transpose,
  tri,
  variance,
  where,
} from '../../compiler/lang/index.js'
import type { Tensor } from '../../compiler/trace/tensor.js'
import type { F } from './shapes.js'

interface Norm {
  scale: F<['d']>
  bias: F<['d']>
}
interface Block {
  norm1: Norm
  q: F<['d', 'h', 'k']>
  k: F<['d', 'h', 'k']>
  v: F<['d', 'h', 'k']>
  out: F<['h', 'k', 'd']>
  norm2: Norm
  up: F<['d', 'f']>
  upBias: F<['f']>
  down: F<['f', 'd']>
  downBias: F<['d']>
}

const layerNorm = poly((x: F<['b', 't', 'd']>, p: Norm): F<['b', 't', 'd']> => {
  const centred = sub(x, mean(x, -1, { keepdims: true }))
  return add(mul(div(centred, sqrt(add(variance(x, -1, { keepdims: true }), 1e-5))), p.scale), p.bias)
})

const block = poly((x: F<['b', 't', 'd']>, p: Block, mask: Tensor<['t', 't'], 'bool'>): F<['b', 't', 'd']> => {
  const y = layerNorm(x, p.norm1)
  const q = einsum('b t d, d h k -> b h t k', y, p.q)
  const k = einsum('b s d, d h k -> b h s k', y, p.k)
  const v = einsum('b s d, d h k -> b h s k', y, p.v)
  const scores = mul(einsum('b h t k, b h s k -> b h t s', q, k), 0.125)
  const mixed = einsum('b h t s, b h s k -> b h t k', softmax(where(mask, scores, -1e9)), v)
  const z = add(x, einsum('b h t k, h k d -> b t d', mixed, p.out))
  return add(z, add(matmul(gelu(add(matmul(layerNorm(z, p.norm2), p.up), p.upBias)), p.down), p.downBias))
})

interface Model {
  token: F<['V', 'd']>
  blocks: readonly Block[]
  norm: Norm
}
export const logits = poly(
  (ids: Tensor<['b', 't'], 'i32'>, p: Model, mask: Tensor<['t', 't'], 'bool'>): F<['b', 't', 'V']> => {
    let x = take(p.token, ids)
    for (const layer of p.blocks) x = block(x, layer, mask)
    return einsum('b t d, V d -> b t V', layerNorm(x, p.norm), p.token)
  },
)

type X = F<[4, 197, 768]>
interface Layer {
  qkv: F<[768, 2304]>
  out: F<[768, 768]>
  up: F<[768, 3072]>
  down: F<[3072, 768]>
  scale: F<[768]>
}
/** One layer with every shape a number: nothing is shared between its twelve copies below but TypeScript's own caches. */
export const unrolled = (x0: X, p: readonly Layer[]): X => {
  const n0 = mul(div(sub(x0, mean(x0, -1, { keepdims: true })), sqrt(variance(x0, -1, { keepdims: true }))), p[0].scale)
  const [q0, k0, v0] = split(rearrange(matmul(n0, p[0].qkv), 'b t (h k) -> b h t k', { h: 36 }), 3, 1)
  const scores0 = where(tri(197, 197), mul(einsum('b h t k, b h s k -> b h t s', q0, k0), 0.125), -1e9)
  const mixed0 = transpose(matmul(softmax(scores0), v0), [0, 2, 1, 3])
  const y0 = add(x0, matmul(reshape(mixed0, [4, 197, 768]), p[0].out))
  const x1 = add(y0, matmul(gelu(matmul(y0, p[0].up)), p[0].down))
  const n1 = mul(div(sub(x1, mean(x1, -1, { keepdims: true })), sqrt(variance(x1, -1, { keepdims: true }))), p[1].scale)
  const [q1, k1, v1] = split(rearrange(matmul(n1, p[1].qkv), 'b t (h k) -> b h t k', { h: 36 }), 3, 1)
  const scores1 = where(tri(197, 197), mul(einsum('b h t k, b h s k -> b h t s', q1, k1), 0.125), -1e9)
  const mixed1 = transpose(matmul(softmax(scores1), v1), [0, 2, 1, 3])
  const y1 = add(x1, matmul(reshape(mixed1, [4, 197, 768]), p[1].out))
  const x2 = add(y1, matmul(gelu(matmul(y1, p[1].up)), p[1].down))
  const n2 = mul(div(sub(x2, mean(x2, -1, { keepdims: true })), sqrt(variance(x2, -1, { keepdims: true }))), p[2].scale)
  const [q2, k2, v2] = split(rearrange(matmul(n2, p[2].qkv), 'b t (h k) -> b h t k', { h: 36 }), 3, 1)
  const scores2 = where(tri(197, 197), mul(einsum('b h t k, b h s k -> b h t s', q2, k2), 0.125), -1e9)
  const mixed2 = transpose(matmul(softmax(scores2), v2), [0, 2, 1, 3])
  const y2 = add(x2, matmul(reshape(mixed2, [4, 197, 768]), p[2].out))
  const x3 = add(y2, matmul(gelu(matmul(y2, p[2].up)), p[2].down))
  const n3 = mul(div(sub(x3, mean(x3, -1, { keepdims: true })), sqrt(variance(x3, -1, { keepdims: true }))), p[3].scale)
  const [q3, k3, v3] = split(rearrange(matmul(n3, p[3].qkv), 'b t (h k) -> b h t k', { h: 36 }), 3, 1)
  const scores3 = where(tri(197, 197), mul(einsum('b h t k, b h s k -> b h t s', q3, k3), 0.125), -1e9)
  const mixed3 = transpose(matmul(softmax(scores3), v3), [0, 2, 1, 3])
  const y3 = add(x3, matmul(reshape(mixed3, [4, 197, 768]), p[3].out))
  const x4 = add(y3, matmul(gelu(matmul(y3, p[3].up)), p[3].down))
  const n4 = mul(div(sub(x4, mean(x4, -1, { keepdims: true })), sqrt(variance(x4, -1, { keepdims: true }))), p[4].scale)
  const [q4, k4, v4] = split(rearrange(matmul(n4, p[4].qkv), 'b t (h k) -> b h t k', { h: 36 }), 3, 1)
  const scores4 = where(tri(197, 197), mul(einsum('b h t k, b h s k -> b h t s', q4, k4), 0.125), -1e9)
  const mixed4 = transpose(matmul(softmax(scores4), v4), [0, 2, 1, 3])
  const y4 = add(x4, matmul(reshape(mixed4, [4, 197, 768]), p[4].out))
  const x5 = add(y4, matmul(gelu(matmul(y4, p[4].up)), p[4].down))
  const n5 = mul(div(sub(x5, mean(x5, -1, { keepdims: true })), sqrt(variance(x5, -1, { keepdims: true }))), p[5].scale)
  const [q5, k5, v5] = split(rearrange(matmul(n5, p[5].qkv), 'b t (h k) -> b h t k', { h: 36 }), 3, 1)
  const scores5 = where(tri(197, 197), mul(einsum('b h t k, b h s k -> b h t s', q5, k5), 0.125), -1e9)
  const mixed5 = transpose(matmul(softmax(scores5), v5), [0, 2, 1, 3])
  const y5 = add(x5, matmul(reshape(mixed5, [4, 197, 768]), p[5].out))
  const x6 = add(y5, matmul(gelu(matmul(y5, p[5].up)), p[5].down))
  const n6 = mul(div(sub(x6, mean(x6, -1, { keepdims: true })), sqrt(variance(x6, -1, { keepdims: true }))), p[6].scale)
  const [q6, k6, v6] = split(rearrange(matmul(n6, p[6].qkv), 'b t (h k) -> b h t k', { h: 36 }), 3, 1)
  const scores6 = where(tri(197, 197), mul(einsum('b h t k, b h s k -> b h t s', q6, k6), 0.125), -1e9)
  const mixed6 = transpose(matmul(softmax(scores6), v6), [0, 2, 1, 3])
  const y6 = add(x6, matmul(reshape(mixed6, [4, 197, 768]), p[6].out))
  const x7 = add(y6, matmul(gelu(matmul(y6, p[6].up)), p[6].down))
  const n7 = mul(div(sub(x7, mean(x7, -1, { keepdims: true })), sqrt(variance(x7, -1, { keepdims: true }))), p[7].scale)
  const [q7, k7, v7] = split(rearrange(matmul(n7, p[7].qkv), 'b t (h k) -> b h t k', { h: 36 }), 3, 1)
  const scores7 = where(tri(197, 197), mul(einsum('b h t k, b h s k -> b h t s', q7, k7), 0.125), -1e9)
  const mixed7 = transpose(matmul(softmax(scores7), v7), [0, 2, 1, 3])
  const y7 = add(x7, matmul(reshape(mixed7, [4, 197, 768]), p[7].out))
  const x8 = add(y7, matmul(gelu(matmul(y7, p[7].up)), p[7].down))
  const n8 = mul(div(sub(x8, mean(x8, -1, { keepdims: true })), sqrt(variance(x8, -1, { keepdims: true }))), p[8].scale)
  const [q8, k8, v8] = split(rearrange(matmul(n8, p[8].qkv), 'b t (h k) -> b h t k', { h: 36 }), 3, 1)
  const scores8 = where(tri(197, 197), mul(einsum('b h t k, b h s k -> b h t s', q8, k8), 0.125), -1e9)
  const mixed8 = transpose(matmul(softmax(scores8), v8), [0, 2, 1, 3])
  const y8 = add(x8, matmul(reshape(mixed8, [4, 197, 768]), p[8].out))
  const x9 = add(y8, matmul(gelu(matmul(y8, p[8].up)), p[8].down))
  const n9 = mul(div(sub(x9, mean(x9, -1, { keepdims: true })), sqrt(variance(x9, -1, { keepdims: true }))), p[9].scale)
  const [q9, k9, v9] = split(rearrange(matmul(n9, p[9].qkv), 'b t (h k) -> b h t k', { h: 36 }), 3, 1)
  const scores9 = where(tri(197, 197), mul(einsum('b h t k, b h s k -> b h t s', q9, k9), 0.125), -1e9)
  const mixed9 = transpose(matmul(softmax(scores9), v9), [0, 2, 1, 3])
  const y9 = add(x9, matmul(reshape(mixed9, [4, 197, 768]), p[9].out))
  const x10 = add(y9, matmul(gelu(matmul(y9, p[9].up)), p[9].down))
  const n10 = mul(
    div(sub(x10, mean(x10, -1, { keepdims: true })), sqrt(variance(x10, -1, { keepdims: true }))),
    p[10].scale,
  )
  const [q10, k10, v10] = split(rearrange(matmul(n10, p[10].qkv), 'b t (h k) -> b h t k', { h: 36 }), 3, 1)
  const scores10 = where(tri(197, 197), mul(einsum('b h t k, b h s k -> b h t s', q10, k10), 0.125), -1e9)
  const mixed10 = transpose(matmul(softmax(scores10), v10), [0, 2, 1, 3])
  const y10 = add(x10, matmul(reshape(mixed10, [4, 197, 768]), p[10].out))
  const x11 = add(y10, matmul(gelu(matmul(y10, p[10].up)), p[10].down))
  const n11 = mul(
    div(sub(x11, mean(x11, -1, { keepdims: true })), sqrt(variance(x11, -1, { keepdims: true }))),
    p[11].scale,
  )
  const [q11, k11, v11] = split(rearrange(matmul(n11, p[11].qkv), 'b t (h k) -> b h t k', { h: 36 }), 3, 1)
  const scores11 = where(tri(197, 197), mul(einsum('b h t k, b h s k -> b h t s', q11, k11), 0.125), -1e9)
  const mixed11 = transpose(matmul(softmax(scores11), v11), [0, 2, 1, 3])
  const y11 = add(x11, matmul(reshape(mixed11, [4, 197, 768]), p[11].out))
  const x12 = add(y11, matmul(gelu(matmul(y11, p[11].up)), p[11].down))
  return x12
}
