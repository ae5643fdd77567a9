import { createHash } from 'node:crypto'
import { toStateDict } from '../../stdlib/checkpoint/index.js'
import { type AnyClip, isResNetClip } from './checkpoint.js'

/**
 * A digest of all that a picture's embedding hangs on: weights, config and preprocessing. Embeddings of models with different
 * digests can't be compared.
 *
 * @example
 * const digest = await fingerprint(await loadClip('checkpoints/clip')) // 64 hexadecimal digits
 */
export async function fingerprint(model: AnyClip): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([model.config, model.preprocessor]))
  const trees = isResNetClip(model) ? [model.params, model.stats] : [model.params]
  for (const tree of trees)
    for (const [name, { shape, dtype, data }] of await toStateDict(tree as Parameters<typeof toStateDict>[0]))
      hash
        .update(`${name} ${dtype} [${shape}]`)
        .update(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength))
  return hash.digest('hex')
}
