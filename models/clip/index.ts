export {
  type AnyClip,
  atImageSize,
  type Clip,
  loadAnyClip,
  loadClip,
  loadResNetClip,
  type ResNetClip,
  saveClip,
} from './checkpoint.js'
export { type Classified, classify } from './classify.js'
export {
  type ClipConfig,
  type ClipTextConfig,
  type ClipVisionConfig,
  parseConfig,
  type ResNetClipConfig,
  type ResNetConfig,
  smallConfig,
} from './config.js'
export { collectEmbeddings, type EmbeddedImage, type Embeddings, embedImages, embedTexts } from './embed.js'
export { evaluateShapes, shapePrompts } from './evaluate.js'
export {
  type EvaluateOptions,
  type EvaluateProbeOptions,
  type Evaluation,
  evaluateFewShot,
  evaluateProbe,
  evaluateRetrieval,
  evaluateZeroShot,
  type NamedMatrix,
} from './evaluation.js'
export {
  type EmbedToFileOptions,
  embedToFile,
  type NamedEmbeddings,
  readEmbeddings,
  writeEmbeddings,
} from './files.js'
export { fingerprint } from './fingerprint.js'
export type { EmbedFilesOptions } from './journal.js'
export {
  clampLogitScale,
  clipLogits,
  clipLoss,
  clipLossResNet,
  contrastive,
  embeddedLoss,
  embedPairs,
  encodeImage,
  encodeImageResNet,
  encodeText,
  imageFeatures,
  type PairBatch,
  type PairEmbeddings,
  textFeatures,
  textStates,
  textTower,
  visionStates,
  visionTower,
} from './model.js'
export { saveOpenClip } from './open-clip.js'
export { type ClipParams, clipTemplate, initClip, initResNetClip, type ResNetClipParams } from './params.js'
export type { PictureOptions } from './pictures.js'
export {
  fewShot,
  type Labelled,
  type LinearProbe,
  lambdas,
  linearProbe,
  type ProbeOptions,
  predict,
  sweepProbe,
} from './probe.js'
export { writeReport } from './report.js'
export { type ResNetParams, type ResNetStats, resnetTower, resnetTowerTrain } from './resnet.js'
export { type Saliency, saliency } from './saliency.js'
export {
  type Hit,
  openIndex,
  type PictureIndex,
  searchIndex,
  type UpdatedIndex,
  updateIndex,
} from './search.js'
export {
  encodeImageSiglip,
  encodeTextSiglip,
  siglipLogits,
  siglipLoss,
  siglipTextTower,
  siglipVisionTower,
} from './siglip.js'
export { loadSiglip, type Siglip, saveSiglip } from './siglip-checkpoint.js'
export { parseSiglipConfig, type SiglipConfig } from './siglip-config.js'
export { initSiglip, type SiglipParams, siglipTemplate } from './siglip-params.js'
export {
  type ClipText,
  type ClipTextWithProjection,
  type ClipVision,
  type ClipVisionWithProjection,
  loadClipText,
  loadClipTextWithProjection,
  loadClipVision,
  loadClipVisionWithProjection,
  saveClipText,
  saveClipVision,
} from './towers.js'
export { type Trained, type TrainOptions, trainClip } from './train.js'
export { classEmbeddings, readTemplates } from './zeroshot.js'
