export { type LossPoint, lossCurve, lossCurvePng } from './curve.js'
export { type ProgressOptions, progress, type Step } from './progress.js'
export { brief, duration, table } from './text.js'
