export { type LayerNormParams, layerNorm } from './layer-norm.js'
export { type LinearParams, linear } from './linear.js'
