export { type AdamWOptions, adamw, type OptState } from './adamw.js'
export { type MuonOptions, type MuonState, muon } from './muon.js'
export { type PartitionState, partition } from './partition.js'
export { type Schedule, warmupCosine } from './schedule.js'
