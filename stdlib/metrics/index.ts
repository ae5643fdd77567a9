export { accuracy, type Confusion, confusionMatrix, topKAccuracy } from './classification.js'
export { type Recall, recallAtK } from './retrieval.js'
