import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { type Captioned, loadCaptions } from '../../stdlib/data/index.js'
import type { PreprocessorConfig } from '../../stdlib/image/index.js'
import type { Encoded, Tokenizer } from '../../stdlib/text/index.js'

/** A folder of captioned pictures, as training uses it. */
export interface Pairs {
  readonly pairs: readonly Captioned[]
  readonly captions: readonly string[]
  /** A digest of pictures' names and captions, in their order. */
  readonly digest: string
}

export async function loadPairs(folder: string): Promise<Pairs> {
  const pairs = await loadCaptions(folder)
  const hash = createHash('sha256')
  for (const { image, caption } of pairs) hash.update(`${JSON.stringify([basename(image), caption])}\n`)
  return { pairs, captions: pairs.map((pair) => pair.caption), digest: hash.digest('hex') }
}

/** All captions as ids, padded to the longest, and how to pick the rows of a batch. */
export function encodeCaptions(
  captions: readonly string[],
  tokenizer: Tokenizer,
  maxLength: number,
): { length: number; rows(index: readonly number[]): Pick<Encoded, 'ids' | 'mask'> } {
  const { ids, mask, shape } = tokenizer.encode(captions, { maxLength })
  const length = shape[1]
  const pick = (from: Int32Array, index: readonly number[]): Int32Array => {
    const out = new Int32Array(index.length * length)
    index.forEach((row, i) => {
      out.set(from.subarray(row * length, (row + 1) * length), i * length)
    })
    return out
  }
  return { length, rows: (index) => ({ ids: pick(ids, index), mask: pick(mask, index) }) }
}

/** How CLIP prepares pictures, for pictures of `size` pixels: shortest edge, centre, the published mean and deviation. */
export const clipPreprocessor = (size: number) =>
  ({
    image_processor_type: 'CLIPImageProcessor',
    processor_class: 'CLIPProcessor',
    do_resize: true,
    size: { shortest_edge: size },
    resample: 3,
    do_center_crop: true,
    crop_size: { height: size, width: size },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.48145466, 0.4578275, 0.40821073],
    image_std: [0.26862954, 0.26130258, 0.27577711],
  }) satisfies PreprocessorConfig & { image_processor_type: string; processor_class: string }
