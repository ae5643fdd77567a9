export { type LossPoint, lossCurve, lossCurvePng } from './curve.js'
export { escapeXml, type Heatmap, heatmap, heatmapPng } from './heatmap.js'
export { type ProgressOptions, progress, type Step } from './progress.js'
export { brief, duration, table } from './text.js'
