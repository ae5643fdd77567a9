import { FoveaError } from '../../compiler/trace/error.js'

/** Of queries of each direction, the share whose best k results hold one that belongs to them. */
export interface Recall {
  readonly k: number
  readonly imageToText: number
  readonly textToImage: number
}

/**
 * Retrieval both ways between rows of embeddings: recall at each k. `owner[t]` is the image that text t belongs to; an image may have
 * several texts, and counts as found by any. Of equal scores the right one comes last. Time is images × texts × width, memory one row.
 * Throws FoveaError 'input' when the rows don't fit.
 *
 * @example
 * const rows = { width: 2, data: new Float32Array([1, 0, 0, 1]) }
 * recallAtK(rows, rows, [0, 1], [1]) // [ { k: 1, imageToText: 1, textToImage: 1 } ]
 */
export function recallAtK(
  images: { readonly width: number; readonly data: Float32Array },
  texts: { readonly width: number; readonly data: Float32Array },
  owner: ArrayLike<number>,
  ks: readonly number[] = [1, 5, 10],
): Recall[] {
  const { width } = images
  const [n, m] = [images.data.length / width, texts.data.length / width]
  if (texts.width !== width || m !== owner.length || !Number.isInteger(n))
    throw new FoveaError(
      'input',
      `recallAtK: expected rows of one width and an owner for each text, got widths ${width} and ${texts.width}, ${m} texts and ${owner.length} owners`,
    )
  // For each query the best score among what belongs to it, and how many of the rest are as good.
  const bestOfImage = new Float64Array(n).fill(Number.NEGATIVE_INFINITY)
  const own = new Float64Array(m)
  const score = (image: number, text: number): number => {
    let sum = 0
    for (let i = 0; i < width; i++) sum += images.data[image * width + i] * texts.data[text * width + i]
    return sum
  }
  for (let text = 0; text < m; text++) {
    if (!(owner[text] >= 0 && owner[text] < n))
      throw new FoveaError('input', `recallAtK: expected owners 0 … ${n - 1}, got ${owner[text]} for text ${text}`)
    own[text] = score(owner[text], text)
    bestOfImage[owner[text]] = Math.max(bestOfImage[owner[text]], own[text])
  }
  const aheadOfImage = new Int32Array(n)
  const aheadOfText = new Int32Array(m)
  for (let image = 0; image < n; image++)
    for (let text = 0; text < m; text++) {
      if (owner[text] === image) continue
      const s = score(image, text)
      if (s >= bestOfImage[image]) aheadOfImage[image]++
      if (s >= own[text]) aheadOfText[text]++
    }
  const asked = Array.from({ length: n }, (_, i) => i).filter((i) => bestOfImage[i] > Number.NEGATIVE_INFINITY)
  return ks.map((k) => ({
    k,
    imageToText: asked.filter((i) => aheadOfImage[i] < k).length / Math.max(1, asked.length),
    textToImage: aheadOfText.filter((ahead) => ahead < k).length / Math.max(1, m),
  }))
}
