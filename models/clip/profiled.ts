import { tensor } from '../../index.js'
import { smallConfig } from './config.js'
import { initClip } from './params.js'
import { recipe } from './recipe.js'
import { trainStep } from './step.js'

/** What `fovea profile clip` measures: a training step of the CLIP of `npm start`, on numbers that are as good as any. */
export async function clipStep(batch: number) {
  const [texts, vocabSize] = [12, 580]
  const { imageSize, maxLength } = recipe
  const ids = { bosId: vocabSize - 2, eosId: vocabSize - 1, padId: vocabSize - 1 }
  const config = smallConfig({ ...ids, vocabSize, imageSize, maxLength })
  const { step, init } = trainStep(config, recipe)
  const params = await initClip(config, recipe.seed)
  const pixels = Float32Array.from({ length: batch * 3 * imageSize ** 2 }, (_, i) => Math.sin(i))
  const tokens = Int32Array.from({ length: batch * texts }, (_, i) => {
    const at = i % texts
    return at === 0 ? ids.bosId : at < texts - 1 ? (7 * i) % ids.bosId : ids.eosId
  })
  const args = [
    params,
    init(params),
    tensor(pixels, [batch, 3, imageSize, imageSize]),
    tensor(tokens, [batch, texts]),
    tensor(new Int32Array(batch * texts).fill(1), [batch, texts]),
  ]
  return { fn: step, args }
}
