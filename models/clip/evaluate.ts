import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FoveaError } from '../../index.js'
import { shapeLabels } from '../../stdlib/data/index.js'
import type { Clip } from './checkpoint.js'
import { classify } from './classify.js'

export interface Accuracy {
  /** The share of pictures whose likeliest label is the right one. */
  readonly accuracy: number
  readonly images: number
  readonly classes: number
}

/** The prompts of the 24 classes of the world of shapes: 'a red circle', … */
export const shapePrompts: readonly string[] = shapeLabels.map((label) => `a ${label}`)

/**
 * Zero-shot accuracy over a folder that `drawShapes` drew: every picture against all 24 classes, by prompt alone.
 *
 * Throws FoveaError 'input' if the folder is no world of shapes.
 *
 * @example
 * const { accuracy } = await evaluateShapes(await loadClip('checkpoints/clip'), 'shapes/train')
 */
export async function evaluateShapes(
  model: Clip,
  folder: string,
  onProgress?: (done: number, total: number) => void,
): Promise<Accuracy> {
  const samples = await readSamples(folder)
  const images = samples.map(({ image }) => image)
  let done = 0
  let right = 0
  for await (const { label } of classify(model, images, shapePrompts)) {
    if (label === samples[done].prompt) right++
    done++
    onProgress?.(done, images.length)
  }
  return { accuracy: right / done, images: done, classes: shapePrompts.length }
}

async function readSamples(folder: string): Promise<{ image: string; prompt: string }[]> {
  const file = join(folder, 'captions.jsonl')
  try {
    const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean)
    const samples = lines.map((line) => {
      const { image, colour, shape } = JSON.parse(line)
      const prompt = `a ${colour} ${shape}`
      if (!shapePrompts.includes(prompt)) throw new Error(`'${prompt}' is none of the 24 classes`)
      return { image: join(folder, image), prompt }
    })
    if (samples.length === 0) throw new Error('it holds no pictures')
    return samples
  } catch (err) {
    throw new FoveaError(
      'input',
      `cannot evaluate on ${file}: ${(err as Error).message}; draw such a folder with: fovea data shapes ${folder}`,
      undefined,
      { cause: err },
    )
  }
}
