import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { flatten } from '../../compiler/trace/tree.js'
import { destroyDevice, getDevice, jit, onesLike, stack, type Tensor, tensor, valueAndGrad } from '../../index.js'
import {
  atImageSize,
  type Clip,
  type ClipParams,
  clampLogitScale,
  clipLogits,
  clipLoss,
  encodeImage,
  encodeText,
  imageFeatures,
  loadClip,
  parseConfig,
  textFeatures,
  textTower,
  visionTower,
} from '../../models/clip/index.js'
import type { Probe } from '../../models/parts/probe.js'
import { type HostTensor, readSafetensors } from '../../stdlib/checkpoint/index.js'
import { adamw, type OptState } from '../../stdlib/optim/index.js'
import { assertClose } from '../../stdlib/testing/index.js'

type Pixels = Parameters<typeof clipLoss>[2]
type Ids = Parameters<typeof clipLoss>[3]
type Hidden = Tensor<any, 'f32'>[]

/** The tiny checkpoint's expected numbers, made with transformers and PyTorch; its README says how. */
const folder = 'test/models/fixtures/clip-vit'
let model: Clip
let want: Map<string, HostTensor>
let facts: {
  tensors: Record<string, { atol: number; mean_atol: number }>
  options: { adamw: { lr: number; betas: [number, number]; eps: number; weight_decay: number; steps: number } }
}

beforeAll(async () => {
  model = await loadClip(folder)
  want = await readSafetensors(`${folder}/expected.safetensors`)
  facts = JSON.parse(await readFile(`${folder}/expected.json`, 'utf8'))
})
afterAll(destroyDevice)

const given = (name: string): Tensor<any, any> => {
  const { data, shape, dtype } = want.get(name)!
  return tensor(data, shape, dtype as 'f32' | 'i32')
}
const close = async (got: Tensor<any, any>, name: string): Promise<void> => {
  const { atol, mean_atol } = facts.tensors[name]
  expect(got.shape).toEqual(want.get(name)!.shape)
  await assertClose(got, want.get(name)!.data as Float32Array, { atol, rtol: 0, meanAtol: mean_atol })
}

/** A probe that keeps the states between layers in their order. */
const keep =
  (into: Hidden): Probe =>
  (name, state) => {
    if (/^(input|layer\d+)$/.test(name)) into.push(state)
    return state
  }

test('both towers, layer by layer, and the logits', async () => {
  const { config } = model
  const run = jit((p: ClipParams, pixels: Pixels, ids: Ids, mask: Ids) => {
    const [vision, text]: [Hidden, Hidden] = [[], []]
    const pooled = {
      'vision/pooled': visionTower(p.vision_model, config.vision_config, pixels, keep(vision)),
      'text/pooled': textTower(p.text_model, config.text_config, ids, mask, keep(text)),
    }
    const [images, texts] = [encodeImage(p, config, pixels), encodeText(p, config, ids, mask)]
    const named = (prefix: string, states: Hidden): Record<string, Hidden[number]> =>
      Object.fromEntries(states.map((x, i) => [`${prefix}/hidden/${i}`, x]))
    return {
      ...pooled,
      ...named('vision', vision),
      ...named('text', text),
      image_features: imageFeatures(p, config, pixels),
      text_features: textFeatures(p, config, ids, mask),
      image_embeds: images,
      text_embeds: texts,
      logits_per_image: clipLogits(images, texts, p.logit_scale),
    }
  })
  const out = await run(model.params, given('pixel_values'), given('input_ids'), given('attention_mask'))
  expect(Object.keys(out).length).toBe(2 + 4 + 3 + 5)
  for (const [name, x] of Object.entries(out)) await close(x, name)
})

test('both rules for the pooled position', async () => {
  const { config, params } = model
  const legacy = parseConfig(
    JSON.parse(await readFile(`${folder}/legacy-eos/config.json`, 'utf8')),
    'legacy-eos/config.json',
  )
  const ids = given('trap/input_ids')
  const run = jit((p: ClipParams, x: Ids) => {
    const mask = onesLike(x)
    return [textTower(p.text_model, config.text_config, x, mask), textTower(p.text_model, legacy.text_config, x, mask)]
  })
  const [now, old] = await run(params, ids)
  await close(now, 'trap/real_eos/pooled')
  await close(old, 'trap/legacy_eos_2/pooled')
})

test('a larger picture, by interpolated positions', async () => {
  const large = atImageSize(model, 64)
  const run = jit((p: ClipParams, pixels: Pixels) => visionTower(p.vision_model, large.config.vision_config, pixels))
  await close(await run(large.params, given('interpolated/pixel_values')), 'interpolated/vision_pooled')
  expect(() => atImageSize(model, 63)).toThrow('expected a multiple of the patch size')
})

describe('training', () => {
  const batch = (): [Pixels, Ids, Ids] => [
    given('pixel_values'),
    given('pairs/input_ids'),
    given('pairs/attention_mask'),
  ]
  const lossAndGrads = (p: ClipParams, ...data: [Pixels, Ids, Ids]) =>
    valueAndGrad((q: ClipParams) => clipLoss(q, model.config, ...data))(p)

  test('the loss and its gradient for every parameter', async () => {
    const [loss, grads] = await jit(lossAndGrads)(model.params, ...batch())
    await close(loss, 'loss')
    const { leaves, paths } = flatten(grads)
    expect(paths.length).toBe([...want.keys()].filter((name) => name.startsWith('grad/')).length)
    for (const [i, path] of paths.entries()) await close(leaves[i], `grad/${path}`)
  })

  test('losses and parameters of the AdamW steps, one submit each', async () => {
    const { lr, betas, eps, weight_decay, steps } = facts.options.adamw
    const optimizer = adamw({ lr, betas, eps, weightDecay: weight_decay })
    const step = jit(
      (p: ClipParams, state: OptState<ClipParams>, ...data: [Pixels, Ids, Ids]) => {
        const [loss, grads] = lossAndGrads(p, ...data)
        const [next, nextState] = optimizer.update(grads, state, p)
        return [clampLogitScale(next), nextState, loss] as const
      },
      { donate: [0, 1] },
    )
    let { params } = await loadClip(folder)
    let state = optimizer.init(params)
    const losses: Tensor<[], 'f32'>[] = []
    const { stats } = await getDevice()
    for (let i = 0; i < steps; i++) {
      const submits = stats.submits
      const [nextParams, nextState, loss] = await step(params, state, ...batch())
      // The first call also runs the optimiser state's pending zeros.
      if (i > 0) expect(stats.submits - submits).toBe(1)
      params = nextParams
      state = nextState
      losses.push(loss)
    }
    await close(stack(losses), 'adamw/losses')
    const { leaves, paths } = flatten(params)
    for (const [i, path] of paths.entries()) await close(leaves[i], `after/${path}`)
  })
})
