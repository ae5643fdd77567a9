import { ensureShape, matmul, rearrange, reshape, type Tensor, transpose } from '../../index.js'

type F<S> = Tensor<S, 'f32'>

/** A patch is a linear map of its pixels: [b, c, s, s] → [b, patches, d]. Source: Dosovitskiy et al. 2020. */
export function patches(
  pixels: F<['b', 'c', 's', 's']>,
  weight: F<['d', 'c', 'p', 'p']>,
  size: number,
): F<['b', 't', 'd']> {
  const flat = rearrange(pixels, 'b c (h p) (w q) -> b (h w) (c p q)', { p: size, q: size })
  return ensureShape(matmul(flat, transpose(reshape(weight, [weight.shape[0], -1]))), ['b', 't', 'd'])
}
