import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { type Captioned, type OpenOptions, openPairs } from '../../stdlib/data/index.js'
import type { PreprocessorConfig } from '../../stdlib/image/index.js'
import type { Encoded, Tokenizer } from '../../stdlib/text/index.js'

/** Captioned pictures, as training uses them. */
export interface Pairs {
  readonly pairs: readonly Captioned[]
  readonly captions: readonly string[]
  /** A digest of pictures' names and captions, in their order. */
  readonly digest: string
  /** Records, those that can't be used included. */
  readonly records: number
}

export async function loadPairs(data: string, options: OpenOptions): Promise<Pairs> {
  const { pairs, records } = await openPairs(data, options)
  const hash = createHash('sha256')
  const all = pairs.map(({ caption, captions = [caption] }) => captions)
  pairs.forEach(({ image }, i) => {
    hash.update(`${JSON.stringify([basename(image), ...all[i]])}\n`)
  })
  return { pairs, captions: all.flat(), digest: hash.digest('hex'), records }
}

/** All captions as ids, padded to the longest, and how to pick the rows of a batch. */
export function encodeCaptions(
  captions: readonly string[],
  tokenizer: Tokenizer,
  maxLength: number,
): { length: number; rows(captions: readonly string[]): Pick<Encoded, 'ids' | 'mask'> } {
  const unique = [...new Set(captions)]
  const rowOf = new Map(unique.map((caption, row) => [caption, row]))
  const { ids, mask, shape } = tokenizer.encode(unique, { maxLength })
  const length = shape[1]
  const pick = (from: Int32Array, texts: readonly string[]): Int32Array => {
    const out = new Int32Array(texts.length * length)
    texts.forEach((text, i) => {
      const row = rowOf.get(text)!
      out.set(from.subarray(row * length, (row + 1) * length), i * length)
    })
    return out
  }
  return { length, rows: (texts) => ({ ids: pick(ids, texts), mask: pick(mask, texts) }) }
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
