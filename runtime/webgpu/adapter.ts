import type { Candidate, DeviceKind, DeviceName } from '../choose.js'
import type { DeviceInfo } from '../device.js'
import { openWebgpu } from './device.js'

/** An adapter, from Dawn or from a browser. */
export interface Adapter {
  readonly adapter: GPUAdapter
  readonly kind: DeviceKind
  readonly backend: string
  /** Called with everything that is waited for. */
  readonly nap?: (promise: Promise<unknown>) => void
}

export const limitNames = [
  'maxStorageBuffersPerShaderStage',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
] as const

export const candidateOf = (name: DeviceName, adapter: Adapter): Candidate => ({
  name,
  found: { info: infoOf(adapter, adapter.adapter), open: (onLost) => openWebgpu(adapter, onLost) },
})

/** Plain data about an adapter and the limits and features in force. */
export function infoOf({ adapter, kind, backend }: Adapter, has: Pick<GPUDevice, 'limits' | 'features'>): DeviceInfo {
  const { vendor, architecture, description, device } = adapter.info
  return {
    kind,
    vendor,
    architecture,
    description: description || device,
    backend,
    limits: Object.fromEntries(limitNames.map((name) => [name, has.limits[name]])),
    features: [...has.features].sort(),
  }
}

/** Tells software adapters by what they say of themselves. */
export function kindOf(adapter: GPUAdapter): DeviceKind {
  const { architecture, device, description, isFallbackAdapter } = adapter.info
  const text = `${architecture} ${device} ${description}`.toLowerCase()
  if (text.includes('swiftshader')) return 'swiftshader'
  if (text.includes('llvmpipe') || text.includes('lavapipe')) return 'lavapipe'
  return isFallbackAdapter ? 'software' : 'hardware'
}
