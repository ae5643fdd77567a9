import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { flatten } from '../../compiler/trace/tree.js'
import { destroyDevice, jit, type Tensor, tensor, valueAndGrad } from '../../index.js'
import {
  encodeImageSiglip,
  encodeTextSiglip,
  initSiglip,
  loadClip,
  loadSiglip,
  parseSiglipConfig,
  type Siglip,
  type SiglipParams,
  saveSiglip,
  siglipLogits,
  siglipLoss,
  siglipTextTower,
  siglipVisionTower,
} from '../../models/clip/index.js'
import { type HostTensor, readSafetensors, toStateDict } from '../../stdlib/checkpoint/index.js'
import { sigmoidLoss } from '../../stdlib/nn/index.js'
import { assertClose } from '../../stdlib/testing/index.js'

/** A tiny SiglipModel and what transformers computes with it in float32: make.py beside it. */
const folder = 'test/models/fixtures/siglip'
type Any = Tensor<any, any>
let model: Siglip
let want: Map<string, HostTensor>
beforeAll(async () => {
  model = await loadSiglip(folder)
  want = await readSafetensors(`${folder}/expected.safetensors`)
})
afterAll(destroyDevice)

const given = (name: string): any => {
  const { data, shape, dtype } = want.get(name)!
  return tensor(data, shape, dtype as 'f32' | 'i32')
}
const close = async (got: Any, name: string, atol = 1e-5): Promise<void> => {
  expect(got.shape).toEqual(want.get(name)!.shape)
  await assertClose(got, want.get(name)!.data as Float32Array, { atol, rtol: 1e-5 })
}

test('both towers, layer by layer, and the logits', async () => {
  const { config } = model
  const run = jit((p: SiglipParams, pixels: any, ids: any) => {
    const states: Record<string, Any> = {}
    const keep = (tower: string) => (name: string, x: any) => {
      states[`${tower}/${name}`] = x
      return x
    }
    const pooled = {
      'vision/pooled': siglipVisionTower(p.vision_model, config.vision_config, pixels, keep('vision')),
      'text/pooled': siglipTextTower(p.text_model, config.text_config, ids, keep('text')),
    }
    const [images, texts] = [encodeImageSiglip(p, config, pixels), encodeTextSiglip(p, config, ids)]
    const logits = siglipLogits(images, texts as any, p.logit_scale, p.logit_bias)
    return { ...pooled, ...states, image_embeds: images, text_embeds: texts, logits_per_image: logits }
  })
  const out = (await run(model.params, given('pixel_values'), given('input_ids'))) as Record<string, Any>
  expect(Object.keys(out).length).toBe(2 + 2 * 3 + 3)
  const hidden = (name: string): string =>
    name.replace(/(input|layer(\d+))$/, (_, word, i) => `hidden/${word === 'input' ? 0 : Number(i) + 1}`)
  for (const [name, x] of Object.entries(out)) await close(x, hidden(name))
})

test('the loss and its gradient for every parameter', async () => {
  const run = jit((p: SiglipParams, pixels: any, ids: any) =>
    valueAndGrad((q: SiglipParams) => siglipLoss(q, model.config, pixels, ids))(p),
  )
  const [loss, grads] = await run(model.params, given('pixel_values'), given('input_ids'))
  await close(loss, 'loss')
  const { leaves, paths } = flatten(grads)
  expect(paths.length).toBe([...want.keys()].filter((name) => name.startsWith('grad/')).length)
  for (const [i, path] of paths.entries()) await close(leaves[i], `grad/${path}`, 2e-5)
})

test('many pairs are computed block by block, with the same gradient', async () => {
  const [images, texts] = [given('image_embeds'), given('text_embeds')]
  const run = (rows: number) =>
    jit((x: Any, y: Any, s: Any, b: Any) =>
      valueAndGrad((q: Any[]) => sigmoidLoss(q[0], q[1], q[2], q[3], { rows }) as any)([x, y, s, b] as any),
    )(images, texts, tensor(4) as any, tensor(-2) as any)
  const [[loss, grads], [blocks, theirs]] = (await Promise.all([run(4), run(1)])) as [Any, Any[]][]
  await assertClose(blocks, (await loss.data()) as Float32Array, { atol: 1e-6 })
  for (const [i, g] of theirs.entries()) await assertClose(g, (await grads[i].data()) as Float32Array, { atol: 1e-6 })
  expect(() => sigmoidLoss(tensor([[1, 2]]) as any, tensor([[1]]) as any, tensor(1), tensor(0))).toThrow(
    'sigmoidLoss: expected images and texts of one shape [n, e], got [1, 2] and [1, 1]',
  )
})

test('texts become the ids that the tokenizers package of Python gives', async () => {
  const { texts } = JSON.parse(await readFile(`${folder}/expected.json`, 'utf8'))
  const { ids, shape } = model.tokenizer.encode(texts, { padding: 'max_length' })
  expect(shape).toEqual(want.get('input_ids')!.shape)
  expect(ids).toEqual(want.get('input_ids')!.data)
})

test('is written as it was read', async () => {
  const at = await mkdtemp(join(tmpdir(), 'fovea-siglip-'))
  try {
    await saveSiglip(at, model, { maxShardSize: 30_000 })
    expect((await readdir(at)).filter((name) => name.endsWith('.safetensors')).length).toBeGreaterThan(1)
    const again = await loadSiglip(at)
    expect(again.config).toEqual(model.config)
    expect(await toStateDict(again.params)).toEqual(await toStateDict(model.params))
    expect(again.tokenizer.files).toEqual(model.tokenizer.files)
  } finally {
    await rm(at, { recursive: true })
  }
})

test('a new one has the same shapes, the temperature and the bias of the paper', async () => {
  const params = await initSiglip(model.config, 3)
  const shapes = async (p: SiglipParams) => [...(await toStateDict(p))].map(([name, { shape }]) => [name, shape])
  expect(await shapes(params)).toEqual(await shapes(model.params))
  expect((await params.logit_scale.data())[0]).toBeCloseTo(Math.log(10), 5)
  expect((await params.logit_bias.data())[0]).toBe(-10)
})

test('settings that make no SigLIP are named', async () => {
  const json = JSON.parse(await readFile(`${folder}/config.json`, 'utf8'))
  const parse = (vision: object) => () =>
    parseSiglipConfig({ ...json, vision_config: { ...json.vision_config, ...vision } }, 'c.json')
  expect(parse({ hidden_size: 32 })).toThrow(
    "c.json: expected text_config.projection_size to be the image tower's 32, got 16",
  )
  expect(parse({ vision_use_head: false })).toThrow('expected vision_config.vision_use_head true')
  expect(parse({ hidden_act: 'relu' })).toThrow('expected vision_config.hidden_act "quick_gelu" or "gelu" or')
  await expect(loadClip(folder)).rejects.toThrow('expected "model_type": "clip", got "siglip"')
})
