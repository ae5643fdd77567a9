export { type AdamWOptions, adamw, type Optimizer, type OptState } from './adamw.js'
export { warmupCosine } from './schedule.js'
