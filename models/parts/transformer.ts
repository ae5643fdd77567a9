import {
  add,
  einsum,
  gelu,
  mul,
  namedScope,
  poly,
  quickGelu,
  rearrange,
  softmax,
  type Tensor,
  where,
} from '../../index.js'
import { layerNorm, linear } from '../../stdlib/nn/index.js'

/** A pre-norm transformer layer, shared by CLIP's towers; names and layouts are Hugging Face's CLIPEncoderLayer. */
type F<S> = Tensor<S, 'f32'>

export interface Linear<In extends string = 'd', Out extends string = 'd'> {
  readonly weight: F<[Out, In]>
  readonly bias: F<[Out]>
}
export interface LayerNorm {
  readonly weight: F<['d']>
  readonly bias: F<['d']>
}
export interface EncoderLayer {
  readonly self_attn: {
    readonly k_proj: Linear
    readonly v_proj: Linear
    readonly q_proj: Linear
    readonly out_proj: Linear
  }
  readonly layer_norm1: LayerNorm
  readonly mlp: { readonly fc1: Linear<'d', 'f'>; readonly fc2: Linear<'f', 'd'> }
  readonly layer_norm2: LayerNorm
}
export interface EncoderConfig {
  readonly num_attention_heads: number
  readonly hidden_act: 'quick_gelu' | 'gelu'
  readonly layer_norm_eps: number
}
/** Which keys each query may attend to; broadcasts over heads. */
export type Mask = Tensor<['b', 1, 't', 't'], 'bool'>

/** Softmax(q·kᵀ / √k)·v in `heads` heads. Source: Vaswani et al. 2017, section 3.2. */
const attention = poly(
  (x: F<['b', 't', 'd']>, p: EncoderLayer['self_attn'], heads: number, mask: Mask | null): F<['b', 't', 'd']> => {
    const [q, k, v] = [p.q_proj, p.k_proj, p.v_proj].map((w) =>
      rearrange(linear(x, w), 'b t (h k) -> b h t k', { h: heads }),
    )
    const scores = mul(einsum('b h t k, b h s k -> b h t s', q, k), (x.shape[2] / heads) ** -0.5) as F<any>
    const weights = softmax(mask ? where(mask as Tensor<any, 'bool'>, scores, -3.4e38) : scores, -1)
    const mixed = rearrange(
      einsum('b h t s, b h s k -> b h t k', weights as F<any>, v as F<any>) as F<any>,
      'b h t k -> b t (h k)',
    )
    return linear(mixed as F<['b', 't', 'd']>, p.out_proj)
  },
)

/** x + attention(norm(x)), then x + mlp(norm(x)). */
export const encoderLayer = poly(
  (x: F<['b', 't', 'd']>, p: EncoderLayer, config: EncoderConfig, mask: Mask | null): F<['b', 't', 'd']> => {
    const eps = config.layer_norm_eps
    const y = add(
      x,
      namedScope('attention', () =>
        attention(layerNorm(x, p.layer_norm1, eps), p.self_attn, config.num_attention_heads, mask),
      ),
    )
    const act = config.hidden_act === 'gelu' ? gelu : quickGelu
    return add(
      y,
      namedScope('mlp', () => linear(act(linear(layerNorm(y, p.layer_norm2, eps), p.mlp.fc1)), p.mlp.fc2)),
    )
  },
)

/** All layers in order. `hidden` collects the input of the first layer and each layer's output. */
export function encoder(
  x: F<['b', 't', 'd']>,
  layers: readonly EncoderLayer[],
  config: EncoderConfig,
  mask: Mask | null,
  hidden?: F<['b', 't', 'd']>[],
): F<['b', 't', 'd']> {
  hidden?.push(x)
  return layers.reduce((h, p, i) => {
    const y = namedScope(`layer${i}`, () => encoderLayer(h, p, config, mask))
    hidden?.push(y)
    return y
  }, x)
}
