import { type Candidate, type DeviceKind, kindOf } from '../choose.js'
import { createGpu } from './gpu.js'
import { installSwiftShader } from './swiftshader.js'
import { addVulkanDriver, hasVulkanLoader, mapLibrary, mayHaveVulkanDriver, nameVulkanDriver } from './vulkan.js'

/**
 * Looks for one kind of adapter through Dawn. With `anySoftware`, 'gpu' also accepts a software adapter of the
 * operating system that has no name of its own here (WARP).
 */
export async function findAdapter(name: 'gpu' | 'lavapipe' | 'swiftshader', anySoftware: boolean): Promise<Candidate> {
  if (process.platform === 'linux') {
    const missing = withLoader()
    if (missing) return { name, reason: missing }
  }
  if (name === 'swiftshader') return findSwiftShader()
  if (process.platform === 'linux' && !mayHaveVulkanDriver()) return { name, reason: 'no Vulkan driver is installed' }
  if (name === 'lavapipe') return ask(name, ['lavapipe'], 'llvmpipe')
  return ask(name, anySoftware ? ['hardware', 'software'] : ['hardware'])
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
  const candidate = await ask('swiftshader', ['swiftshader'], 'SwiftShader')
  if (candidate.adapter) return candidate
  nameVulkanDriver(installed.icd)
  return ask('swiftshader', ['swiftshader'], 'SwiftShader')
}

async function ask(name: Candidate['name'], kinds: readonly DeviceKind[], part?: string): Promise<Candidate> {
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
  return kinds.includes(kind)
    ? { name, adapter, kind }
    : { name, reason: `Dawn has only ${adapter.info.description || adapter.info.device} (${kind})` }
}
