import { FoveaError } from '../../index.js'
import type { HostTensor } from '../../stdlib/checkpoint/index.js'
import type { ClipConfig, ResNetClipConfig, TextConfig, VisionConfig } from './config.js'

/**
 * The first release's key layout, which open_clip writes too: `visual.…` for the image tower, `transformer.resblocks.…` for the text
 * tower, query, key and value stacked in one matrix, projections as x · W. Here it is brought to Hugging Face's names and layouts; the ResNet
 * keeps its own.
 * Source: Radford et al. 2021's published code (`clip/model.py`, `build_model`) and open_clip's state dicts.
 */
type Tensors = ReadonlyMap<string, HostTensor>

/** Numbers that the release keeps beside the weights. */
const plain = /^(input_resolution|context_length|vocab_size)$/
const counters = /\.num_batches_tracked$/

export const isOpenAi = (tensors: Tensors): boolean =>
  tensors.has('ln_final.weight') || tensors.has('text.ln_final.weight')

export interface Converted {
  readonly config: ClipConfig | ResNetClipConfig
  readonly tensors: Map<string, HostTensor>
}

/** What shapes don't tell of a model. */
export interface Given {
  readonly textHeads?: number
  readonly visionHeads?: number
  readonly headWidth?: number
  readonly act?: TextConfig['hidden_act']
  readonly eps?: number
  /** The id that texts are pooled at; the largest, if left out. */
  readonly eosId?: number
  readonly pooling?: VisionConfig['pooling']
}

/**
 * The tensors under Hugging Face's names, and the config that their shapes tell; `given` tells the rest.
 * Throws FoveaError 'checkpoint' naming a key that is missing or that nothing takes.
 */
export function fromOpenAi(source: Tensors, given: Given = {}): Converted {
  const bare = new Map([...source].map(([name, t]) => [name.replace(/^text\./, ''), t]))
  const at = (name: string): HostTensor => {
    const found = bare.get(name)
    if (!found)
      throw new FoveaError(
        'checkpoint',
        `expected '${name}', as in CLIP's first release; the file has ${bare.size} other keys`,
      )
    return found
  }
  const tensors = new Map<string, HostTensor>()
  const unknown: string[] = []
  const resnet = bare.has('visual.layer1.0.conv1.weight')
  for (const [name, t] of bare) {
    if (plain.test(name) || counters.test(name)) continue
    const renamed = rename(name, t, resnet)
    if (!renamed) unknown.push(name)
    else for (const [to, value] of renamed) tensors.set(to, value)
  }
  if (unknown.length)
    throw new FoveaError(
      'checkpoint',
      `${unknown.length} keys belong to no part of CLIP that is known: ${unknown.slice(0, 8).join(', ')}`,
    )

  const width = at('ln_final.weight').shape[0]
  const act = given.act ?? 'quick_gelu'
  const text: TextConfig = {
    hidden_size: width,
    intermediate_size: at('transformer.resblocks.0.mlp.c_fc.weight').shape[0],
    num_hidden_layers: count(bare, /^transformer\.resblocks\.(\d+)\./),
    num_attention_heads: given.textHeads ?? width / 64,
    hidden_act: act,
    layer_norm_eps: given.eps ?? 1e-5,
    vocab_size: at('token_embedding.weight').shape[0],
    max_position_embeddings: at('positional_embedding').shape[0],
    bos_token_id: at('token_embedding.weight').shape[0] - 2,
    // 2: the largest id of a text, as in the release.
    eos_token_id: given.eosId ?? 2,
    pad_token_id: 0,
  }
  const top = {
    model_type: 'clip',
    architectures: ['CLIPModel'],
    projection_dim: at('text_projection').shape[1],
    logit_scale_init_value: 2.6592,
    text_config: text,
  } as const
  if (resnet) {
    const side = Math.round(Math.sqrt(at('visual.attnpool.positional_embedding').shape[0] - 1))
    const layers = [1, 2, 3, 4].map((i) => count(bare, new RegExp(`^visual\\.layer${i}\\.(\\d+)\\.`)))
    const vision_config = {
      layers: layers as [number, number, number, number],
      width: at('visual.layer1.0.conv1.weight').shape[0],
      image_size: side * 32,
      head_width: given.headWidth ?? 64,
    }
    return { config: { ...top, vision_config }, tensors }
  }
  const [d, channels, patch] = at('visual.conv1.weight').shape
  const grid = Math.round(Math.sqrt(at('visual.positional_embedding').shape[0] - 1))
  const vision_config = {
    hidden_size: d,
    intermediate_size: at('visual.transformer.resblocks.0.mlp.c_fc.weight').shape[0],
    num_hidden_layers: count(bare, /^visual\.transformer\.resblocks\.(\d+)\./),
    num_attention_heads: given.visionHeads ?? d / 64,
    hidden_act: act,
    layer_norm_eps: given.eps ?? 1e-5,
    image_size: grid * patch,
    patch_size: patch,
    num_channels: channels,
    ...(given.pooling && { pooling: given.pooling }),
  }
  return { config: { ...top, vision_config }, tensors }
}

