import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { destroyDevice, jit, tensor } from '../../../index.js'
import { imageEncoder } from '../../../models/clip/embed.js'
import { clipLogits, encodeText, loadAnyClip } from '../../../models/clip/index.js'

/** Models that PyTorch wrote in the first release's layout in half precision, opened by Fovea; see write.ts. */
const [root] = process.argv.slice(2)
for (const name of ['openai-fp16', 'openai-fp16-resnet']) {
  const model = await loadAnyClip(join(root, name))
  const { pixels, pixelShape, ids, shape, values } = JSON.parse(await readFile(join(root, name, 'torch.json'), 'utf8'))
  const mask = tensor(new Int32Array(ids.length).fill(1), shape, 'i32') as any
  const encode = imageEncoder(model)
  const logits = await jit((x: any, i: any, m: any) =>
    clipLogits(encode(x), encodeText(model.params, model.config, i, m) as any, model.params.logit_scale),
  )(tensor(Float32Array.from(pixels), pixelShape) as any, tensor(Int32Array.from(ids), shape, 'i32') as any, mask)
  const got = await logits.data()
  const most = Math.max(...got.map((x, i) => Math.abs(x - values[i])))
  process.stdout.write(`${name}: largest difference ${most.toExponential(2)} of ${got.length} logits\n`)
  if (!(most < 1e-3)) process.exitCode = 1
}
await destroyDevice()
