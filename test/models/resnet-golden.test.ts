import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { flatten } from '../../compiler/trace/tree.js'
import { destroyDevice, jit, onesLike, type Tensor, tensor, transpose, valueAndGrad } from '../../index.js'
import {
  clipLogits,
  clipLossResNet,
  encodeImageResNet,
  encodeText,
  loadClip,
  loadResNetClip,
  type ResNetClip,
  type ResNetClipParams,
  resnetTower,
  resnetTowerTrain,
  textFeatures,
} from '../../models/clip/index.js'
import { fromOpenAi } from '../../models/clip/openai.js'
import type { Probe } from '../../models/parts/probe.js'
import { type HostTensor, readSafetensors } from '../../stdlib/checkpoint/index.js'
import { assertClose } from '../../stdlib/testing/index.js'

/** CLIP with a tiny modified ResNet in the first release's key layout, and what PyTorch computes with it. */
const folder = 'test/models/fixtures/clip-resnet'
let model: ResNetClip
let want: Map<string, HostTensor>
let facts: { tensors: Record<string, { atol: number; mean_atol: number }> }

beforeAll(async () => {
  model = await loadResNetClip(folder)
  want = await readSafetensors(`${folder}/expected.safetensors`)
  facts = JSON.parse(await readFile(`${folder}/expected.json`, 'utf8'))
})
afterAll(destroyDevice)

type Any = Tensor<any, any>
const given = (name: string): any => {
  const { data, shape, dtype } = want.get(name)!
  return tensor(data, shape, dtype as 'f32' | 'i32')
}
const close = async (got: Any, name: string): Promise<void> => {
  const { atol, mean_atol } = facts.tensors[name]
  expect(got.shape).toEqual(want.get(name)!.shape)
  await assertClose(got, want.get(name)!.data as Float32Array, { atol, rtol: 0, meanAtol: mean_atol })
}
/** A probe that keeps every state by its name. */
const keep =
  (into: Record<string, Any>): Probe =>
  (name, state) => {
    into[name] = state
    return state
  }

/** The first two pictures' maps, as PyTorch lays them out. */
const firstTwo = async (map: Any, name: string): Promise<void> => {
  const { atol, mean_atol } = facts.tensors[name]
  const { data, shape } = want.get(name)!
  const got = (await (transpose(map, [0, 3, 1, 2] as any) as Any).data()) as Float32Array
  const size = shape.reduce((a, b) => a * b, 1)
  await assertClose(tensor(got.slice(0, size), shape as number[]), data as Float32Array, {
    atol,
    rtol: 0,
    meanAtol: mean_atol,
  })
}

test('evaluation: maps, features, embeddings and logits', async () => {
  const { config, params, stats } = model
  const run = jit((p: ResNetClipParams, pixels: any, ids: any) => {
    const taps: Record<string, Any> = {}
    const features = resnetTower(p.visual, config.vision_config, stats, pixels, keep(taps))
    const mask = onesLike(ids) as any
    const [images, texts] = [encodeImageResNet(p, config, stats, pixels), encodeText(p, config, ids, mask)]
    return {
      taps,
      image_features: features,
      text_features: textFeatures(p, config, ids, mask),
      image_embeds: images,
      text_embeds: texts,
      logits_per_image: clipLogits(images, texts, p.logit_scale),
    }
  })
  const { taps, ...out } = await run(params, given('pixel_values'), given('input_ids'))
  expect(Object.keys(taps)).toEqual(['stem', 'layer1', 'layer2', 'layer3', 'layer4'])
  for (const [name, map] of Object.entries(taps)) await firstTwo(map as Any, `visual/${name}`)
  for (const [name, x] of Object.entries(out)) await close(x, name)
})

test('training: loss, gradients of every parameter, running statistics', async () => {
  const { config, params, stats } = model
  const [features, taps] = await jit((p: ResNetClipParams, pixels: any) => {
    const seen: Record<string, Any> = {}
    return [resnetTowerTrain(p.visual, config.vision_config, stats, pixels, keep(seen))[0], seen] as const
  })(params, given('pixel_values'))
  expect(features.shape).toEqual([4, 32])
  for (const name of ['stem', 'layer4']) await firstTwo(taps[name], `train/visual/${name}`)

  const step = jit((p: ResNetClipParams, pixels: any, ids: any) =>
    valueAndGrad((q: ResNetClipParams) => clipLossResNet(q, config, stats, pixels, ids, onesLike(ids) as any), {
      hasAux: true,
    })(p),
  )
  const [[loss, next], grads] = (await step(params, given('pixel_values'), given('input_ids'))) as any
  await close(loss, 'loss')
  for (const [path, { running_mean, running_var }] of Object.entries(next as ResNetClip['stats'])) {
    await close(running_mean, `buffer/visual.${path}.running_mean`)
    await close(running_var, `buffer/visual.${path}.running_var`)
  }
  // The expected gradients, brought to our names as the weights were.
  const expected = new Map(
    [...want].filter(([name]) => name.startsWith('grad/')).map(([name, t]) => [name.slice(5), t] as const),
  )
  const { tensors } = fromOpenAi(expected)
  const { leaves, paths } = flatten(grads)
  expect([...paths].sort()).toEqual([...tensors.keys()].sort())
  const tolerance = new Map(
    [...tensors.keys()].map((name) => [name, facts.tensors[`grad/${originalOf(name)}`]] as const),
  )
  for (const [i, path] of paths.entries()) {
    const { atol, mean_atol } = tolerance.get(path)!
    await assertClose(leaves[i], tensors.get(path)!.data as Float32Array, { atol, rtol: 0, meanAtol: mean_atol })
  }
})

/** The first release's name of a parameter, for its tolerance. */
function originalOf(name: string): string {
  return name
    .replace(/^text_model\.encoder\.layers/, 'transformer.resblocks')
    .replace(/self_attn\.[qkv]_proj\./, 'attn.in_proj_')
    .replace('self_attn.out_proj', 'attn.out_proj')
    .replace(/\.layer_norm/, '.ln_')
    .replace('mlp.fc1', 'mlp.c_fc')
    .replace('mlp.fc2', 'mlp.c_proj')
    .replace('text_model.embeddings.position_embedding.weight', 'positional_embedding')
    .replace('text_model.embeddings.token_embedding', 'token_embedding')
    .replace('text_model.final_layer_norm', 'ln_final')
    .replace('text_projection.weight', 'text_projection')
}

test('the wrong way to open a folder is an error that names the right one', async () => {
  await expect(loadClip(folder)).rejects.toThrow('open it with loadResNetClip')
  await expect(loadResNetClip('test/models/fixtures/clip-vit')).rejects.toThrow('open it with loadClip')
})