const count = (tensors: Tensors, pattern: RegExp): number =>
  new Set([...tensors.keys()].flatMap((name) => pattern.exec(name)?.[1] ?? [])).size

/** Names that change as a whole. */
const names: Readonly<Record<string, string>> = {
  logit_scale: 'logit_scale',
  positional_embedding: 'text_model.embeddings.position_embedding.weight',
  'token_embedding.weight': 'text_model.embeddings.token_embedding.weight',
  'ln_final.weight': 'text_model.final_layer_norm.weight',
  'ln_final.bias': 'text_model.final_layer_norm.bias',
  'visual.class_embedding': 'vision_model.embeddings.class_embedding',
  'visual.positional_embedding': 'vision_model.embeddings.position_embedding.weight',
  'visual.ln_pre.weight': 'vision_model.pre_layrnorm.weight',
  'visual.ln_pre.bias': 'vision_model.pre_layrnorm.bias',
  'visual.ln_post.weight': 'vision_model.post_layernorm.weight',
  'visual.ln_post.bias': 'vision_model.post_layernorm.bias',
}
/** Parts of a block. */
const parts: Readonly<Record<string, string>> = {
  'attn.out_proj': 'self_attn.out_proj',
  ln_1: 'layer_norm1',
  ln_2: 'layer_norm2',
  'mlp.c_fc': 'mlp.fc1',
  'mlp.c_proj': 'mlp.fc2',
}

function rename(name: string, t: HostTensor, resnet: boolean): [string, HostTensor][] | undefined {
  if (names[name]) return [[names[name], t]]
  if (name === 'text_projection') return [['text_projection.weight', transposed(t)]]
  if (name === 'visual.proj') return [['visual_projection.weight', transposed(t)]]
  const block = /^(visual\.)?transformer\.resblocks\.(\d+)\.(.+?)[._](weight|bias)$/.exec(name)
  if (block) {
    const [, visual, layer, part, kind] = block
    const to = `${visual ? 'vision' : 'text'}_model.encoder.layers.${layer}`
    if (part === 'attn.in_proj') return thirds(t).map((third, i) => [`${to}.self_attn.${'qkv'[i]}_proj.${kind}`, third])
    return parts[part] ? [[`${to}.${parts[part]}.${kind}`, t]] : undefined
  }
  if (resnet) return /^visual\.(conv\d|bn\d|layer\d|attnpool)\b/.test(name) ? [[name, t]] : undefined
  return name === 'visual.conv1.weight' ? [['vision_model.embeddings.patch_embedding.weight', t]] : undefined
}

/** The other way: tensors under Hugging Face's names under the first release's. Running statistics keep theirs. */
export function toOpenAi(tensors: Tensors): Map<string, HostTensor> {
  const wholes = new Map(Object.entries(names).map(([from, to]) => [to, from]))
  const ofBlock = new Map(Object.entries(parts).map(([from, to]) => [to, from]))
  const out = new Map<string, HostTensor>()
  for (const [name, t] of tensors) {
    const block = /^(text|vision)_model\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name)
    if (block) {
      const [, tower, layer, part, kind] = block
      const to = `${tower === 'vision' ? 'visual.' : ''}transformer.resblocks.${layer}`
      if (part === 'self_attn.q_proj') out.set(`${to}.attn.in_proj_${kind}`, stacked(tensors, name))
      else if (ofBlock.has(part)) out.set(`${to}.${ofBlock.get(part)}.${kind}`, t)
    } else if (name === 'text_projection.weight') out.set('text_projection', transposed(t))
    else if (name === 'visual_projection.weight') out.set('visual.proj', transposed(t))
    else if (name === 'vision_model.embeddings.patch_embedding.weight') out.set('visual.conv1.weight', t)
    else out.set(wholes.get(name) ?? name, t)
  }
  return out
}
/** Query, key and value one after another, from the query's name. */
function stacked(tensors: Tensors, query: string): HostTensor {
  const three = ['q', 'k', 'v'].map((x) => tensors.get(query.replace('.q_proj.', `.${x}_proj.`))!)
  const [{ shape, dtype }] = three
  const data = new Float32Array(three.reduce((n, t) => n + t.data.length, 0))
  let at = 0
  for (const t of three) {
    data.set(t.data, at)
    at += t.data.length
  }
  return { shape: [shape[0] * 3, ...shape.slice(1)], dtype, data }
}

function transposed({ shape: [rows, columns], dtype, data }: HostTensor): HostTensor {
  const out = data.slice()
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j]
  return { shape: [columns, rows], dtype, data: out } as HostTensor
}
/** Query, key and value, which stand one after another along the first axis. */
function thirds({ shape: [rows, ...rest], dtype, data }: HostTensor): HostTensor[] {
  const part = data.length / 3
  return [0, 1, 2].map(
    (i) => ({ shape: [rows / 3, ...rest], dtype, data: data.slice(i * part, (i + 1) * part) }) as HostTensor,
  )
}
