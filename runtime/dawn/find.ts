import type { Candidate, DeviceKind, DeviceName } from '../choose.js'
import { candidateOf, kindOf } from '../webgpu/adapter.js'
import { createGpu } from './gpu.js'
import { createNaps } from './nap.js'
import { installSwiftShader } from './swiftshader.js'
import { addVulkanDriver, hasVulkanLoader, mapLibrary, mayHaveVulkanDriver, nameVulkanDriver } from './vulkan.js'

/** Looks for one kind of adapter through Dawn, which is not loaded where there plainly is none. */
export async function findAdapter(name: Exclude<DeviceName, 'cpu'>): Promise<Candidate> {
  if (process.platform === 'linux') {
    if (name !== 'swiftshader' && !mayHaveVulkanDriver()) return { name, reason: 'no Vulkan driver is installed' }
    const missing = withLoader()
    if (missing) return { name, reason: missing }
  }
  if (name === 'swiftshader') return findSwiftShader()
  if (name === 'lavapipe') return ask(name, 'lavapipe', 'llvmpipe')
  return ask(name, 'hardware')
}

/** Without a Vulkan loader Dawn finds nothing and says so on stderr: lends it the one that comes with SwiftShader. */
function withLoader(): string | undefined {
  if (hasVulkanLoader()) return undefined
  const swiftshader = installSwiftShader()
  if (typeof swiftshader === 'string') return `libvulkan.so.1 is not installed (and ${swiftshader})`
  return mapLibrary(swiftshader.loader)
}

async function findSwiftShader(): Promise<Candidate> {
  const installed = installSwiftShader()
  if (typeof installed === 'string') return { name: 'swiftshader', reason: installed }
  addVulkanDriver(installed.icd)
  const candidate = await ask('swiftshader', 'swiftshader', 'SwiftShader')
  if (candidate.found) return candidate
  nameVulkanDriver(installed.icd)
  return ask('swiftshader', 'swiftshader', 'SwiftShader')
}

async function ask(name: DeviceName, wanted: DeviceKind, part?: string): Promise<Candidate> {
  let adapter: GPUAdapter | null
  try {
    adapter = await (await createGpu(part)).requestAdapter({ powerPreference: 'high-performance' })
  } catch (err) {
    // Dawn lists the adapters it has when none carries the name.
    const text = err instanceof Error ? err.message : String(err)
    const others = [...text.matchAll(/name: '([^']*)'/g)].map((m) => m[1])
    return { name, reason: others.length > 0 ? `Dawn has only ${others.join(', ')}` : text.replace(/\s+/g, ' ').trim() }
  }
  if (!adapter) return { name, reason: 'Dawn has no adapter' }
  const kind = kindOf(adapter)
  if (kind !== wanted)
    return { name, reason: `Dawn has only ${adapter.info.description || adapter.info.device} (${kind})` }
  return candidateOf(name, { adapter, kind, backend: backend(), nap: kind === 'hardware' ? undefined : createNaps() })
}

const backend = (): string =>
  process.platform === 'darwin' ? 'metal' : process.platform === 'win32' ? 'd3d12' : 'vulkan'
