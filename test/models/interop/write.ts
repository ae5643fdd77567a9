import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { destroyDevice, jit, type Tensor, tensor } from '../../../index.js'
import { imageEncoder } from '../../../models/clip/embed.js'
import {
  type AnyClip,
  clipLogits,
  encodeImageSiglip,
  encodeText,
  encodeTextSiglip,
  imageFeatures,
  loadClip,
  loadClipText,
  loadClipTextWithProjection,
  loadClipVision,
  loadClipVisionWithProjection,
  loadResNetClip,
  loadSiglip,
  saveClip,
  saveClipText,
  saveClipVision,
  saveOpenClip,
  saveSiglip,
  siglipLogits,
  textFeatures,
  textTower,
  trainClip,
  visionTower,
} from '../../../models/clip/index.js'
import { checkpointFolder } from '../../../models/clip/run.js'
import { drawShapes } from '../../../stdlib/data/index.js'
import { decodeImage, preprocess } from '../../../stdlib/image/index.js'
import { tinyRun } from '../tiny.js'

/**
 * Models that Fovea wrote, for PyTorch to open, by hand:
 *
 *   npx tsx test/models/interop/write.ts FOLDER && python test/models/interop/read.py FOLDER && npx tsx test/models/interop/back.ts FOLDER
 *
 * Each folder gets what transformers or open_clip opens, and fovea.json: pictures, texts, and the logits that Fovea computes. Python needs
 * torch, transformers and open_clip_torch.
 */
const [root] = process.argv.slice(2)
if (!root) throw new Error('expected a folder to write to')
const fixtures = 'test/models/fixtures'
type Any = Tensor<any, any>

const data = join(root, 'shapes')
await drawShapes(data, { count: 30, seed: 1 })
const pictures = (await readdir(join(data, 'images'))).sort().slice(0, 4)
const images = pictures.map((name) => join(data, 'images', name))
const texts = ['a red circle', 'a small blue square', 'a green triangle above a circle', 'a']

const rgb = await Promise.all(images.map((file) => decodeImage(file)))
const inputs = ({ preprocessor, tokenizer }: Pick<AnyClip, 'preprocessor' | 'tokenizer'>) => {
  const pixels = preprocess(rgb, preprocessor)
  const { ids, mask, shape } = tokenizer.encode(texts, { padding: 'max_length' })
  return {
    pixels: tensor(pixels.data, pixels.shape) as Any,
    ids: tensor(ids, shape, 'i32') as Any,
    mask: tensor(mask, shape, 'i32') as Any,
  }
}
async function note(folder: string, kind: string, values: Any): Promise<void> {
  const content = { kind, images, texts, shape: values.shape, values: [...(await values.data())] }
  await writeFile(join(folder, 'fovea.json'), JSON.stringify(content))
}
const target = async (name: string): Promise<string> => {
  await mkdir(join(root, name), { recursive: true })
  return join(root, name)
}
async function logits(model: AnyClip): Promise<Any> {
  const { pixels, ids, mask } = inputs(model)
  const encode = imageEncoder(model)
  return jit((x: any, i: any, m: any) =>
    clipLogits(encode(x), encodeText(model.params, model.config, i, m) as any, model.params.logit_scale),
  )(pixels, ids, mask) as Promise<Any>
}

await trainClip({ ...tinyRun, data, out: join(root, 'run'), steps: 8 })
const trained = await loadClip(checkpointFolder(join(root, 'run')))
for (const [name, maxShardSize] of [
  ['clip', 5e9],
  ['clip-sharded', 20_000],
] as const) {
  const at = await target(name)
  await saveClip(at, trained, { maxShardSize })
  await note(at, 'CLIPModel', await logits(trained))
}
const from = join(root, 'clip')
for (const load of [loadClipText, loadClipTextWithProjection]) {
  const at = await target(load.name)
  const model = await load(from)
  await saveClipText(at, model)
  const { ids, mask } = inputs(trained)
  const output = (i: any, m: any) =>
    'text_projection' in model.params
      ? textFeatures(model.params as any, model.config, i, m)
      : textTower(model.params.text_model, model.config.text_config, i, m)
  await note(at, load === loadClipText ? 'CLIPTextModel' : 'CLIPTextModelWithProjection', await jit(output)(ids, mask))
}
for (const load of [loadClipVision, loadClipVisionWithProjection]) {
  const at = await target(load.name)
  const model = await load(from)
  await saveClipVision(at, model)
  const output = (x: any) =>
    'visual_projection' in model.params
      ? imageFeatures(model.params as any, model.config, x)
      : visionTower(model.params.vision_model, model.config.vision_config, x)
  const kind = load === loadClipVision ? 'CLIPVisionModel' : 'CLIPVisionModelWithProjection'
  await note(at, kind, await jit(output)(inputs(trained).pixels))
}
for (const pooling of ['class', 'mean', 'mean_then_norm'] as const) {
  const at = await target(`open-clip-${pooling}`)
  const vision_config = { ...trained.config.vision_config, pooling }
  await saveOpenClip(at, { ...trained, config: { ...trained.config, vision_config } })
  await note(at, 'open_clip', await logits(await loadClip(at)))
}
const resnet = await loadResNetClip(`${fixtures}/clip-resnet`)
const resnetFolder = await target('open-clip-resnet')
await saveOpenClip(resnetFolder, resnet)
await note(resnetFolder, 'open_clip', await logits(resnet))

const siglip = await loadSiglip(`${fixtures}/siglip`)
const siglipFolder = await target('siglip')
await saveSiglip(siglipFolder, siglip)
const { pixels, ids } = inputs(siglip)
const { params, config } = siglip
await note(
  siglipFolder,
  'SiglipModel',
  (await jit((x: any, i: any) =>
    siglipLogits(
      encodeImageSiglip(params, config, x),
      encodeTextSiglip(params, config, i) as any,
      params.logit_scale,
      params.logit_bias,
    ),
  )(pixels, ids)) as Any,
)
await destroyDevice()
