import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { destroyDevice } from '../../index.js'
import { evaluateRetrieval, trainClip } from '../../models/clip/index.js'
import { progress } from '../../stdlib/show/index.js'
import { emojiConfig } from './config.js'
import { prepare, vendors } from './data.js'
import { drawGallery } from './gallery.js'

/** Trains a CLIP on one vendor's emoji and looks for the other's by their names: README.md. */
const { values } = parseArgs({
  options: {
    vendor: { type: 'string', default: 'twitter' },
    steps: { type: 'string', default: '700' },
    'batch-size': { type: 'string', default: '128' },
    'crop-scale': { type: 'string', default: '0.6' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: 'runs/emoji' },
  },
})
const trained = vendors.find((vendor) => vendor === values.vendor)
if (!trained) throw new Error(`--vendor: expected ${vendors.join(' or ')}, got '${values.vendor}'`)
const other = vendors.find((vendor) => vendor !== trained)!
const folder = (name: string): string => join(values.out, name)
for (const vendor of vendors) await prepare(vendor, folder(vendor))

const run = folder(`model-${trained}`)
let bar: ReturnType<typeof progress> | undefined
const began = performance.now()
const { clip, step } = await trainClip({
  data: folder(trained),
  out: run,
  resume: existsSync(join(run, 'checkpoint')),
  config: emojiConfig,
  imageSize: 48,
  maxLength: 24,
  cropScale: Number(values['crop-scale']),
  steps: Number(values.steps),
  batchSize: Number(values['batch-size']),
  seed: Number(values.seed),
  onStart: ({ steps }) => {
    bar = progress({ total: steps })
  },
  onStep: ({ step, loss, lr, stall_s }, { batchSize }) =>
    bar?.update({ step, loss, lr, images: batchSize, stall: stall_s }),
})
bar?.done()
const minutes = ((performance.now() - began) / 60_000).toFixed(1)
console.log(`trained on ${trained}'s emoji: ${step} steps in ${minutes} minutes`)
for (const vendor of [trained, other]) {
  const { images, metrics } = await evaluateRetrieval(clip, folder(vendor))
  const percent = (name: string): string =>
    [1, 5, 10].map((k) => `R@${k} ${(100 * metrics[`${name}@${k}`]).toFixed(1)} %`).join(', ')
  console.log(
    `${vendor}, ${images} emoji: text to image ${percent('textToImage')}; image to text ${percent('imageToText')}`,
  )
}
const picture = await drawGallery(
  clip,
  join(folder(other), 'images'),
  folder(`index-${trained}`),
  folder('gallery.png'),
)
console.log(`what it finds among ${other}'s drawings: ${picture}`)
await destroyDevice()
