import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { destroyDevice, jit, type Tensor, tensor } from '../../index.js'
import {
  type Clip,
  imageFeatures,
  loadAnyClip,
  loadClip,
  loadClipText,
  loadClipTextWithProjection,
  loadClipVision,
  loadClipVisionWithProjection,
  loadResNetClip,
  saveClip,
  saveClipText,
  saveClipVision,
  saveOpenClip,
  textFeatures,
  textTower,
  visionStates,
  visionTower,
} from '../../models/clip/index.js'
import { type HostTensor, readSafetensors, toStateDict, writeSafetensors } from '../../stdlib/checkpoint/index.js'
import { assertClose } from '../../stdlib/testing/index.js'

/** Folders of every kind that hold a CLIP or a tower of one, made of the tiny checkpoint, whose numbers PyTorch gave. */
const source = 'test/models/fixtures/clip-vit'
let root: string
let whole: Clip
let want: Map<string, HostTensor>
let facts: { tensors: Record<string, { atol: number; mean_atol: number }> }
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-towers-'))
  whole = await loadClip(source)
  want = await readSafetensors(`${source}/expected.safetensors`)
  facts = JSON.parse(await readFile(`${source}/expected.json`, 'utf8'))
})
afterAll(async () => {
  await rm(root, { recursive: true, force: true })
  await destroyDevice()
})

const given = (name: string): any => {
  const { data, shape, dtype } = want.get(name)!
  return tensor(data, shape, dtype as 'f32' | 'i32')
}
const close = async (got: Tensor<any, any>, name: string): Promise<void> => {
  const { atol, mean_atol } = facts.tensors[name]
  expect(got.shape).toEqual(want.get(name)!.shape)
  await assertClose(got, want.get(name)!.data as Float32Array, { atol, rtol: 0, meanAtol: mean_atol })
}
const folder = async (name: string): Promise<string> => {
  await mkdir(join(root, name), { recursive: true })
  return join(root, name)
}
const configOf = async (at: string) => JSON.parse(await readFile(join(at, 'config.json'), 'utf8'))

/** Rewrites a folder's weights. */
async function rekey(at: string, f: (name: string) => string | undefined): Promise<void> {
  const file = join(at, 'model.safetensors')
  const tensors = [...(await readSafetensors(file))].flatMap(([name, t]) => {
    const to = f(name)
    return to === undefined ? [] : [[to, t] as const]
  })
  await writeSafetensors(file, tensors)
}

describe('towers by themselves', () => {
  test.each([
    ['CLIPTextModel', loadClipText, false],
    ['CLIPTextModelWithProjection', loadClipTextWithProjection, true],
  ] as const)('%s', async (name, load, projected) => {
    const at = await folder(name)
    await saveClipText(at, await load(source))
    expect(await configOf(at)).toMatchObject({
      architectures: [name],
      model_type: 'clip_text_model',
      projection_dim: whole.config.projection_dim,
      hidden_size: whole.config.text_config.hidden_size,
    })
    const model = await load(at)
    expect(model.tokenizer?.vocabSize).toBe(whole.tokenizer.vocabSize)
    const [ids, mask] = [given('input_ids'), given('attention_mask')]
    await close(await jit(textTower)(model.params.text_model, model.config.text_config, ids, mask), 'text/pooled')
    if (projected) {
      const { params, config } = await loadClipTextWithProjection(at)
      await close(await jit(textFeatures)(params, config, ids, mask), 'text_features')
    } else await expect(loadClipTextWithProjection(at)).rejects.toThrow('1 missing:\n    text_projection.weight')
  })

  test.each([
    ['CLIPVisionModel', loadClipVision, false],
    ['CLIPVisionModelWithProjection', loadClipVisionWithProjection, true],
  ] as const)('%s', async (name, load, projected) => {
    const at = await folder(name)
    await saveClipVision(at, await load(source))
    expect(await configOf(at)).toMatchObject({ architectures: [name], model_type: 'clip_vision_model' })
    const model = await load(at)
    expect(model.preprocessor).toEqual(whole.preprocessor)
    const run = jit((p: typeof model.params, pixels: any) => [
      visionTower(p.vision_model, model.config.vision_config, pixels),
      visionStates(p.vision_model, model.config.vision_config, pixels),
    ])
    const [pooled, states] = await run(model.params, given('pixel_values'))
    await close(pooled, 'vision/pooled')
    await close(states, `vision/hidden/${model.config.vision_config.num_hidden_layers}`)
    if (projected) {
      const { params, config } = await loadClipVisionWithProjection(at)
      await close(await jit(imageFeatures)(params, config, given('pixel_values')), 'image_features')
    } else await expect(loadClipVisionWithProjection(at)).rejects.toThrow('1 missing:\n    visual_projection.weight')
  })

  test('bare of the prefix, as transformers 5 writes them, and with tables of positions, as older ones', async () => {
    const at = await folder('bare')
    await saveClipText(at, await loadClipText(source))
    await rekey(at, (name) => name.replace('text_model.', ''))
    const tensors = await readSafetensors(join(at, 'model.safetensors'))
    expect(tensors.has('final_layer_norm.weight')).toBe(true)
    tensors.set('embeddings.position_ids', { shape: [1, 2], dtype: 'i32', data: new Int32Array([0, 1]) })
    await writeSafetensors(join(at, 'model.safetensors'), tensors)
    expect(await values(await loadClipText(at))).toEqual(await values(await loadClipText(source)))
  })

  test('what belongs to no tower is an error, and so is another kind of model', async () => {
    const at = await folder('odd')
    await saveClipVision(at, await loadClipVision(source))
    await expect(loadClipText(at)).rejects.toThrow('expected "model_type": "clip_text_model" or "clip"')
    await rekey(at, (name) => name.replace('post_layernorm.bias', 'post_layernorm.beta'))
    await expect(loadClipVision(at)).rejects.toThrow(
      /1 missing:\n +vision_model\.post_layernorm\.bias .*\n +1 unexpected:\n +vision_model\.post_layernorm\.beta/,
    )
  })
})

