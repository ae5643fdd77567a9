export { type Clip, loadClip, saveClip } from './checkpoint.js'
export { type ClipConfig, parseConfig, smallConfig } from './config.js'
export {
  clampLogitScale,
  clipLogits,
  clipLoss,
  contrastive,
  encodeImage,
  encodeText,
  imageFeatures,
  textFeatures,
  textTower,
  visionTower,
} from './model.js'
export { type ClipParams, clipTemplate, initClip } from './params.js'
