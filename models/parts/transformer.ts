import {
  add,
  arange,
  attention,
  cast,
  ensureShape,
  equal,
  expandDims,
  gelu,
  logicalAnd,
  max,
  namedScope,
  poly,
  quickGelu,
  rearrange,
  reshape,
  squeeze,
  sum,
  type Tensor,
  where,
} from '../../index.js'
import { layerNorm, linear } from '../../stdlib/nn/index.js'
import type { Probe } from './probe.js'

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
/** Activations of an MLP, by Hugging Face's names. */
export const activations = {
  quick_gelu: quickGelu,
  gelu: (x: F<any>): F<any> => gelu(x),
  gelu_pytorch_tanh: (x: F<any>): F<any> => gelu(x, { approximate: true }),
} as const
export type Activation = keyof typeof activations

export interface EncoderConfig {
  readonly num_attention_heads: number
  readonly hidden_act: Activation
  readonly layer_norm_eps: number
}
/** Which keys each query may attend to, the same for all heads. */
export type Mask<Queries extends string = 't'> = Tensor<['b', 1, Queries, 't'], 'bool'>
type Hidden = F<['b', 't', 'd']>

/** Softmax(q·kᵀ / √k)·v in `heads` heads: queries of `x`, keys and values of `context`. Source: Vaswani et al. 2017, section 3.2. */
const multiHeadAttention = poly(
  (
    x: F<['b', 'q', 'd']>,
    context: Hidden,
    p: EncoderLayer['self_attn'],
    heads: number,
    mask: Mask<'q'> | null,
  ): F<['b', 'q', 'd']> => {
    const q = rearrange(linear(x, p.q_proj), 'b q (h k) -> b q h k', { h: heads })
    const k = rearrange(linear(context, p.k_proj), 'b t (h k) -> b t h k', { h: heads })
    const v = rearrange(linear(context, p.v_proj), 'b t (h k) -> b t h k', { h: heads })
    const mixed = rearrange(attention(q, k, v, mask ? { mask } : {}), 'b q h k -> b q (h k)')
    return linear(ensureShape(mixed, ['b', 'q', 'd']), p.out_proj)
  },
)

/** x + attention(norm(x)), then x + mlp(norm(x)), for the positions `x`, which attend to all of `context`. `probe` sees
 * `context` normalised, which they attend to. */
export const encoderLayer = poly(
  (
    x: F<['b', 'q', 'd']>,
    context: Hidden,
    p: EncoderLayer,
    config: EncoderConfig,
    mask: Mask<'q'> | null,
    probe?: Probe,
  ): F<['b', 'q', 'd']> => {
    const eps = config.layer_norm_eps
    const act = activations[config.hidden_act] as typeof quickGelu
    const [own, normed] = [layerNorm(x, p.layer_norm1, eps), layerNorm(context, p.layer_norm1, eps)]
    const all = probe ? (probe('layer_norm1', normed) as Hidden) : normed
    const y = add(
      x,
      namedScope('attention', () => multiHeadAttention(own, all, p.self_attn, config.num_attention_heads, mask)),
    )
    return add(
      y,
      namedScope('mlp', () => linear(act(linear(layerNorm(y, p.layer_norm2, eps), p.mlp.fc1)), p.mlp.fc2)),
    )
  },
)

/** All layers, at all positions: [b, t, d] → [b, t, d]. `probe` sees 'input' and each layer's output, 'layer0', …. */
export function encode(
  x: Hidden,
  layers: readonly EncoderLayer[],
  config: EncoderConfig,
  mask: Mask | null,
  probe?: Probe,
): Hidden {
  const see = (name: string, state: Hidden): Hidden => (probe ? (probe(name, state) as Hidden) : state)
  return layers.reduce(
    (state, p, i) => {
      const name = `layer${i}`
      return see(
        name,
        namedScope(name, () => encoderLayer(state, state, p, config, mask)),
      )
    },
    see('input', x),
  )
}

/**
 * All layers, read at one position per row: [b, t, d] → [b, d]. The last layer is computed for that position only; nothing
 * else of it is used. `probe` sees 'input' and each layer's output at all positions, 'layer0', …; the last one's for
 * looking only. 'layer_norm1' is what the last layer's one position attends to.
 */
export function encodeAt(
  x: Hidden,
  position: Tensor<['b'], 'i32'>,
  layers: readonly EncoderLayer[],
  config: EncoderConfig,
  mask: Mask | null,
  probe?: Probe,
): F<['b', 'd']> {
  const see = (name: string, state: Hidden): Hidden => (probe ? (probe(name, state) as Hidden) : state)
  let context = see('input', x)
  layers.slice(0, -1).forEach((p, i) => {
    const name = `layer${i}`
    context = see(
      name,
      namedScope(name, () => encoderLayer(context, context, p, config, mask)),
    )
  })
  const last = layers[layers.length - 1]
  probe?.(`layer${layers.length - 1}`, encoderLayer(context, context, last, config, mask))
  const row = mask && readRows(mask, position)
  return namedScope(`layer${layers.length - 1}`, () =>
    squeeze(encoderLayer(expandDims(readAt(context, position), 1), context, last, config, row, probe), 1),
  )
}

/** The state at one position per row: [b, t, d] → [b, d]. A sum over a mask, because its gradient is then pointwise. */
const readAt = poly((x: Hidden, position: Tensor<['b'], 'i32'>): F<['b', 'd']> => {
  const here = equal(arange(x.shape[1]), expandDims(position, -1))
  return sum(where(expandDims(here, -1), x, 0), 1)
})

/** The mask's row of one query per batch row. */
const readRows = poly((mask: Mask, position: Tensor<['b'], 'i32'>): Tensor<['b', 1, 1, 't'], 'bool'> => {
  const here = equal(
    reshape(arange(mask.shape[3]), [1, 1, mask.shape[3], 1]),
    reshape(position, [mask.shape[0], 1, 1, 1]),
  )
  return equal(max(cast(logicalAnd(mask, here), 'i32'), 2, { keepdims: true }), 1)
})
