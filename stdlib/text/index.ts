export { loadTokenizer, writeTokenizer } from './files.js'
export {
  createTokenizer,
  type Encoded,
  type EncodeOptions,
  type Tokenizer,
  type TokenizerConfig,
  type TokenizerFiles,
  type TokenizerJson,
} from './tokenizer.js'
export { type TrainBpeOptions, trainBpe } from './train.js'
