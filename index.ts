/** The public entry `fovea`: the language, its transforms, and the runtime. */

export type { DType } from './compiler/ir/types.js'
export * from './compiler/lang/index.js'
export { type HeldValue, type MemoryAtPeak, memoryAtPeak } from './compiler/pass/peak.js'
export { FoveaError } from './compiler/trace/error.js'
export { namedScope } from './compiler/trace/source.js'
export { Tensor } from './compiler/trace/tensor.js'
export { treeMap } from './compiler/trace/tree.js'
export {
  allGather,
  axisIndex,
  axisSize,
  composite,
  customJvp,
  customVjp,
  evalShape,
  type Grads,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jvp,
  linearize,
  pmax,
  pmean,
  pmin,
  psum,
  type VmapOptions,
  valueAndGrad,
  vjp,
  vmap,
} from './compiler/transform/index.js'
export { debug } from './runtime/debug.js'
export { destroyDevice, getDevice } from './runtime/device.js'
export { type JitOptions, jit } from './runtime/jit.js'
export { type ProfileOptions, profile } from './runtime/profile/profile.js'
export type { Profile, ProfiledDispatch } from './runtime/profile/types.js'
export { type ShowOptions, show } from './runtime/show.js'
export { tensor } from './runtime/tensor.js'
