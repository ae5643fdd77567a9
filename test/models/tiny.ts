import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { smallConfig } from '../../models/clip/config.js'
import type { TrainOptions } from '../../models/clip/train.js'

/** A CLIP as small as can be, for the software GPU: its numbers mean nothing. */
export const tinyConfig: typeof smallConfig = (options) => {
  const config = smallConfig(options)
  const size = { hidden_size: 16, intermediate_size: 16, num_hidden_layers: 2, num_attention_heads: 2 }
  return {
    ...config,
    projection_dim: 16,
    text_config: { ...config.text_config, ...size },
    vision_config: { ...config.vision_config, ...size, patch_size: 16 },
  }
}

/** Options that don't hang on the recipe's. */
export const tinyRun = {
  batchSize: 4,
  config: tinyConfig,
  seed: 3,
  lr: 2e-3,
  muonLr: 0.02,
} satisfies Partial<TrainOptions>

/** The bytes of a folder's files, as text. */
export async function contents(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).sort()
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, (await readFile(join(folder, name))).toString('latin1')])),
  )
}