const values = async ({ params }: { readonly params: unknown }): Promise<Record<string, number[]>> =>
  Object.fromEntries([...(await toStateDict(params))].map(([name, { data }]) => [name, [...(data as Float32Array)]]))

describe('shards', () => {
  test('are written with their index, and read as one', async () => {
    const at = await folder('shards')
    await saveClip(at, whole)
    expect((await readdir(at)).filter((name) => name.startsWith('model'))).toEqual(['model.safetensors'])
    await saveClip(at, whole, { maxShardSize: 200_000 })
    const names = (await readdir(at)).filter((name) => name.startsWith('model')).sort()
    const n = names.length - 1
    expect(n).toBeGreaterThan(2)
    expect(names[0]).toBe(`model-00001-of-0000${n}.safetensors`)
    const index = JSON.parse(await readFile(join(at, 'model.safetensors.index.json'), 'utf8'))
    const tensors = await toStateDict(whole.params)
    expect(Object.keys(index.weight_map).sort()).toEqual([...tensors.keys()].sort())
    expect(index.metadata.total_size).toBe([...tensors.values()].reduce((sum, t) => sum + t.data.byteLength, 0))
    expect(await values(await loadClip(at))).toEqual(await values(whole))
    // A smaller number of files leaves none of the old ones behind.
    await saveClip(at, whole)
    expect((await readdir(at)).filter((name) => name.startsWith('model'))).toEqual(['model.safetensors'])
    expect(await values(await loadClip(at))).toEqual(await values(whole))
  })

  test('that contradict each other are errors', async () => {
    const at = await folder('twice')
    await saveClipText(at, await loadClipText(source), { maxShardSize: 100_000 })
    const [first, second] = (await readdir(at)).filter((name) => name.startsWith('model-')).sort()
    const tensors = await readSafetensors(join(at, second))
    const [[name, t]] = await readSafetensors(join(at, first))
    await writeSafetensors(join(at, second), tensors.set(name, t))
    await expect(loadClipText(at)).rejects.toThrow(`hold '${name}', the second is ${second}. Fetch the shards again.`)
    await rm(join(at, second))
    await expect(loadClipText(at)).rejects.toThrow('there is no such file')
    await expect(saveClip(at, whole, { maxShardSize: 0 })).rejects.toThrow('expected a maxShardSize above 0 bytes')
  })
})

describe("open_clip's layout", () => {
  test('of a ViT is read as it was', async () => {
    const at = await folder('open-vit')
    await saveOpenClip(at, whole)
    const again = await loadClip(at)
    expect(await values(again)).toEqual(await values(whole))
    expect(again.config.vision_config).toEqual(whole.config.vision_config)
    const { bos_token_id: _bos, pad_token_id: _pad, ...text } = whole.config.text_config
    expect(again.config.text_config).toMatchObject(text)
  })

  test('of a ResNet, with its running statistics', async () => {
    const resnet = await loadResNetClip('test/models/fixtures/clip-resnet')
    const at = await folder('open-resnet')
    await saveOpenClip(at, resnet)
    const again = await loadResNetClip(at)
    expect(await values(again)).toEqual(await values(resnet))
    expect(await values({ params: again.stats })).toEqual(await values({ params: resnet.stats }))
    expect(again.config.vision_config).toEqual(resnet.config.vision_config)
  })

  test('says how pictures are pooled, which a CLIPModel can not', async () => {
    // Of the first two pictures, by open_clip 3.3.0 (encode_image) from the folders written here.
    const pooled = JSON.parse(await readFile(`${source}/pooling.json`, 'utf8'))
    for (const pooling of ['mean', 'mean_then_norm'] as const) {
      const at = await folder(pooling)
      const vision_config = { ...whole.config.vision_config, pooling }
      const model = { ...whole, config: { ...whole.config, vision_config } }
      await saveOpenClip(at, model)
      const { params, config } = await loadClip(at)
      expect(config.vision_config.pooling).toBe(pooling)
      const features = await jit(imageFeatures)(params, config, given('pixel_values'))
      const rows = (await features.data()).slice(0, pooled[pooling].flat().length)
      await assertClose(tensor(rows), Float32Array.from(pooled[pooling].flat()), { atol: 1e-5 })
      await expect(saveClip(at, model)).rejects.toThrow(
        `this model's pooling is '${pooling}'; save it with saveOpenClip`,
      )
    }
  })

  test('with settings that would change the numbers is refused', async () => {
    const at = await folder('unknown')
    await saveOpenClip(at, whole)
    const file = join(at, 'open_clip_config.json')
    const { model_cfg, ...rest } = JSON.parse(await readFile(file, 'utf8'))
    const text_cfg = { ...model_cfg.text_cfg, no_causal_mask: true, pool_type: 'last' }
    await writeFile(file, JSON.stringify({ ...rest, model_cfg: { ...model_cfg, text_cfg } }))
    await expect(loadAnyClip(at)).rejects.toThrow(
      "Fovea's CLIP has no text_cfg.no_causal_mask, text_cfg.pool_type 'last'; use another checkpoint",
    )
  })
})

test('a folder keeps what it held when it was opened again', async () => {
  const at = await folder('copy')
  await cp(source, at, { recursive: true })
  await saveClip(at, await loadClip(at))
  expect(await values(await loadClip(at))).toEqual(await values(whole))
})
