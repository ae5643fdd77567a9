export { type Batch, type BatchOptions, batches } from './batches.js'
export { type Captioned, loadCaptions } from './captions.js'
export { type ClassFolders, loadClassFolders } from './class-folders.js'
export { type CorruptKind, type CorruptLog, type CorruptOptions, corruptLog, describeCounts } from './corrupt.js'
export { type OpenOptions, openPairs, type PairList } from './open.js'
export { findPictures, type PictureFile } from './pictures.js'
export { seededRandom } from './random.js'
export {
  drawShapes,
  type ShapeColour,
  type ShapeName,
  type ShapeRecord,
  type ShapesOptions,
  shapeColours,
  shapeLabels,
  shapeNames,
} from './shapes.js'
export { findShards, type ShardOptions, type ShardPosition, streamShards } from './shards.js'
export { permutation } from './shuffle.js'
export type { ShardRecord } from './tar.js'
