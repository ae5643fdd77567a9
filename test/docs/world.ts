import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { pack } from 'tar-stream'
import { ones } from '../../index.js'
import { loadClip } from '../../models/clip/index.js'
import { drawShapes, loadCaptions } from '../../stdlib/data/index.js'
import { decodeImage } from '../../stdlib/image/index.js'
import { loadTokenizer } from '../../stdlib/text/index.js'
import type { Names } from './run.js'

/** The files that examples read, made in an empty folder, and the values that they take for granted. */
export async function makeWorld(root: string, folder: string): Promise<Names> {
  const fixture = join(root, 'test/models/fixtures/clip-vit')
  const at = (name: string): string => join(folder, name)
  await cp(fixture, at('clip'), { recursive: true })
  await cp(fixture, at('checkpoints/clip'), { recursive: true })
  await cp(join(root, 'test/models/fixtures/clip-resnet'), at('checkpoints/RN50'), { recursive: true })
  await cp(join(root, 'test/models/fixtures/siglip'), at('checkpoints/siglip'), { recursive: true })
  await cp(join(fixture, 'rocket.jpg'), at('cat.jpg'))
  await cp(join(root, 'test/data/torch/plain.pt'), at('clip.pt'))
  await mkdir(at('runs'))
  await drawShapes(at('shapes/train'), { count: 64, seed: 1 })
  const shard = pack()
  shard.entry({ name: '1.jpg' }, await readFile(at('cat.jpg')))
  shard.entry({ name: '1.txt' }, 'a cat')
  shard.finalize()
  await mkdir(at('shards'))
  await writeFile(at('shards/000.tar'), await buffer(shard))
  const clip = await loadClip(at('clip'))
  return {
    params: { w: ones([2]) },
    pairs: await loadCaptions(at('shapes/train')),
    picture: await decodeImage(at('cat.jpg')),
    points: [0, 1, 2].map((step) => ({ step, loss: 3 - step })),
    preprocessor: clip.preprocessor,
    tokenizer: await loadTokenizer(at('clip')),
    writeFile,
  }
}
