import type { Target } from '../../compiler/ir/program.js'

/** A device to compile for: the same on every machine, because compiling touches none. */
export const target: Target = {
  class: 'software',
  maxStorageBuffersPerShaderStage: 10,
  maxStorageBufferBindingSize: 2 ** 27,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 2 ** 14,
  maxComputeWorkgroupsPerDimension: 65535,
}
