import { parseArgs } from 'node:util'
import { destroyDevice, getDevice, jit, type Tensor, tensor, treeMap } from '../../index.js'
import { type ClipConfig, encodeImage, initClip, initResNetClip, parseConfig } from '../../models/clip/index.js'
import { encodeImageResNet } from '../../models/clip/model.js'
import { resnetStatsTemplate } from '../../models/clip/resnet-params.js'
import { trainStep } from '../../models/clip/step.js'
import { drawParams } from '../../models/parts/starts.js'
import { showBytes } from '../../runtime/bytes.js'

/**
 * CLIP at published sizes, with random weights: ViT-B/32's images forward, its training step, and RN50's images forward. Prints what
 * compiling, the first call and later ones take, and the memory; FOVEA_DEVICE chooses the device.
 *
 *     npx tsx test/bench/real-size.ts [--batch N] [--calls N] [--only forward|step|rn50]
 */
const { values } = parseArgs({
  options: {
    batch: { type: 'string', default: '8' },
    calls: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
  },
})
const [batch, calls] = [Number(values.batch), Number(values.calls)]
// Hugging Face's defaults are those of openai/clip-vit-base-patch32.
const config: ClipConfig = parseConfig({ model_type: 'clip' }, 'ViT-B/32')
const { stats, info } = await getDevice()
console.log(`${info.description}, batch ${batch}`)

const seconds = (from: number): string => `${((performance.now() - from) / 1000).toFixed(2)} s`
const noise = (shape: number[]): Tensor<any, 'f32'> =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i)),
    shape,
  ) as never

async function measure(
  name: string,
  /** Compiles ahead, where the function is jitted here. */
  program: (() => Promise<{ memory: { peakBytes: number } }>) | undefined,
  call: () => Promise<void>,
) {
  const start = performance.now()
  const memory = (await program?.())?.memory
  const ahead = memory
    ? `trace and compile ${seconds(start)}, temporaries and results ${showBytes(memory.peakBytes)}, `
    : ''
  const first = performance.now()
  await call()
  const firstCall = seconds(first)
  const times: number[] = []
  for (let i = 0; i < calls; i++) {
    const from = performance.now()
    await call()
    times.push(performance.now() - from)
  }
  const best = (Math.min(...times) / 1000).toFixed(2)
  console.log(
    `${name}: ${ahead}first call ${firstCall}, then ${best} s; ${showBytes(stats.bytesInUse)} in use on the device`,
  )
}
const dispose = (tree: unknown): unknown =>
  treeMap((x: Tensor<any, any>) => {
    x.dispose()
    return x
  }, tree as object)

if ('forward'.startsWith(values.only)) {
  const params = await initClip(config, 1)
  const run = jit((p: typeof params, x: any) => encodeImage(p, config, x), { name: 'forward' })
  const pixels = noise([batch, 3, 224, 224])
  await measure(
    'ViT-B/32 images forward',
    () => run.program(params, pixels),
    async () => {
      using y = (await run(params, pixels)) as Tensor<any, 'f32'>
      await y.data()
    },
  )
  dispose([params, pixels])
}
if ('step'.startsWith(values.only)) {
  const settings = { steps: 100, batchSize: batch, lr: 1e-5, warmup: 10, weightDecay: 0.1, muonLr: 0 }
  const { step, init, split } = trainStep(config, settings)
  let [params, held] = split(await initClip(config, 1))
  let state = init(params)
  const pixels = noise([batch, 3, 224, 224]) as any
  const ids = Int32Array.from({ length: batch * 77 }, (_, i) => (i % 77 === 20 ? 49407 : (i * 7) % 40_000))
  const [tokens, mask] = [ids, Int32Array.from(ids, (_, i) => Number(i % 77 <= 20))].map((x) =>
    tensor(x, [batch, 77]),
  ) as any[]
  await measure('CLIP ViT-B/32 training step (AdamW)', undefined, async () => {
    const [p, s, loss] = await step(params, state, pixels, tokens, mask, held)
    params = p
    state = s
    await loss.data()
    loss.dispose()
  })
  dispose([params, state, pixels, tokens, mask, held])
}
if ('rn50'.startsWith(values.only)) {
  const resnet = {
    ...config,
    projection_dim: 1024,
    vision_config: { layers: [3, 4, 6, 3], width: 64, image_size: 224, head_width: 64 },
  } as const
  const params = (await initResNetClip(resnet as never, 1)) as any
  const running = await drawParams(resnetStatsTemplate(resnet.vision_config as never), 1)
  const run = jit((p: any, s: any, x: any) => encodeImageResNet(p, resnet as never, s, x), { name: 'rn50' })
  const pixels = noise([batch, 3, 224, 224])
  await measure(
    'RN50 images forward',
    () => run.program(params, running, pixels),
    async () => {
      using y = (await run(params, running, pixels)) as Tensor<any, 'f32'>
      await y.data()
    },
  )
}
await destroyDevice()
