export { type BatchNormParams, type BatchNormStats, batchNorm, batchNormTrain } from './batch-norm.js'
export { contrastiveLoss } from './contrastive.js'
export { type LayerNormParams, layerNorm } from './layer-norm.js'
export { type LinearParams, linear } from './linear.js'
