import {
  add,
  jit,
  mean,
  mul,
  relu,
  reshape,
  slice,
  sum,
  type Tensor,
  tensor,
  valueAndGrad,
  zeros,
} from '../../index.js'
import { preprocess, type Rgb } from '../../stdlib/image/index.js'
import type { Probe } from '../parts/probe.js'
import { type AnyClip, type Clip, isResNetClip, type ResNetClip } from './checkpoint.js'
import { embedTexts, imageEncoder } from './embed.js'
import type { Pixels } from './step.js'

type Any = Tensor<any, 'f32'>

/** Where in a picture the evidence for a text is, on the grid of patches or of the last feature map. */
export interface Saliency {
  readonly rows: number
  readonly columns: number
  /** `rows · columns` numbers from 0 to 1, row by row; all 0 when nothing speaks for the text. */
  readonly values: Float32Array
  /** Cosine similarity of picture and text. */
  readonly similarity: number
}

/**
 * Grad-CAM of a text: the similarity's gradient with respect to the image tower's states. For a ResNet the last feature map, each feature
 * weighted by its mean gradient; for a ViT the patches' states that the last layer attends to, each times its own gradient. What speaks against
 * the text is cut off. The picture is what the model sees of it, resized and cropped.
 * Source: Selvaraju et al. 2017, "Grad-CAM", equations 1 and 2.
 *
 * @example
 * const { values } = await saliency(await loadClip('checkpoints/clip'), picture, 'a red circle')
 */
export async function saliency(model: AnyClip, image: Rgb, text: string): Promise<Saliency> {
  const { at, shape, map } = isResNetClip(model) ? ofResNet(model) : ofVit(model)
  const { data, width } = await embedTexts(model, [text])
  const { data: numbers, shape: size } = preprocess([image], model.preprocessor)
  const run = jit(
    (pixels: Pixels, wanted: Any) => {
      // Nothing added, with a gradient that is the state's.
      const similarity = (nothing: Any): any => {
        let state: Any | undefined
        const probe: Probe = (name, x) => {
          if (name !== at) return x
          state = x
          return add(x, nothing) as Any
        }
        const embedding = imageEncoder(model, probe)(pixels) as Any
        return [sum(mul(embedding, wanted) as Any), state]
      }
      const [[score, kept], gradient] = valueAndGrad(similarity, { hasAux: true })(zeros(shape) as Any) as any
      return [score, relu(map(kept, gradient) as Any)]
    },
    { name: 'clip.saliency' },
  )
  const [score, grid] = (await run(
    tensor(numbers, size) as unknown as Pixels,
    tensor(data, [1, width]) as Any,
  )) as Any[]
  const values = (await grid.data()).slice()
  const most = values.reduce((a, b) => Math.max(a, b), 0)
  const [rows, columns] = grid.shape as number[]
  return {
    rows,
    columns,
    values: most > 0 ? values.map((v) => v / most) : values,
    similarity: await score.item(),
  }
}

interface Place {
  /** The state's name. */
  readonly at: string
  readonly shape: readonly number[]
  /** From the state and its gradient to [rows, columns]. */
  readonly map: (state: Any, gradient: Any) => Any
}

function ofVit({ config }: Clip): Place {
  const { image_size, patch_size, hidden_size } = config.vision_config
  const side = image_size / patch_size
  const tokens = side * side + 1
  return {
    // Behind the norm: before it a state's size is nothing to the model, and its gradient is at a right angle to it.
    at: 'layer_norm1',
    shape: [1, tokens, hidden_size],
    map: (state, gradient) => {
      const each = sum(mul(state, gradient) as Any, -1) as Any
      return reshape(slice(each, [0, 1], [1, tokens]) as Any, [side, side]) as Any
    },
  }
}

function ofResNet({ config }: ResNetClip): Place {
  const { image_size, width } = config.vision_config
  const side = image_size / 32
  return {
    at: 'layer4',
    shape: [1, side, side, width * 32],
    map: (state, gradient) => {
      const weights = mean(gradient, [1, 2], { keepdims: true }) as Any
      return reshape(sum(mul(state, weights) as Any, -1) as Any, [side, side]) as Any
    },
  }
}
