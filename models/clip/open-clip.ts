import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FoveaError } from '../../index.js'
import { type HostTensor, toStateDict, writeSafetensors } from '../../stdlib/checkpoint/index.js'
import { writeTokenizer } from '../../stdlib/text/index.js'
import { readJson, writeJson } from '../parts/folder.js'
import type { AnyClip } from './checkpoint.js'
import type { TextConfig } from './config.js'
import { type Given, toOpenAi } from './openai.js'

/** open_clip's folders: open_clip_config.json beside weights in the first release's key layout. */

const configFile = 'open_clip_config.json'

interface Cfg {
  readonly layers?: number | readonly number[]
  readonly width?: number
  readonly heads?: number
  readonly head_width?: number
  readonly pool_type?: string
  readonly eos_id?: number
  readonly global_average_pool?: boolean
  readonly final_ln_after_pool?: boolean
  readonly norm_kwargs?: { readonly eps?: number }
  readonly act_kwargs?: { readonly approximate?: string }
}
interface OpenClipConfig {
  readonly model_cfg?: { readonly quick_gelu?: boolean; readonly vision_cfg?: Cfg; readonly text_cfg?: Cfg }
}

/** Settings that would change the numbers and that no shape or key gives away. */
const unsupported = {
  vision_cfg: ['timm_model_name', 'attentional_pool', 'no_ln_pre', 'qk_norm', 'block_type'],
  text_cfg: ['hf_model_name', 'no_causal_mask', 'embed_cls', 'proj_bias', 'qk_norm', 'block_type'],
} as const

/**
 * What open_clip_config.json says that shapes don't; {} without the file. Throws FoveaError 'checkpoint' for settings that Fovea's CLIP does
 * not have.
 */
export async function openClipConfig(folder: string): Promise<Given> {
  const file = join(folder, configFile)
  if (!existsSync(file)) return {}
  const { model_cfg: model = {} } = (await readJson(file)) as OpenClipConfig
  const { vision_cfg: vision = {}, text_cfg: text = {} } = model
  const wrong = Object.entries(unsupported).flatMap(([part, fields]) => {
    const cfg = (part === 'vision_cfg' ? vision : text) as Readonly<Record<string, unknown>>
    return fields.filter((field) => cfg[field] && cfg[field] !== 'default').map((field) => `${part}.${field}`)
  })
  if (!['argmax', 'eos', undefined].includes(text.pool_type)) wrong.push(`text_cfg.pool_type '${text.pool_type}'`)
  if (!['tok', 'avg', undefined].includes(vision.pool_type)) wrong.push(`vision_cfg.pool_type '${vision.pool_type}'`)
  if (wrong.length)
    throw new FoveaError('checkpoint', `${file}: Fovea's CLIP has no ${wrong.join(', ')}; use another checkpoint`)
  const mean = vision.pool_type === 'avg' || vision.global_average_pool
  const smooth = vision.act_kwargs?.approximate === 'tanh' ? 'gelu_pytorch_tanh' : 'gelu'
  return {
    textHeads: text.heads,
    headWidth: vision.head_width,
    visionHeads: vision.head_width && typeof vision.layers === 'number' ? vision.width! / vision.head_width : undefined,
    act: model.quick_gelu ? 'quick_gelu' : smooth,
    eps: vision.norm_kwargs?.eps,
    eosId: text.pool_type === 'eos' ? text.eos_id : undefined,
    pooling: mean ? (vision.final_ln_after_pool ? 'mean_then_norm' : 'mean') : undefined,
  }
}

/**
 * Writes a model of either kind into a folder as open_clip does: `open_clip_config.json` and `open_clip_model.safetensors` in
 * the first release's key layout, and the tokenizer and preprocessing, which Fovea needs to open it again. Throws FoveaError 'save' when a
 * file can't be written.
 *
 * @example
 * await saveOpenClip('checkpoints/open-RN50', await loadResNetClip('checkpoints/RN50'))
 */
export async function saveOpenClip(folder: string, model: AnyClip): Promise<void> {
  const { text_config: text } = model.config
  await mkdir(folder, { recursive: true })
  await writeSafetensors(join(folder, 'open_clip_model.safetensors'), toOpenAi(await tensorsOf(model)))
  const { preprocessor, tokenizer } = model
  await writeJson(join(folder, configFile), {
    model_cfg: {
      embed_dim: model.config.projection_dim,
      quick_gelu: text.hidden_act === 'quick_gelu',
      vision_cfg: visionCfg(model),
      text_cfg: {
        context_length: text.max_position_embeddings,
        vocab_size: text.vocab_size,
        width: text.hidden_size,
        heads: text.num_attention_heads,
        layers: text.num_hidden_layers,
        // The tokenizer of the folder itself.
        hf_tokenizer_name: '.',
        ...(text.eos_token_id !== 2 && { pool_type: 'eos', eos_id: text.eos_token_id }),
        ...shared(text),
      },
    },
    preprocess_cfg: { mean: preprocessor.image_mean, std: preprocessor.image_std },
  })
  await writeJson(join(folder, 'preprocessor_config.json'), preprocessor)
  await writeTokenizer(folder, tokenizer)
}

/** Parameters, and with a ResNet its running statistics. */
async function tensorsOf(model: AnyClip): Promise<Map<string, HostTensor>> {
  const tensors = await toStateDict(model.params)
  if ('stats' in model)
    for (const [path, stats] of Object.entries(model.stats))
      for (const [name, t] of await toStateDict(stats)) tensors.set(`visual.${path}.${name}`, t)
  return tensors
}

const shared = (tower: Pick<TextConfig, 'intermediate_size' | 'hidden_size' | 'hidden_act' | 'layer_norm_eps'>) => ({
  mlp_ratio: tower.intermediate_size / tower.hidden_size,
  ...(tower.hidden_act === 'gelu_pytorch_tanh' && { act_kwargs: { approximate: 'tanh' } }),
  ...(tower.layer_norm_eps !== 1e-5 && { norm_kwargs: { eps: tower.layer_norm_eps } }),
})

function visionCfg(model: AnyClip) {
  if ('stats' in model) {
    const { layers, width, image_size, head_width } = model.config.vision_config
    return { image_size, layers, width, head_width, patch_size: null }
  }
  const { vision_config: vision } = model.config
  return {
    image_size: vision.image_size,
    patch_size: vision.patch_size,
    width: vision.hidden_size,
    layers: vision.num_hidden_layers,
    head_width: vision.hidden_size / vision.num_attention_heads,
    ...shared(vision),
    ...((vision.pooling ?? 'class') !== 'class' && { pool_type: 'avg' }),
    ...(vision.pooling === 'mean_then_norm' && { final_ln_after_pool: true }),
  }
}
