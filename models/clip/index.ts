export { type Clip, loadClip, saveClip } from './checkpoint.js'
export { type Classified, type ClassifyOptions, classify } from './classify.js'
export { type ClipConfig, parseConfig, smallConfig } from './config.js'
export { evaluateShapes, shapePrompts } from './evaluate.js'
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
export { type Trained, type TrainOptions, trainClip } from './train.js'
