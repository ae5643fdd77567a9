import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { recoverFolder } from '../../stdlib/checkpoint/index.js'
import { type AnyClip, loadAnyClip } from '../clip/checkpoint.js'
import { checkpointFolder } from '../clip/run.js'

/** Opens a model's folder, or the checkpoint of a run's folder. */
export async function openModel(folder: string): Promise<AnyClip> {
  const ofRun = checkpointFolder(folder)
  await recoverFolder(ofRun)
  const isRun = !existsSync(join(folder, 'config.json')) && existsSync(ofRun)
  return loadAnyClip(isRun ? ofRun : folder)
}
